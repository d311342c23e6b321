import { count } from '../protocol/words.js';
import { isSecurityTest } from './test-files.js';

/** What is known about a repository before (and after) its checks ran. `cases` and `findings` are null before. */
export interface Known {
  /** Names of the checks that the environment has or that were detected. */
  readonly checks: readonly string[];
  /** Paths of the base's tree. */
  readonly paths: readonly string[];
  /** Patterns of the environment for tests of defences. */
  readonly securityTests: readonly string[];
  /** All AGENTS.md that hold, as one text. */
  readonly instructions: string;
  readonly cases: number | null;
  readonly findings: number | null;
  /** Packages that the lockfile pins by SHA-1 alone. */
  readonly weaklyLocked: number;
}

const SECURE_CODING = /secur|saniti[sz]|injection|escap|validat|owasp|secret|authoris|authoriz/i;

/** Of a review: its verdict is about the report. */
export const ABOUT_THE_REPORT = 'the verdict of a review says that what it cites exists, and nothing about the code';

/**
 * Why *passed* means less here than elsewhere. Shown before work starts and in every proof; never a reason to pass or to fail.
 */
export function warningsOf(known: Known): string[] {
  const warnings: string[] = [];
  if (known.checks.length === 0) warnings.push('no tests were found: nothing of the behaviour is checked, and the verdict will be `unverified`');
  else if (known.cases === 0) warnings.push('the tests name no case');
  if (!known.paths.some((path) => isSecurityTest(path, known.securityTests))) warnings.push('no security tests were found (by name, or `security_tests` of the environment): nothing checks that a defence still stands');
  if (known.instructions === '') warnings.push('there is no AGENTS.md');
  else if (!SECURE_CODING.test(known.instructions)) warnings.push('AGENTS.md has no security rules');
  if (known.findings !== null && known.findings > 0) warnings.push(`${count(known.findings, 'finding')} of the scanner stood in the base already`);
  if (known.weaklyLocked > 0) warnings.push(`${count(known.weaklyLocked, 'package')} of the lockfile ${known.weaklyLocked === 1 ? 'is' : 'are'} pinned by SHA-1 alone: whoever published one could have published two`);
  return warnings;
}

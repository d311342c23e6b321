import { count } from '../protocol/words.js';
import type { Evidence, ScanResult } from '../protocol/evidence.js';
import { tamperRule } from '../sarif/tamper/rules.js';
import type { Finding } from './conditions.js';
import { isSecurityTest } from './test-files.js';

type Given = Pick<Evidence, 'scan'> & { readonly environment?: Pick<Evidence['environment'], 'securityTests'> };

/** That the change took nothing from its tests, and left alone what judges changes and steers agents. */
export function tamperConditions({ scan, environment }: Given): Finding[] {
  const fresh = scan.results.filter((one) => one.state === 'new');
  return [testsNotWeakened(fresh, { scan, ...(environment === undefined ? {} : { environment }) }), protectedUntouched(fresh)];
}

/** What the change took from tests that say that a defence stands. */
export function weakenedSecurityTests({ scan, environment }: Given): ScanResult[] {
  return scan.results.filter((one) => one.state === 'new' && tamperRule(one.rule)?.weakens === true && isSecurityTest(one.path, environment?.securityTests ?? []));
}

function testsNotWeakened(fresh: readonly ScanResult[], given: Given): Finding {
  const { scan } = given;
  const id = 'tests.not_weakened';
  const weaker = fresh.filter((one) => tamperRule(one.rule)?.weakens === true);
  const security = weakenedSecurityTests(given);
  if (security.length > 0) return { id, holds: 'no', detail: `Security tests were weakened, which needs an approval of its own: ${named(security)}.`.slice(0, 2000) };
  const clear = weaker.filter((one) => one.level !== 'note');
  if (clear.length > 0) return { id, holds: 'no', detail: `Tests were weakened in ${count(clear.length, 'place')}: ${named(clear)}.`.slice(0, 2000) };
  if (weaker.length > 0) return { id, holds: 'unknown', detail: `Tests may say less than before, which a person has to look at: ${named(weaker)}.`.slice(0, 2000) };
  if (!scan.ran || scan.problem !== null) return { id, holds: 'unknown', detail: 'The tests of base and head could not be compared, for the scan does not count.' };
  return { id, holds: 'yes', detail: 'No test of the base is known to say less.' };
}

/** Nobody's request covers this: the words of a request may be those of somebody else, and a kind says nothing of a path. */
function protectedUntouched(fresh: readonly ScanResult[]): Finding {
  const id = 'files.protected';
  const found = [...new Set(fresh.filter((one) => one.rule === 'tamper/protected-file').map((one) => one.path))];
  return found.length === 0
    ? { id, holds: 'yes', detail: 'The change leaves alone what judges changes and steers agents.' }
    : { id, holds: 'unknown', detail: `The change touches what judges changes or steers agents; a person has to look at it and take it on (sallyport apply TASK --accept "REASON"): ${found.slice(0, 5).join(', ')}${found.length > 5 ? ` and ${found.length - 5} more` : ''}.`.slice(0, 2000) };
}

function named(results: readonly ScanResult[]): string {
  return results.slice(0, 5).map((one) => `${one.rule} at ${one.path}:${one.line}`).join('; ');
}

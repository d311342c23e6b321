import { weaklyLocked } from '../egress/lockfile.js';
import type { Known } from '../gate/warnings.js';
import { readFileAt } from '../git/change.js';
import type { GitContext } from '../git/command.js';
import { listTree } from '../git/tree.js';
import { readInstructions } from '../instructions/agents-md.js';
import type { Environment } from '../setup/environment.js';

/** What a base tells about itself without running anything of it: what the warnings before work, of `init` and in every proof rest on. */
export async function factsOf(mirror: GitContext, commit: string, environment: Environment): Promise<Omit<Known, 'cases' | 'findings'>> {
  const lock = (await readFileAt(mirror, commit, 'npm-shrinkwrap.json', MAX)) ?? (await readFileAt(mirror, commit, 'package-lock.json', MAX));
  return {
    checks: Object.keys(environment.checks), securityTests: environment.spec.security_tests, paths: (await listTree(mirror, commit)).map((e) => e.path.toString('utf8')),
    instructions: (await readInstructions(mirror, commit)).text, weaklyLocked: lock === null ? 0 : weaklyLocked(lock.toString('utf8')),
  };
}

const MAX = 64 * 1024 * 1024;

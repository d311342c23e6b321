import type { Evidence } from '../../src/protocol/evidence.js';
import type { Home } from './cli.js';
import { commitAll, personGit, write } from './repo.js';

export interface Checked {
  readonly verdict: string;
  readonly evidence: Evidence;
  /** The evidence as Markdown. */
  readonly text: string;
  /** Conditions that do not hold or are not known, `id=no` or `id=unknown`. */
  readonly open: string[];
}

/** Puts files on a new branch of the repository's `main` through the gate, by the command line. */
export async function checkedBranch(home: Home, repo: string, branch: string, files: Readonly<Record<string, string>>, ...options: readonly string[]): Promise<Checked> {
  personGit(repo, 'checkout', '--quiet', '-B', branch, 'main');
  write(repo, files);
  commitAll(repo, branch);
  const ran = await home.sally(['check', '--repo', repo, '--base', 'main', '--head', branch, '--json', ...options]);
  const evidence = (await home.sally(['evidence', 'last', '--json'])).json as Evidence;
  return { verdict: (ran.json as { verdict: string }).verdict, evidence, text: (await home.sally(['evidence', 'last'])).stdout, open: evidence.conditions.filter((one) => one.holds !== 'yes').map((one) => `${one.id}=${one.holds}`) };
}

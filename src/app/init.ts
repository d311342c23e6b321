import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findSource } from '../git/mirror.js';
import { warningsOf } from '../gate/warnings.js';
import { SallyportError } from '../protocol/errors.js';
import { environmentAt } from '../setup/environment.js';
import { factsOf } from '../workflow/facts.js';
import type { App } from './app.js';
import { detectAt, lastCommitOf } from './environment.js';

export interface Initialised {
  readonly file: string;
  readonly text: string;
  /** What was looked at and what it says, for the person. */
  readonly detected: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Writes `sallyport.yaml` next to the repository's other files from what its last commit tells. A file that is there already
 * is never touched (`input.wrong_state`). Nothing of the repository is run.
 */
export async function init(app: App, repository: string): Promise<Initialised> {
  const source = await findSource(repository, app.cwd, app.exceptions);
  if (source.kind !== 'folder') throw new SallyportError('input.invalid', `Cannot write sallyport.yaml into ${source.url.href}: it is not a folder`, { hint: 'Name a checkout: --repo DIR' });
  const at = await lastCommitOf(app, source);
  const { mirror, commit } = at;
  const environment = await environmentAt(mirror, commit, null);
  const facts = await factsOf(mirror, commit, environment);
  const { text, notes } = await detectAt(app, at);
  const file = join(source.path, 'sallyport.yaml');
  await writeFile(file, text, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new SallyportError('input.wrong_state', `${file} is there already`, { hint: 'docs/environment.md shows every key.' });
    throw error;
  });
  return {
    file, text, detected: detect(facts.paths, Object.entries(environment.checks).map(([name, c]) => `${name}: ${'command' in c ? `${c.command}${c.runner === 'tap' ? ' (TAP, case by case)' : ''}` : `${c.runner === 'node-test' ? 'node --test' : c.runner} ${c.args.join(' ')} (case by case)`.replace('  ', ' ')}`)).concat(notes),
    warnings: warningsOf({ ...facts, cases: null, findings: null }),
  };
}

const NODE_LOCKFILES = [
  ['npm-shrinkwrap.json', 'npm, from its lockfile'], ['package-lock.json', 'npm, from its lockfile'], ['pnpm-lock.yaml', 'pnpm, from its lockfile'], ['yarn.lock', 'yarn, from its lockfile'],
] as const;

function detect(paths: readonly string[], checks: readonly string[]): string[] {
  const has = (name: string): boolean => paths.includes(name);
  const node = !has('package.json') ? null : (NODE_LOCKFILES.find(([lockfile]) => has(lockfile))?.[1] ?? 'npm, but there is no package-lock.json: commit one, or set setup.resolve');
  const lockfile = ['uv.lock', 'poetry.lock', 'pylock.toml', 'requirements.txt'].find(has);
  const python = lockfile === undefined ? null : `Python, from ${lockfile}${lockfile === 'requirements.txt' ? ' where its lines have --hash' : ''}`;
  const go = !has('go.mod') ? null : has('go.sum') ? 'Go, from go.sum' : 'Go, but there is no go.sum: commit one where go.mod requires modules';
  const crates = !has('Cargo.toml') ? null : has('Cargo.lock') ? 'crates, from Cargo.lock' : 'crates, but there is no Cargo.lock: commit one';
  const others = python === null && has('pyproject.toml') ? ['pyproject.toml'] : [];
  return [
    `dependencies: ${[node, python, go, crates].filter((text) => text !== null).join('; ') || 'none that can be fetched'}`,
    ...(others.length > 0 ? [`not fetched yet: ${others.join(', ')}`] : []),
    ...(checks.length > 0 ? checks.map((c) => `check ${c}`) : ['no check was found: add one under `checks`']),
    has('AGENTS.md') ? 'instructions: AGENTS.md' : 'no AGENTS.md',
  ];
}

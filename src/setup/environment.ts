import { parse } from 'yaml';
import { readFileAt } from '../git/change.js';
import type { GitContext } from '../git/command.js';
import { listTree } from '../git/tree.js';
import { type CheckSpec, EnvironmentSpec } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import { refusedSuppressions } from '../sarif/suppress.js';
import { type BaseFiles, detectChecks } from './detect.js';

export interface Environment {
  readonly spec: EnvironmentSpec;
  readonly checks: Readonly<Record<string, CheckSpec>>;
  /** Where it comes from, for the person: `sallyport.yaml on the base`, `--env FILE` or `detected`. */
  readonly source: string;
}

/** Reads an environment definition. Every problem names its key and what was expected; throws `env.invalid`. */
export function parseEnvironment(text: string, name: string, now = new Date()): EnvironmentSpec {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' });
  } catch (cause) {
    throw new SallyportError('env.invalid', `Cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const parsed = EnvironmentSpec.safeParse(value);
  const problems = parsed.success ? refusedSuppressions(parsed.data.suppressions, now.toISOString().slice(0, 10)).slice(0, 5) : parsed.error.issues.slice(0, 5).map((i) => `${i.path.join('.') || 'the file'}: ${i.message}`);
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new SallyportError('env.invalid', `Cannot use ${name}: ${problems.join('; ')}`, { hint: 'docs/environment.md shows every key.' });
}

/**
 * The environment of a run: the given definition, or what the files of the base tell. Both are of the protected base; a task branch
 * has no say.
 */
export async function decideEnvironment(definition: { readonly text: string; readonly source: string } | null, base: BaseFiles): Promise<Environment> {
  const spec = definition === null ? EnvironmentSpec.parse({ version: 1 }) : parseEnvironment(definition.text, definition.source);
  return { spec, checks: spec.checks ?? (await detectChecks(base)), source: definition?.source ?? 'detected' };
}

/** The environment that holds for a commit: the person's own definition, the one that the commit carries, or what is detected. */
export async function environmentAt(context: GitContext, commit: string, given: { readonly text: string; readonly source: string } | null): Promise<Environment> {
  const read = async (path: string): Promise<string | null> => (await readFileAt(context, commit, path))?.toString('utf8') ?? null;
  const own = given === null ? await read('sallyport.yaml') : null;
  const definition = given ?? (own === null ? null : { text: own, source: 'sallyport.yaml on the base' });
  let paths: Promise<readonly string[]> | undefined;
  return await decideEnvironment(definition, { read, list: () => (paths ??= listTree(context, commit).then((entries) => entries.map((e) => e.path.toString('utf8')))) });
}

import { parse } from 'yaml';
import { z } from 'zod';
import { readFileAt } from '../git/change.js';
import type { GitContext } from '../git/command.js';
import { type CheckSpec, EnvironmentSpec } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';

export interface Environment {
  readonly spec: EnvironmentSpec;
  readonly checks: Readonly<Record<string, CheckSpec>>;
  /** Where it comes from, for the person: `sallyport.yaml on the base`, `--env FILE` or `detected`. */
  readonly source: string;
}

const Package = z.object({ scripts: z.record(z.string(), z.string()).optional() });

/** Reads an environment definition. Every problem names its key and what was expected; throws `env.invalid`. */
export function parseEnvironment(text: string, name: string): EnvironmentSpec {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' });
  } catch (cause) {
    throw new SallyportError('env.invalid', `Cannot read ${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  const parsed = EnvironmentSpec.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 5).map((i) => `${i.path.join('.') || 'the file'}: ${i.message}`);
  throw new SallyportError('env.invalid', `Cannot use ${name}: ${problems.join('; ')}`, { hint: 'docs/environment.md shows every key.' });
}

/**
 * The environment of a run: the given definition, or what package.json tells. `definition` and `packageJson` are texts of the
 * protected base; a task branch has no say.
 */
export function decideEnvironment(definition: { readonly text: string; readonly source: string } | null, packageJson: string | null): Environment {
  const spec = definition === null ? EnvironmentSpec.parse({ version: 1 }) : parseEnvironment(definition.text, definition.source);
  return { spec, checks: spec.checks ?? detectChecks(packageJson), source: definition?.source ?? 'detected' };
}

/** The environment that holds for a commit: the person's own definition, the one that the commit carries, or what is detected. */
export async function environmentAt(context: GitContext, commit: string, given: { readonly text: string; readonly source: string } | null): Promise<Environment> {
  const own = given === null ? await readFileAt(context, commit, 'sallyport.yaml') : null;
  const definition = given ?? (own === null ? null : { text: own.toString('utf8'), source: 'sallyport.yaml on the base' });
  return decideEnvironment(definition, (await readFileAt(context, commit, 'package.json'))?.toString('utf8') ?? null);
}

/** `npm test` as the project declares it; a plain `node --test …` is run case by case. */
export function detectChecks(packageJson: string | null): Record<string, CheckSpec> {
  if (packageJson === null) return {};
  let script: string | undefined;
  try {
    script = Package.parse(JSON.parse(packageJson)).scripts?.['test'];
  } catch {
    return {}; // not a package.json: nothing is known, so nothing is claimed; the run will be `unverified`
  }
  if (script === undefined || /no test specified/.test(script) || script.trim() === '') return {};
  const words = script.trim().split(/\s+/);
  const plain = words[0] === 'node' && words[1] === '--test' && words.slice(2).every((w) => /^["']?[\w./*@-]+["']?$/.test(w) && !w.startsWith('--test-reporter'));
  const args = words.slice(2).map((w) => w.replace(/^["']|["']$/g, ''));
  return { test: plain ? { runner: 'node-test', args, timeout: 600 } : { runner: 'command', command: 'npm test', timeout: 600 } };
}

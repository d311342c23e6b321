import type { CheckSpec } from '../protocol/environment.js';

/** Files that tell common runners what to run and how. */
const CONFIGS = /(^|\/)((jest|vitest|vite|mocha|ava|karma|tap|babel|webpack|playwright|cypress)[.\w-]*\.(js|cjs|mjs|ts|cts|mts|json)|\.(mocharc|taprc|c8rc|nycrc|babelrc|swcrc)[.\w]*|Makefile|makefile|Justfile|conftest\.py|pytest\.ini|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|Rakefile|build\.gradle(\.kts)?|pom\.xml)$/;

export interface Definition {
  readonly checks: Readonly<Record<string, CheckSpec>>;
  /** Paths of the change. */
  readonly changed: readonly string[];
  /** package.json of base and head, null where there is none. */
  readonly packageJson: { readonly base: string | null; readonly head: string | null };
}

/**
 * What of a change says how the checks run, for checks that are judged by their exit code alone: with those a change that
 * redefines the check looks just like one that mends the code. Runner configuration, the scripts of package.json, and files
 * that the command names. Empty where every check gives its cases by our own reporter.
 */
export function changedDefinitions({ checks, changed, packageJson }: Definition): string[] {
  const commands = Object.values(checks).flatMap((c) => (c.runner === 'command' ? [c.command] : []));
  if (commands.length === 0) return [];
  const scripts = scriptsOf(packageJson.base);
  const words = new Set([...commands, ...Object.values(scripts ?? {})].flatMap((text) => text.split(/[\s;&|()"'`=]+/)).map((w) => w.replace(/^\.\//, '')));
  const found = changed.filter((path) => CONFIGS.test(path) || words.has(path) || words.has(path.replace(/\.[cm]?[jt]s$/, '')));
  const same = JSON.stringify(scripts) === JSON.stringify(scriptsOf(packageJson.head));
  return [...new Set([...found, ...(same ? [] : ['package.json (scripts)'])])].sort();
}

/** The scripts in a fixed order; null when there are none that can be read. */
function scriptsOf(packageJson: string | null): Record<string, string> | null {
  if (packageJson === null) return null;
  try {
    const { scripts } = JSON.parse(packageJson) as { scripts?: unknown };
    if (typeof scripts !== 'object' || scripts === null) return null;
    return Object.fromEntries(Object.entries(scripts).filter((e): e is [string, string] => typeof e[1] === 'string').sort(([a], [b]) => a.localeCompare(b)));
  } catch {
    return null;
  }
}

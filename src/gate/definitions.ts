import type { CheckSpec } from '../protocol/environment.js';

type Runner = CheckSpec['runner'];
/** What of a project a runner executes or obeys besides the tests: files by name, and keys of package.json. */
interface Configuration {
  readonly files: RegExp | null;
  readonly keys: readonly string[];
}

const CODE = '\\.(?:js|cjs|mjs|ts|cts|mts|json)';
const named = (pattern: string): RegExp => new RegExp(`(?:^|/)(?:${pattern})$`);
/** Sets of plug-ins that change the code of a test before it runs. */
const TRANSFORMS = `babel\\.config[.\\w-]*|\\.babelrc[.\\w]*|\\.swcrc|tsconfig[.\\w-]*\\.json`;
const PYTHON = 'conftest\\.py|pytest\\.ini|tox\\.ini|setup\\.cfg|pyproject\\.toml|(?:site|user)customize\\.py|[^/]+\\.(?:dist|egg)-info/entry_points\\.txt';
/** Where installed packages stand, the runners among them: whoever writes there brings a runner of one's own. */
const INSTALLED = /(?:^|\/)(?:node_modules|site-packages|dist-packages|\.venv)\/|\.pth$/;

/** Files that tell common runners and linters what to run and how. */
const ANY = named(`(?:jest|vitest|vite|mocha|ava|karma|tap|babel|webpack|playwright|cypress|eslint)[.\\w-]*${CODE}|\\.(?:mocharc|taprc|c8rc|nycrc|eslintrc|eslintignore|oxlintrc)[.\\w]*|biome\\.jsonc?|${TRANSFORMS}|Makefile|makefile|Justfile|${PYTHON}|noxfile\\.py|\\.npmrc|\\.yarnrc(?:\\.yml)?|\\.pnpmfile\\.cjs|\\.pnp\\.c?js|Rakefile|build\\.gradle(?:\\.kts)?|pom\\.xml`);
const CONFIGURATION: Readonly<Record<Runner, Configuration>> = {
  command: { files: ANY, keys: ['scripts'] },
  // Our reporter, and no configuration of the project's.
  'node-test': { files: null, keys: [] },
  vitest: { files: named(`(?:vitest|vite)[.\\w-]*${CODE}|${TRANSFORMS}`), keys: [] },
  jest: { files: named(`jest[.\\w-]*${CODE}|${TRANSFORMS}`), keys: ['jest', 'babel'] },
  mocha: { files: named(`\\.mocharc[.\\w]*|mocha[.\\w-]*${CODE}|${TRANSFORMS}`), keys: ['mocha'] },
  pytest: { files: named(PYTHON), keys: [] },
  unittest: { files: named('(?:site|user)customize\\.py'), keys: [] },
  // The go tool takes no code for its own use, and a module file that hides tests makes cases vanish.
  go: { files: null, keys: [] },
  // Says what runs in place of the programs of tests, and by which compiler.
  cargo: { files: named('\\.cargo/config(?:\\.toml)?|rust-toolchain(?:\\.toml)?'), keys: [] },
  tap: { files: ANY, keys: ['scripts'] },
};

export interface Definition {
  readonly checks: Readonly<Record<string, CheckSpec>>;
  /** Paths of the change. */
  readonly changed: readonly string[];
  /** package.json of base and head, null where there is none. */
  readonly packageJson: { readonly base: string | null; readonly head: string | null };
}

/**
 * What of a change says how the checks run: a change that redefines a check looks just like one that mends the code. Files among installed packages; configuration of the
 * runners, which is code that runs beside their reports; for a check that is judged by its exit code also the scripts of package.json; and
 * files that a command, or an option of a runner, names.
 */
export function changedDefinitions({ checks, changed, packageJson }: Definition): string[] {
  const all = Object.values(checks);
  const [base, head] = [read(packageJson.base), read(packageJson.head)];
  const words = new Set(all.flatMap((check) => ('command' in check ? commandWords(check.command, base) : optionValues(check.args))));
  const files = changed.filter((path) => (all.length > 0 && INSTALLED.test(path)) || all.some((check) => CONFIGURATION[check.runner].files?.test(path)) || words.has(path) || words.has(path.replace(/\.[cm]?[jt]s$/, '')));
  const keys = new Set(all.flatMap((check) => CONFIGURATION[check.runner].keys)).values();
  const redefined = [...keys].filter((key) => canonical(base[key]) !== canonical(head[key])).map((key) => `package.json (${key})`);
  return [...new Set([...files, ...redefined])].sort();
}

function commandWords(command: string, base: Readonly<Record<string, unknown>>): string[] {
  const scripts = Object.values(typeof base['scripts'] === 'object' && base['scripts'] !== null ? base['scripts'] : {}).filter((script) => typeof script === 'string');
  return [command, ...scripts].flatMap((text) => text.split(/[\s;&|()"'`=]+/)).map(plain);
}

/** What options name (`--config=x`, `--require x`): a test file among the arguments says what runs, and its cases are compared. */
function optionValues(args: readonly string[]): string[] {
  return args.flatMap((arg, i) => (arg.startsWith('-') ? [arg.split('=').slice(1).join('=')] : /^-[^=]*$/.test(args[i - 1] ?? '') ? [arg] : [])).filter((word) => word !== '').map(plain);
}

function plain(word: string): string {
  return word.replace(/^\.\//, '');
}

/** Empty where it cannot be read: what is broken on one side only then differs in every key that the other has. */
function read(packageJson: string | null): Record<string, unknown> {
  try {
    const value: unknown = packageJson === null ? null : JSON.parse(packageJson);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The same text whatever the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner)) ?? '';
}

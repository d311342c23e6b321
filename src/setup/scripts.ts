export type Scripts = Readonly<Record<string, string>>;
type NpmRunner = 'node-test' | 'vitest' | 'jest' | 'mocha';
/** What `npm test` comes to: one run of the tests, and linters beside it. */
export interface TestScript {
  readonly test: { readonly runner: NpmRunner; readonly args: string[] };
  /** Commands joined by `&&`; null when there are none. */
  readonly rest: string | null;
}

const MAX_DEPTH = 5;
/** A word without meaning to a shell besides a pattern, perhaps in quotes as a whole. */
const WORD = /^(?:[\w./@:,+=*-]+|"[\w./@:,+=*-]+"|'[\w./@:,+=*-]+')$/;
/** Programs that only look: they need nothing of the tests, and the tests need nothing of them. */
const LINTERS = /^(?:eslint|oxlint|biome (?:check|lint|ci|format)|prettier (?:--check|-c)|standard|xo|stylelint|knip|tsc (?:.*)--noEmit|tsd|publint|markdownlint|markdownlint-cli2|dprint check|cspell|ls-lint|commitlint|depcheck)\b/;
/** Options that write into the tree: with them the order matters. */
const WRITES = /(?:^|\s)(?:--fix|--write|-w|--emit|--build|-b|--outDir)(?=\s|=|$)/;
/** Options that would take the report, never end, leave the cases untold, or measure something else. */
const UNSUITED = /^--?(?:reporters?|R|O|reporter-options?|test-reporter.*|json|outputFile.*|output-?file|watch.*|w|ui|list.*|dry-run|showConfig|init|parallel|p|jobs|j|coverageThreshold|coverage\..*|check-coverage|help|h|version|v|V|inspect.*)(?:=|$)/;

/**
 * Takes the `test` script apart at `&&`, with the scripts that it calls and those that npm runs before and after it. Null where something of
 * it is not understood: a build before the tests, quotes, variables, anything else that a shell would work on. The whole is one command then.
 */
export function splitTestScript(scripts: Scripts): TestScript | null {
  const commands = flatten(scripts, 'test', 0);
  if (commands === null) return null;
  const tests = commands.flatMap((command) => testOf(command) ?? []);
  const others = commands.filter((command) => testOf(command) === null);
  const [test] = tests;
  if (test === undefined || tests.length > 1 || !others.every((command) => isLinter(command))) return null;
  return { test, rest: others.length === 0 ? null : others.join(' && ') };
}

/** The plain commands of a script in the order of npm; null where one is not plain. */
function flatten(scripts: Scripts, name: string, depth: number): string[] | null {
  const found: string[] = [];
  for (const key of [`pre${name}`, name, `post${name}`]) {
    const script = scripts[key];
    if (script === undefined) continue;
    for (const part of script.split('&&')) {
      const command = part.trim().split(/\s+/);
      if (!command.every((word) => WORD.test(word))) return null;
      const called = calledScript(command);
      const inner = called === null ? [command.join(' ')] : depth < MAX_DEPTH && scripts[called] !== undefined ? flatten(scripts, called, depth + 1) : null;
      if (inner === null) return null;
      found.push(...inner);
    }
  }
  return found;
}

/** The script that a command names, without arguments of its own. */
function calledScript([program, ...rest]: readonly string[]): string | null {
  if (program !== 'npm') return null;
  const words = rest.filter((word) => word !== '-s' && word !== '--silent');
  if (words.length === 1 && (words[0] === 'test' || words[0] === 't')) return 'test';
  return words.length === 2 && (words[0] === 'run' || words[0] === 'run-script') ? (words[1] as string) : null;
}

function isLinter(command: string): boolean {
  return LINTERS.test(command.replace(/^npx (?:--no-install )?/, '')) && !WRITES.test(command);
}

/** A command that runs the tests with plain arguments; null for any other. */
function testOf(command: string): TestScript['test'] | null {
  const words = withoutWrapper(command.split(' '));
  const program = words[0]?.replace(/^(?:\.\/)?node_modules\/\.bin\//, '');
  const args = withoutReporter(words.slice(1).map((word) => word.replace(/^(["'])(.*)\1$/, '$2')));
  if (program === 'node' && args[0] === '--test') return suited('node-test', args.slice(1), true);
  if (program === 'vitest') {
    const rest = args[0] === 'run' ? args.slice(1) : args.filter((arg) => arg !== '--run');
    return ['bench', 'typecheck', 'list', 'watch', 'dev', 'related', 'init'].includes(rest[0] ?? '') ? null : suited('vitest', withoutCoverage(rest), false);
  }
  if (program === 'jest') return suited('jest', withoutCoverage(args), false);
  return program === 'mocha' ? suited('mocha', args, true) : null;
}

/** How the results look to a person: the gate asks for a report of its own, which takes its place. */
function withoutReporter(args: readonly string[]): string[] {
  const simple = (arg: string | undefined): boolean => /^[a-z][\w-]*$/.test(arg ?? '');
  const flag = (arg: string | undefined): boolean => /^(?:-R|--reporters?)$/.test(arg ?? '');
  return args.filter((arg, i) => !/^--reporters?=[a-z][\w-]*$/.test(arg) && !(flag(arg) && simple(args[i + 1])) && !(flag(args[i - 1]) && simple(arg)));
}

function suited(runner: NpmRunner, args: readonly string[], patterns: boolean): TestScript['test'] | null {
  const fit = args.every((arg) => !UNSUITED.test(arg) && (patterns || !arg.includes('*')));
  // With `node --test` only paths: its other options are Node's own.
  return fit && (runner !== 'node-test' || args.every((arg) => /^[\w./*@-]+$/.test(arg))) ? { runner, args: [...args] } : null;
}

/** Coverage is measured beside the tests and says nothing of a case. */
function withoutCoverage(args: readonly string[]): string[] {
  return args.filter((arg) => arg !== '--coverage' && arg !== '--coverage=true');
}

/** `npx`, and programs that measure coverage of what they run: with nothing else to say they change nothing of the cases. */
function withoutWrapper(words: readonly string[]): readonly string[] {
  const [first, second] = words;
  if (first === 'npx') return withoutWrapper(words.slice(second === '--no-install' ? 2 : 1));
  if (first === 'c8' || first === 'nyc') {
    const rest = words.slice(1);
    const start = rest.findIndex((word) => !word.startsWith('-'));
    return start < 0 || rest.slice(0, start).some((word) => word.startsWith('--check-coverage') || !word.includes('=')) ? [] : withoutWrapper(rest.slice(start));
  }
  return words;
}

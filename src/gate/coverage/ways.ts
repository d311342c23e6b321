import type { CheckSpec } from '../../protocol/environment.js';
import type { LineRange } from '../../protocol/coverage.js';
import { argvOf, type Way } from '../collect.js';
import type { Language } from './languages.js';

/** A file whose lines are asked for. */
export interface Asked {
  readonly path: string;
  readonly lines: readonly LineRange[];
}

/** How one language is measured in a run of a check. */
export interface Measure {
  readonly language: Language;
  readonly by: 'v8' | 'istanbul' | 'trace';
  /** What is run in the sandbox after the check, and what it is told. */
  readonly reader: readonly string[];
  readonly input: { readonly form: string; readonly folder: string; readonly whole: boolean };
}

/** How a check runs with coverage measured. `rewritten` = the code is another while it is, so a case may end otherwise for that alone. */
export interface Covered {
  readonly way: Way;
  readonly measures: readonly Measure[];
  readonly rewritten: boolean;
}

/** Inside the sandbox. */
export const FOLDER = '/tmp/sallyport-coverage';
const NOTES = '/tmp/sallyport-trace';
const NODE_READER = ['/opt/sallyport/node', '/opt/sallyport/coverage.cjs'];
const PYTHON_READER = ['python3', '-I', '-S', '/opt/sallyport/sallyport_lines.py'];
/** Options by which pytest runs tests in processes that tell us nothing. */
const APART = /^(?:-n\d*$|-nauto$|--numprocesses\b|--dist\b|--tx\b)/;
/** Linux takes at most 128 KiB in one argument or variable. */
const MAX_WORDS = 100_000;

/** What a sandbox has installed that coverage can be measured with; found by a command inside. */
export interface Installed {
  readonly vitest: 'v8' | 'istanbul' | null;
}

/** How to run a check with coverage of some files measured, or the reason why not. Pure. */
export function coveredWay(check: CheckSpec, files: ReadonlyMap<Language, readonly Asked[]>, variables: Readonly<Record<string, string>>, installed: Installed): Covered | { readonly reason: string } {
  const [script, python] = [files.get('javascript') ?? [], files.get('python') ?? []];
  switch (check.runner) {
    case 'node-test':
    case 'mocha':
      return script.length === 0 ? nothing('JavaScript') : { way: { env: V8 }, measures: [v8(true)], rewritten: false };
    case 'jest':
    case 'vitest':
      return script.length === 0 ? nothing('JavaScript') : byRunner(check, script.map((one) => one.path), installed);
    case 'pytest':
    case 'unittest':
      if (python.length === 0) return nothing('Python');
      return check.args.some((arg) => APART.test(arg)) ? { reason: 'its tests run in processes of their own' } : traced(python, variables, true);
    case 'go':
      return { reason: 'coverage is not measured for Go' };
    case 'cargo':
      return { reason: 'coverage is not measured for Rust' };
    case 'tap':
    case 'command':
      return byCommand(check.command, script, python, variables);
    default:
      return check satisfies never;
  }
}

const V8: Readonly<Record<string, string>> = { NODE_V8_COVERAGE: FOLDER };

function v8(whole: boolean): Measure {
  return { language: 'javascript', by: 'v8', reader: NODE_READER, input: { form: 'v8', folder: FOLDER, whole } };
}

function nothing(language: string): { readonly reason: string } {
  return { reason: `it runs ${language}, of which the change has no line` };
}

/** jest brings istanbul along; vitest has a provider only where the project installed one. Both are told the files, for their configuration may leave some out. */
function byRunner(check: Extract<CheckSpec, { args: string[] }>, paths: readonly string[], { vitest }: Installed): Covered | { readonly reason: string } {
  if (paths.some((path) => /[*?[\]{}()!,\s]/.test(path))) return { reason: 'a changed file has a name that the runner would take for a pattern' };
  const jest = check.runner === 'jest';
  if (!jest && vitest === null) return { reason: 'no coverage provider of vitest is installed' };
  const off = jest ? '--coverage=false' : '--coverage.enabled=false';
  const on = jest
    ? ['--coverage=true', '--coverageReporters=json', `--coverageDirectory=${FOLDER}`, '--coveragePathIgnorePatterns=/node_modules/', ...paths.map((path) => `--collectCoverageFrom=${path}`)]
    : ['--coverage.enabled=true', `--coverage.provider=${vitest}`, '--coverage.reporter=json', `--coverage.reportsDirectory=${FOLDER}`, '--coverage.reportOnFailure=true', ...paths.map((path) => `--coverage.include=${path}`)];
  const argv = argvOf(check).flatMap((word) => (word === off ? on : [word]));
  if (on.join(' ').length > MAX_WORDS) return { reason: 'the change has too many files to name them to the runner' };
  return { way: { argv }, rewritten: true, measures: [{ language: 'javascript', by: 'istanbul', reader: NODE_READER, input: { form: 'istanbul', folder: FOLDER, whole: true } }] };
}

function traced(files: readonly Asked[], variables: Readonly<Record<string, string>>, whole: boolean): Covered | { readonly reason: string } {
  const asked = JSON.stringify({ folder: NOTES, files: files.map((one) => one.path) });
  if (asked.length > MAX_WORDS) return { reason: 'the change has too many files to trace them' };
  const path = ['/opt/sallyport/trace', ...(variables['PYTHONPATH'] === undefined ? [] : [variables['PYTHONPATH']])].join(':');
  return {
    way: { env: { SALLYPORT_TRACE: asked, PYTHONPATH: path } }, rewritten: false,
    measures: [{ language: 'python', by: 'trace', reader: PYTHON_READER, input: { form: 'trace', folder: NOTES, whole } }],
  };
}

/** A command may run a compiled copy of what changed: only where it starts the interpreter itself does a file that was not loaded count as not executed. */
function byCommand(command: string, script: readonly Asked[], python: readonly Asked[], variables: Readonly<Record<string, string>>): Covered | { readonly reason: string } {
  const plain = (program: string): boolean => new RegExp(`^\\s*${program}(?:\\s+[\\w./:=@%+-]+)*\\s*$`).test(command);
  const trace = python.length === 0 ? null : traced(python, variables, plain('python3?'));
  if (trace !== null && 'reason' in trace && script.length === 0) return trace;
  const measures = [...(script.length === 0 ? [] : [v8(plain('node'))]), ...(trace === null || 'reason' in trace ? [] : trace.measures)];
  if (measures.length === 0) return { reason: 'coverage is measured for JavaScript, TypeScript and Python' };
  return { way: { env: { ...(script.length === 0 ? {} : V8), ...(trace === null || 'reason' in trace ? {} : trace.way.env) } }, measures, rewritten: false };
}

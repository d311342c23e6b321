import type { TestCase } from '../../protocol/evidence.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, type Told, unreadable } from './cases.js';
import { MAX_REPORT, type Runner, type RunnerOutput, type RunnerReport } from './runner.js';

const MAX_LINE = 64 * 1024;
const MAX_MESSAGE = 3000;
const ENDS: Readonly<Record<string, TestCase['status']>> = { ok: 'passed', FAILED: 'failed', ignored: 'skipped', 'bench:': 'passed' };

/**
 * `cargo test`, offline, with the plain text of libtest (its JSON is not stable). Which program is running cargo says on standard error, so that both go one way, in the order in which they were
 * written. Build output lies in the sandbox's /tmp.
 */
export const CARGO: Runner = {
  reportsTo: 'stdout',
  canaries: false,
  argv: (args) => [
    '/usr/bin/env', 'CARGO_TARGET_DIR=/tmp/cargo-target', 'CARGO_NET_OFFLINE=true', 'CARGO_TERM_COLOR=never', 'CARGO_TERM_QUIET=false', 'CARGO_TERM_VERBOSE=false', 'CARGO_TERM_PROGRESS_WHEN=never', 'RUST_BACKTRACE=0', 'RUSTUP_AUTO_INSTALL=0',
    '/bin/sh', '-c', 'exec cargo test --no-fail-fast "$@" 2>&1', 'cargo', ...args,
  ],
  parse: readCargoTest,
};

/** `running 3 tests` to the next of its kind, or to the next program. */
interface Block {
  readonly expected: number;
  readonly cases: { readonly name: string; readonly status: TestCase['status'] }[];
  readonly messages: Map<string, string>;
  result: { readonly ok: boolean; readonly counts: readonly number[] } | null;
  /** What of the output it is in: cases, or what tests that failed printed, where anything may stand. */
  told: boolean;
  /** A name whose result stands further on, for the test printed between. */
  open: string | null;
  about: string | null;
}

/** One program of tests, or the examples of one package's documentation. */
interface Program {
  readonly place: string;
  readonly blocks: Block[];
  failed: boolean;
}

function readCargoTest(output: RunnerOutput): RunnerReport {
  const text = output.report ?? '';
  if (text.length > MAX_REPORT) return unreadable(`the report is ${text.length} characters long, at most ${MAX_REPORT} are read`);
  const { programs, problem } = readPrograms(text);
  const told = programs.flatMap(tellProgram);
  if (told.length > MAX_CASES) return unreadable(`the report names more than ${MAX_CASES} cases`);
  return { cases: casesOf(told), problem: problem ?? cutShort(output) ?? blockProblem(programs) ?? exitProblem(output, failedOf(told), (exit) => exit === 101) };
}

function readPrograms(text: string): { readonly programs: Program[]; readonly problem: string | null } {
  const programs: Program[] = [];
  let problem: string | null = null;
  for (const long of text.split('\n')) {
    const line = long.slice(0, MAX_LINE);
    const place = placeOf(line);
    const current = programs.at(-1);
    if (place !== null) programs.push({ place, blocks: [], failed: false });
    else if (/^error(?:\[\w+\])?: could not compile/.test(line)) problem ??= `the tests do not build: ${line.slice(0, 300)}`;
    else if (/^error: (?:test|doctest|bench) failed, to rerun pass/.test(line)) {
      if (current !== undefined) current.failed = true;
    } else problem ??= readLine(line, current);
  }
  return { programs, problem };
}

/** `     Running unittests src/lib.rs (target/debug/deps/shop-507999230d6984fa)`, `   Doc-tests shop`. The digest is another after each change. */
function placeOf(line: string): string | null {
  if (line.startsWith('     Running ')) {
    const told = line.slice(13);
    const open = told.endsWith(')') ? told.lastIndexOf('(') : -1;
    const [source, program] = open === -1 ? ['', told] : [told.slice(0, open).trim(), told.slice(open + 1, -1)];
    const stem = /^([\w.-]{1,200})-[0-9a-f]{16}(?:\.exe)?$/.exec(program.slice(program.lastIndexOf('/') + 1))?.[1];
    return stem === undefined ? null : `${source.replace(/^unittests /, '').slice(0, 500) || 'tests'} (${stem})`;
  }
  const doc = /^ {3}Doc-tests (\S{1,200})$/.exec(line)?.[1];
  return doc === undefined ? null : `documentation (${doc})`;
}

function readLine(line: string, program: Program | undefined): string | null {
  const running = /^running (\d{1,6}) tests?$/.exec(line);
  const block = program?.blocks.at(-1);
  if (running !== null) {
    if (program === undefined) return 'tests run that no program is named for';
    program.blocks.push({ expected: Number(running[1]), cases: [], messages: new Map(), result: null, told: false, open: null, about: null });
    return null;
  }
  if (block === undefined) return null;
  const result = /^test result: (ok|FAILED)\. (\d{1,6}) passed; (\d{1,6}) failed; (\d{1,6}) ignored; (\d{1,6}) measured; \d{1,6} filtered out/.exec(line);
  // What a test printed may look like it: the last one is the runner's.
  if (result !== null) block.result = { ok: result[1] === 'ok', counts: result.slice(2, 6).map(Number) };
  else if (line === 'failures:' || line === 'successes:') {
    block.told = true;
    block.about = null;
  } else if (block.told) message(block, line);
  else readCase(block, line);
  return null;
}

function readCase(block: Block, line: string): void {
  const at = line.startsWith('test ') ? line.indexOf(' ... ') : -1;
  const word = at === -1 ? line : line.slice(at + 5);
  const status = /^(ok|FAILED|ignored|bench:)(?:$|[ ,<])/.exec(word)?.[1];
  const name = at === -1 ? block.open : line.slice(5, at);
  if (name === null || block.cases.length > MAX_CASES) return;
  if (at !== -1 && status === undefined) block.open = name;
  else if (status !== undefined && (at !== -1 || line === status)) {
    block.cases.push({ name, status: ENDS[status] ?? 'failed' });
    block.open = null;
  }
}

function message(block: Block, line: string): void {
  const about = /^---- (.{1,1000}) stdout ----$/.exec(line)?.[1];
  if (about !== undefined) block.about = about;
  else if (block.about !== null) {
    const before = block.messages.get(block.about) ?? '';
    if (before.length < MAX_MESSAGE) block.messages.set(block.about, `${before}${line}\n`.slice(0, MAX_MESSAGE));
  }
}

/** Cases by the names of their modules. An example of the documentation is named for its place, whose line moves with every change: those of one name are told in the order of their lines. */
function tellProgram({ place, blocks, failed }: Program): Told[] {
  const cases = blocks.flatMap((block) => block.cases.map((one) => {
    const [, before, line, after] = /^(.{1,1000}) \(line (\d{1,7})\)(.{0,100})$/.exec(one.name) ?? [];
    const names = line === undefined ? one.name.split('::') : [`${before}${after}`];
    return { line: Number(line ?? 0), told: { place, file: null, names, status: one.status, ms: 0, message: one.status === 'failed' ? (block.messages.get(one.name)?.trim() ?? null) : null } satisfies Told };
  }));
  const told: Told[] = cases.toSorted((a, b) => a.line - b.line).map((one) => one.told);
  const whole = (status: TestCase['status'], why: string | null): Told => ({ place, file: null, names: [], status, ms: 0, message: why });
  // A program of its own harness has one case, its exit code.
  if (blocks.length === 0) return [whole(failed ? 'failed' : 'passed', failed ? 'the program failed' : null)];
  return failed && failedOf(told) === 0 ? [...told, whole('failed', 'the program ended badly, outside of its tests or in one of them')] : told;
}

/** A program that ended before its tests did has failed, and says so; one that did not must tell all of them. */
function blockProblem(programs: readonly Program[]): string | null {
  for (const { place, blocks, failed } of programs) {
    for (const { expected, cases, result } of blocks) {
      if (result === null && failed) continue;
      if (result === null) return `the report does not say how the tests of ${place} ended`;
      const count = (status: TestCase['status']): number => cases.filter((one) => one.status === status).length;
      const [passed = 0, bad = 0, ignored = 0, measured = 0] = result.counts;
      if (cases.length !== expected || count('passed') !== passed + measured || count('failed') !== bad || count('skipped') !== ignored) return `${place} counts ${expected} tests, ${bad} of them failed, and tells ${cases.length}, ${count('failed')} of them failed`;
      if (result.ok !== (bad === 0)) return `${place} ends ${result.ok ? 'well' : 'badly'} with ${bad} failed`;
    }
  }
  return null;
}

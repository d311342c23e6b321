import type { TestCase } from '../../protocol/evidence.js';
import { casesOf, cutShort, exitProblem, failedOf, MAX_CASES, type Told, unreadable } from './cases.js';
import { MAX_REPORT, type Runner, type RunnerOutput, type RunnerReport } from './runner.js';

const MAX_LINE = 64 * 1024;
const MAX_MESSAGE = 3000;
const MAX_DEPTH = 40;

/** A command of the project that prints the Test Anything Protocol, version 13 or 14 (https://testanything.org/tap-version-14-specification.html). */
export const TAP: Runner = {
  reportsTo: 'stdout',
  canaries: false,
  argv: (args) => ['/bin/sh', '-c', args.join(' ')],
  parse: readTap,
};

interface Point {
  readonly names: readonly string[];
  readonly number: number | null;
  readonly status: TestCase['status'];
  message: string;
  inner: readonly Point[];
}

/** One test with its plan; those inside of it are a level of their own. */
interface Level {
  readonly points: Point[];
  plan: number | null;
  /** Tests of a level below that ended, for the point that is told next. */
  ended: readonly Point[] | null;
  /** A point that stands before what is inside of it, in braces. */
  braced: Point | null;
}

function readTap(output: RunnerOutput): RunnerReport {
  const text = output.report ?? '';
  if (text.length > MAX_REPORT) return unreadable(`the report is ${text.length} characters long, at most ${MAX_REPORT} are read`);
  const reader = new Reader();
  for (const line of text.split('\n')) reader.line(line.slice(0, MAX_LINE).trimEnd());
  const points = reader.end();
  const told = points.flatMap((point) => tell(point, [], false));
  if (told.length > MAX_CASES) return unreadable(`the report names more than ${MAX_CASES} cases`);
  return { cases: casesOf(told), problem: cutShort(output) ?? reader.problem ?? exitProblem(output, failedOf(told), (exit) => exit > 0) };
}

class Reader {
  problem: string | null = null;
  readonly #levels: Level[] = [newLevel()];
  /** Spaces before a block that says more of the last point; null outside of one. */
  #block: number | null = null;
  #count = 0;

  line(line: string): void {
    const indent = /^ */.exec(line)?.[0].length ?? 0;
    const rest = line.slice(indent);
    if (this.#block !== null) {
      if (rest === '...' && indent === this.#block) this.#block = null;
      else this.#more(rest);
      return;
    }
    const depth = indent / 4;
    if (rest === '---' && indent === (this.#levels.length - 1) * 4 + 2) this.#block = indent;
    // Whatever else tests print is no part of the protocol.
    else if (Number.isInteger(depth) && depth <= MAX_DEPTH) this.#told(depth, rest);
  }

  /** The points of the outermost level, when all is read. */
  end(): readonly Point[] {
    this.#to(0);
    const [level] = this.#levels;
    if (level === undefined) return [];
    this.#close(level);
    return level.points;
  }

  #fault(what: string): void {
    this.problem ??= what.slice(0, 500);
  }

  #told(depth: number, text: string): void {
    const bail = /^Bail out!(.*)$/.exec(text);
    const plan = /^1\.\.(\d{1,7})(?:\s*#.*)?$/.exec(text);
    const version = /^TAP version (\d+)$/.exec(text);
    const point = /^(not )?ok(?: (\d{1,7}))?(?=\s|$)(.*)$/.exec(text);
    if (bail !== null) this.#fault(`the tests bailed out:${bail[1] ?? ''}`);
    if (version !== null && version[1] !== '13' && version[1] !== '14') this.#fault(`the report is of TAP version ${version[1]}`);
    if (text === '}' && this.#levels.length > depth + 1) return this.#brace(depth);
    if (plan === null && point === null) return;
    if (depth > this.#levels.length) return;
    if (depth === this.#levels.length) this.#levels.push(newLevel());
    this.#to(depth);
    const level = this.#levels[depth];
    if (level === undefined) return;
    if (plan !== null) {
      if (level.plan !== null) this.#fault('the report has two plans');
      level.plan = Number(plan[1]);
    } else if (point !== null && this.#count++ <= MAX_CASES) this.#point(level, point[1] === undefined, point[2] === undefined ? null : Number(point[2]), point[3] ?? '');
  }

  #point(level: Level, ok: boolean, number: number | null, rest: string): void {
    const braced = rest.endsWith(' {');
    const { name, directive } = described(braced ? rest.slice(0, -2) : rest);
    const status = directive === 'skip' ? 'skipped' : directive === 'todo' ? 'todo' : ok ? 'passed' : 'failed';
    const point: Point = { names: [name === '' ? `test ${number ?? level.points.length + 1}` : name], number, status, message: '', inner: level.ended ?? [] };
    level.ended = null;
    if (braced) level.braced = point;
    level.points.push(point);
  }

  #brace(depth: number): void {
    this.#to(depth);
    const level = this.#levels[depth];
    if (level?.braced == null) return;
    level.braced.inner = level.ended ?? [];
    level.braced = null;
    level.ended = null;
  }

  /** Ends the levels below this one. */
  #to(depth: number): void {
    while (this.#levels.length > depth + 1) {
      const inner = this.#levels.pop();
      const outer = this.#levels.at(-1);
      if (inner === undefined || outer === undefined) return;
      this.#close(inner);
      if (outer.ended !== null) this.#fault('tests inside of another are told, and that one is not');
      outer.ended = inner.points;
    }
  }

  #close(level: Level): void {
    const { points, plan, ended, braced } = level;
    if (ended !== null || braced !== null) this.#fault('tests inside of another are told, and that one is not');
    if (plan === null) this.#fault('the report has no plan');
    else if (plan !== points.length) this.#fault(`the plan is ${plan} ${plan === 1 ? 'test' : 'tests'}, and ${points.length} are told`);
    const numbers = points.flatMap((one) => (one.number === null ? [] : [one.number]));
    if (new Set(numbers).size !== numbers.length || numbers.some((one) => one < 1 || one > points.length)) this.#fault('the numbers of the tests do not fit the plan');
  }

  #more(text: string): void {
    const last = this.#levels.at(-1)?.points.at(-1);
    if (last !== undefined && last.message.length < MAX_MESSAGE) last.message = `${last.message}${text}\n`.slice(0, MAX_MESSAGE);
  }
}

function newLevel(): Level {
  return { points: [], plan: null, ended: null, braced: null };
}

/** ` - name # TODO why`; a `#` with a backslash before it is part of the name. */
function described(rest: string): { readonly name: string; readonly directive: string | null } {
  let end = rest.length;
  let directive: string | null = null;
  for (let at = rest.indexOf('#'); at !== -1; at = rest.indexOf('#', at + 1)) {
    const word = rest[at - 1] === '\\' ? null : /^#\s*(skip|todo|time=)/i.exec(rest.slice(at, at + 30))?.[1]?.toLowerCase();
    if (word === undefined || word === null) continue;
    end = Math.min(end, at);
    if (word !== 'time=') directive ??= word;
  }
  return { name: rest.slice(0, end).trim().replace(/^- ?/, '').trim().replace(/\\([\\#])/g, '$1').slice(0, 1000), directive };
}

/** A test that holds others is told by them, unless it failed and none of them did. What is to do, or skipped, makes nothing inside of it fail. */
function tell(point: Point, outer: readonly string[], excused: boolean): Told[] {
  const names = [...outer, ...point.names];
  const quiet = excused || point.status === 'todo' || point.status === 'skipped';
  const inner = point.inner.flatMap((one) => tell(one, names, quiet));
  const status = point.status === 'failed' && excused ? 'todo' : point.status;
  const own: Told = { place: 'tap', file: null, names, status, ms: 0, message: status === 'failed' && point.message !== '' ? point.message : null };
  if (inner.length === 0) return [own];
  if (status === 'failed' && failedOf(inner) === 0) return [...inner, own];
  return inner;
}

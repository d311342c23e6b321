import type { Coverage, FileCoverage, LineRange } from '../../protocol/coverage.js';
import type { Report } from './report.js';
import { languageOf } from './languages.js';

const MAX_FILES = 500;
/** Lines of a file that are looked at; nobody reviews more of one file. */
const MAX_LINES = 20_000;
const MAX_RANGES = 50;

/** The files of a change that are asked for, and how many are left out. */
export interface Subject {
  readonly files: ReadonlyMap<string, readonly LineRange[]>;
  readonly more: number;
}

/** Code outside of tests of which lines were added or edited. */
export function subjectOf(lines: ReadonlyMap<string, readonly LineRange[]>, more: number): Subject {
  const code = [...lines].filter(([path, ranges]) => languageOf(path) !== null && ranges.length > 0);
  return { files: new Map(code.slice(0, MAX_FILES)), more: more + Math.max(0, code.length - MAX_FILES) };
}

/** What all checks together say of the changed lines. A line was executed when one of them says so. Reports are held to what was asked: nothing else in them counts. */
export class Tally {
  readonly #subject: Subject;
  readonly #told = new Map<string, { readonly executable: Set<number>; readonly executed: Set<number> }>();
  readonly #reasons = new Map<string, string>();
  readonly #checks: Coverage['checks'] = [];

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  check(one: Coverage['checks'][number]): void {
    this.#checks.push(one);
  }

  take(report: Report): void {
    for (const file of report.files) {
      const asked = this.#subject.files.get(file.path);
      if (asked === undefined || linesOf(asked) > MAX_LINES) continue;
      if ('reason' in file) {
        this.#reasons.set(file.path, file.reason);
        continue;
      }
      const known = this.#told.get(file.path) ?? { executable: new Set<number>(), executed: new Set<number>() };
      this.#told.set(file.path, known);
      const executable = within(file.executable, asked);
      for (const line of executable) known.executable.add(line);
      for (const line of within(file.executed, asked)) if (known.executable.has(line)) known.executed.add(line);
    }
  }

  coverage(): Coverage {
    return { checks: this.#checks, files: [...this.#subject.files].map(([path, asked]) => this.#file(path, asked)), more: this.#subject.more };
  }

  #file(path: string, asked: readonly LineRange[]): FileCoverage {
    const changed = linesOf(asked);
    const told = this.#told.get(path);
    if (told === undefined) return { path, changed, executable: null, executed: 0, unexecuted: [], reason: this.#why(path, changed) };
    const left = [...told.executable].filter((line) => !told.executed.has(line)).sort((a, b) => a - b);
    return { path, changed, executable: told.executable.size, executed: told.executed.size, unexecuted: rangesOf(left).slice(0, MAX_RANGES), reason: null };
  }

  #why(path: string, changed: number): string {
    if (changed > MAX_LINES) return `more than ${MAX_LINES} lines of it changed`;
    if (languageOf(path) === 'other') return 'coverage is not measured for its language';
    return this.#reasons.get(path) ?? this.#checks.map((one) => one.problem ?? one.reason).find((one) => one !== null) ?? 'no check measures it';
  }
}

export function linesOf(ranges: readonly LineRange[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from + 1, 0);
}

/** Lines of `ranges` that are asked for. Both are in order and do not overlap, so one pass does. */
function within(ranges: readonly LineRange[], asked: readonly LineRange[]): number[] {
  const found: number[] = [];
  let at = 0;
  for (const [from, to] of asked) {
    while (at < ranges.length && (ranges[at]?.[1] ?? 0) < from) at++;
    for (let i = at; i < ranges.length && (ranges[i]?.[0] ?? 0) <= to; i++) {
      const [start, end] = ranges[i] as LineRange;
      for (let line = Math.max(from, start); line <= Math.min(to, end); line++) found.push(line);
    }
  }
  return found;
}

function rangesOf(lines: readonly number[]): LineRange[] {
  const ranges: LineRange[] = [];
  for (const line of lines) {
    const last = ranges.at(-1);
    if (last !== undefined && line === last[1] + 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges;
}

import { cweName } from '../../sarif/build.js';
import { ALL_FUNCTIONS, type Defences, type DefenceUse, type Found, type Level, NO_DEFENCES } from '../../sarif/model.js';
import { Interpreter } from './interpret.js';
import { parseJavaScript } from './javascript/parse.js';
import { parsePython } from './python/parse.js';
import type { FileReport } from './machine.js';
import type { FlowRule } from './rule.js';
import type { Value } from './value.js';

/** Offsets that a rule looked at and found harmless, as `RULE@OFFSET`; `*@OFFSET` is a call of a function that the file has itself. */
export type Cleared = ReadonlySet<string>;

export type Mode = 'package' | 'fragment';

export interface AnalyseOptions {
  /** `package`: what callers of a function give is no source by itself, so that such results are notes. `fragment`: it is. */
  readonly mode: Mode;
  readonly rules: readonly FlowRule[];
  /** Exports of another file of the package; null where there is none. */
  readonly resolve?: (specifier: string) => ReadonlyMap<string, Value> | null;
}

export interface Analysis {
  readonly found: readonly Found[];
  readonly cleared: Cleared;
  /** Where a rule looked, and neither found data from outside nor knows the value. */
  readonly unknown: Cleared;
  /** What stands before its dangerous calls. */
  readonly defences: Defences;
  readonly exports: ReadonlyMap<string, Value>;
  /** Why less than the whole file was looked at, or null. */
  readonly problem: 'unreadable' | 'too_long' | null;
}

/** Expressions of a file that are evaluated, by its length: what is beyond is said to be not looked at. */
const STEPS = { least: 60_000, perCharacter: 30, most: 1_500_000 };

/** Data flow through one file. Never throws over what the file holds. */
export function analyse(path: string, source: string, { mode, rules, resolve = () => null }: AnalyseOptions): Analysis {
  const program = path.endsWith('.py') ? parsePython(source) : parseJavaScript(path, source);
  if (program === null) return { found: [], cleared: new Set(), unknown: new Set(), defences: NO_DEFENCES, exports: new Map(), problem: 'unreadable' };
  const steps = Math.min(STEPS.most, STEPS.least + source.length * STEPS.perCharacter);
  const interpreter = new Interpreter({ path, source, mode, rules, resolve, steps });
  const whole = attempt(() => interpreter.run(program));
  const reported = new Set(interpreter.reports.filter(({ file }) => file.path === path).map(({ rule, at }) => `${rule.id}@${at.start}`));
  const problem = !whole ? 'unreadable' : interpreter.goesOn ? null : 'too_long';
  // Only what every look at a place knew to be harmless, in a run that came to its end: what was not run might have met it with other data.
  const cleared = new Set(problem !== null ? [] : [...interpreter.cleared].filter((key) => !reported.has(key) && !interpreter.seen.has(key)));
  const unknown = new Set(problem !== null ? [] : [...interpreter.seen].filter((key) => !reported.has(key)));
  return { cleared, unknown, defences: defencesOf(interpreter, path, source), found: interpreter.reports.map((report) => foundOf(report, mode)), exports: interpreter.exports, problem };
}

/** Characters of a fact's text. */
const MOST_TEXT = 300;

/** Calls of one kind in one function are told apart by their order. */
function defencesOf({ uses, exits, functions }: Interpreter, path: string, source: string): Defences {
  const lines = linesOf(source);
  const counts = new Map<string, number>();
  const inOrder = [...uses.values()].sort((a, b) => a.at.start - b.at.start);
  return {
    uses: inOrder.flatMap((use): DefenceUse[] => {
      const kind = JSON.stringify([use.rule.id, use.where, use.sink]);
      const nth = counts.get(kind) ?? 0;
      counts.set(kind, nth + 1);
      // What no data reaches, and never did, has nothing to lose.
      if (!use.open && use.defences.size === 0) return [];
      return [{ rule: use.rule.id, cwe: use.rule.cwe === null ? null : cweName(use.rule.cwe), path, line: position(lines, use.at.start).line, where: use.where, sink: use.sink, nth, open: use.open, defences: [...use.defences].slice(0, 20).map((defence) => defence.slice(0, MOST_TEXT)) }];
    }),
    exits: exits.size + functions.size === 0 ? [] : [{ path, line: 1, where: ALL_FUNCTIONS, checks: [...functions] }, ...[...exits].map(([where, { at, checks }]) => ({ path, line: position(lines, at.start).line, where, checks: [...checks] }))],
  };
}

/** False when it threw: nested deeper than the stack, or a fault of a rule, which must not hide what the others found. */
function attempt(run: () => void): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

function foundOf({ rule, file: { path, source }, at, marks, message }: FileReport, mode: Mode): Found {
  const lines = linesOf(source);
  const [from, to] = [position(lines, at.start), position(lines, at.end)];
  const level: Level = mode === 'package' && marks.length > 0 && marks.every((mark) => mark.kind === 'parameter') ? 'note' : rule.level;
  const where = marks[0]?.what;
  return {
    rule: rule.id, message: (message ?? rule.message).replace('%s', where === undefined ? 'data' : `"${where}"`), path, snippet: source.slice(at.start, at.end),
    line: from.line, column: from.column, endLine: to.line, endColumn: to.column, flow: true, ...(level === rule.level ? {} : { level }),
  };
}

let last: { readonly source: string; readonly starts: readonly number[] } = { source: '', starts: [0] };

/** Offsets at which lines begin; those of the file before are kept. */
export function linesOf(source: string): readonly number[] {
  if (last.source !== source) last = { source, starts: lineStarts(source) };
  return last.starts;
}

function lineStarts(source: string): readonly number[] {
  const starts = [0];
  for (let i = source.indexOf('\n'); i !== -1; i = source.indexOf('\n', i + 1)) starts.push(i + 1);
  return starts;
}

/** Both from 1. */
function position(starts: readonly number[], offset: number): { readonly line: number; readonly column: number } {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

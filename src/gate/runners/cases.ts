import { stripVTControlCharacters } from 'node:util';
import type { TestCase } from '../../protocol/evidence.js';
import type { RunnerOutput, RunnerReport } from './runner.js';

/** A case as a runner tells it, checked by a schema already. */
export interface Told {
  /** What the id begins with: the file, or what the runner has instead (Go: the package). */
  readonly place: string | null;
  /** Relative to the workspace; null where the runner does not say it. */
  readonly file: string | null;
  /** From the outermost suite inwards. Empty: the place as a whole. */
  readonly names: readonly string[];
  readonly status: TestCase['status'];
  readonly ms: number;
  readonly message: string | null;
}

export const MAX_CASES = 20_000;
const MAX_ID = 1900;

/** Cases with ids of their own: the second of two that are called the same gets ` #2`. */
export function casesOf(told: readonly Told[]): TestCase[] {
  const seen = new Map<string, number>();
  const taken = new Set<string>();
  return told.map((one) => {
    const id = [one.place ?? '(no file)', ...one.names].join(' > ').slice(0, MAX_ID);
    let nth = (seen.get(id) ?? 0) + 1;
    // A test may be called what a suffix would make of another one.
    while (taken.has(nth === 1 ? id : `${id} #${nth}`)) nth++;
    seen.set(id, nth);
    const unique = nth === 1 ? id : `${id} #${nth}`;
    taken.add(unique);
    return { id: unique, file: one.file?.slice(0, 1000) ?? null, status: one.status, ms: Math.max(0, one.ms), message: one.message === null ? null : stripVTControlCharacters(one.message).slice(0, 4000) };
  });
}

/** A report that cannot be read at all. */
export function unreadable(problem: string): RunnerReport {
  return { cases: [], problem };
}

/** Why no report can be expected, or null: the run did not end by itself, or what it wrote was cut. */
export function cutShort(output: RunnerOutput): string | null {
  if (output.reason !== 'exited') return `the runner did not end by itself: ${output.reason}`;
  return output.truncated ? 'the report was cut short' : null;
}

/**
 * Where exit code and cases do not tell the same story. `known` = the exit codes, besides 0, that the runner ends with when something failed.
 */
export function exitProblem(output: RunnerOutput, failed: number, known: (exit: number) => boolean = (exit) => exit === 1): string | null {
  const { exit } = output;
  if (exit === 0) return failed > 0 ? `exit code 0 with ${failed} failed` : null;
  if (exit === null || !known(exit)) return `exit code ${exit}`;
  return failed === 0 ? `exit code ${exit} with nothing failed` : null;
}

export function failedOf(told: readonly { readonly status: TestCase['status'] }[]): number {
  return told.filter((one) => one.status === 'failed').length;
}

/** The value of a JSON text, or undefined, which fits no schema of a report. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

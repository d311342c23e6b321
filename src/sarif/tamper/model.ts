/**
 * What a scan says of a file so that base and head can be compared: how its tests judge, what silences a tool, what nobody sees. The scanner's bundle imports
 * this without zod.
 */
export interface Mark {
  /** Which kind of mark: `eslint-disable`, `bidirectional control`, `only`. */
  readonly what: string;
  /** What tells it from others of its kind in the file, without line or white space. */
  readonly text: string;
  readonly line: number;
}

/** One test case as it is written. `strong` and `weak` are assertions that can fail; one that compares literals with each other is none. */
export interface TestFacts {
  /** Names of the groups around it and its own, joined by ` > `. */
  readonly name: string;
  readonly line: number;
  readonly strong: number;
  /** Assertions that most values pass: that something is there, or is true in some way. */
  readonly weak: number;
  readonly skipped: boolean;
}

/** `program` = bytes that a machine runs; `generated` = code that nobody wrote by hand or can read. */
export type Content = 'text' | 'binary' | 'program' | 'generated';

export interface FileFacts {
  readonly path: string;
  readonly content: Content;
  readonly suppressions: readonly Mark[];
  readonly hidden: readonly Mark[];
  /** Null where the file is no test, or there is no grammar for it. `marks`: `only`, `exit`, `swallowed`, `replaced`. */
  readonly tests: { readonly cases: readonly TestFacts[]; readonly marks: readonly Mark[] } | null;
}

/** Marks and cases of one file that are told; a file with more is said to be left out. */
export const MOST_MARKS = 500;
export const MOST_CASES = 2000;

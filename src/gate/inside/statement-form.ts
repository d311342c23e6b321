/** What the process of a test file says of itself when it, or the file, ends: signed, in one line. */
export interface Statement {
  /** The test file, where one process may run several; each states once. */
  readonly file?: string;
  /** False: a Node that tells no path of names; then the last name stands for the test. */
  readonly full: boolean;
  readonly passed: readonly string[];
  /** True when the process came to its end, and nobody ended it. */
  readonly natural: boolean;
  /** With a file: whether the case that must fail ran and threw. */
  readonly threw?: boolean;
  readonly meddled: readonly string[];
}

export const STATEMENT = '@sallyport:';

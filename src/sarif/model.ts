/**
 * The part of SARIF 2.1.0 (OASIS, https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html) that Sallyport writes.
 * The scanner's bundle imports this without zod.
 */
export type Level = 'error' | 'warning' | 'note';

/** What a rule is, for the log's metadata. */
export interface RuleMeta {
  readonly id: string;
  /** Short title. */
  readonly title: string;
  /** What to do instead. */
  readonly help: string;
  /** CWE number; null where none fits. */
  readonly cwe: number | null;
  /** 0.0 to 10.0, as code hosts read `security-severity`. */
  readonly severity: number;
  readonly level: Level;
}

/**
 * One replacement in a file. `start` and `end` are offsets in UTF-16 code units into the text as `Buffer.toString('utf8')` decodes it, so
 * a byte order mark counts as one; `start === end` inserts.
 */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A mechanical repair of one result: edits of its own file, sorted, not overlapping. Whether it is right is shown by tests, not claimed here. */
export interface Fix {
  /** What it does, as an order: `Pass the values as parameters`. */
  readonly title: string;
  readonly edits: readonly Edit[];
}

/** One place that a rule found. */
export interface Found {
  readonly rule: string;
  readonly message: string;
  /** Relative to the root that was scanned, with `/`. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** The source found, secrets already taken out. */
  readonly snippet: string;
  /** Where it is not the rule's. */
  readonly level?: Level;
  readonly fix?: Fix;
  /** True where data flow found it; not part of the log. */
  readonly flow?: boolean;
}

/** Something that was left out of a scan. `error` = the scan is not complete because of it. */
export interface Notice {
  readonly level: 'error' | 'note';
  /** Word for the reason: `symlink`, `too_large`, `binary` … */
  readonly id: string;
  readonly message: string;
  readonly path: string | null;
}

/** A whole log of one run, as `JSON.stringify` writes it. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: '2.1.0';
  readonly runs: readonly unknown[];
}

/** How a dangerous call is reached: what stands between it and data that somebody else may choose. */
export interface DefenceUse {
  /** The rule that looks at the call, and its class. */
  readonly rule: string;
  readonly cwe: string | null;
  readonly path: string;
  readonly line: number;
  /** Names of the functions around it, outermost first; '' at the top of a file. */
  readonly where: string;
  /** What is called: `fs.readFileSync`. */
  readonly sink: string;
  /** Which one of its kind in its function, from 0. */
  readonly nth: number;
  /** True where data that is not clean reaches it. */
  readonly open: boolean;
  /** Guards and sanitizers on the way, in words. */
  readonly defences: readonly string[];
}

/** Conditions of a function that end it when they hold: `if (x.length > MAX) throw …`. */
export interface ExitChecks {
  readonly path: string;
  readonly line: number;
  readonly where: string;
  /** The conditions, without white space. */
  readonly checks: readonly string[];
}

/** Stands for the whole file: its `checks` are then the names of its functions, so that one without conditions is told from one that is gone. */
export const ALL_FUNCTIONS = '*';

export interface Defences {
  readonly uses: readonly DefenceUse[];
  readonly exits: readonly ExitChecks[];
}

export const NO_DEFENCES: Defences = { uses: [], exits: [] };

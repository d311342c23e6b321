import type { ToolRule } from '../../protocol/evidence.js';
import { workspaceFile } from '../../protocol/workspace.js';
import { WHOLE_FILE, wholeFile } from '../../sarif/foreign.js';
import type { Level } from '../../sarif/model.js';
import type { SarifResult } from '../../sarif/parse.js';

/** What a tool told in one run, whatever the form of its report. Rules have the ids that the tool gives them. */
export interface ToolReport {
  readonly results: readonly SarifResult[];
  readonly rules: readonly ToolRule[];
  /** Findings outside of the tree. */
  readonly outside: number;
  readonly version: string | null;
  /** Why it cannot be believed, or null. */
  readonly problem: string | null;
}

/** The tree that a tool looked at. */
export interface LookedAt {
  /** Every path of it. */
  readonly paths: ReadonlySet<string>;
}

/** Reads a report as hostile input. MUST NOT throw anything but a `SallyportError` of `scan.failed`. */
export type ReadReport = (text: string, tree: LookedAt) => ToolReport;

export const MAX_FINDINGS = 20_000;
/** Characters of a line that are looked at. */
const MAX_LINE = 20_000;

/** A finding as a parser has it. */
export interface ToldFinding {
  /** As the tool writes it. */
  readonly path: string;
  /** 0 where it is about the file as a whole. */
  readonly line: number;
  readonly rule: string;
  readonly level: Level;
  readonly message: string;
}

/** Findings of the tree and the number of others; more than are compared are a problem. */
export function reportOf(told: readonly ToldFinding[], problem: string | null): ToolReport {
  if (told.length > MAX_FINDINGS) return unreadable(`the report holds ${told.length} findings, at most ${MAX_FINDINGS} are read`);
  const results = told.flatMap(({ path, line, rule, level, message }): SarifResult[] => {
    const at = path === '.' ? path : workspaceFile(path);
    return at === null ? [] : [{ rule: ruleId(rule), level, message: plain(message).slice(0, 2000), path: at, line: Math.max(1, line), snippet: line < 1 || rule === WHOLE_FILE ? wholeFile(message) : '', cwe: null, fix: null }];
  });
  return { results, rules: [], outside: told.length - results.length, version: null, problem };
}

export function unreadable(problem: string): ToolReport {
  return { results: [], rules: [], outside: 0, version: null, problem };
}

/** Lines of a report in text, without colours. */
export function linesOf(text: string): string[] {
  return text.split('\n').map((line) => plain(line.slice(0, MAX_LINE)).replace(/\r$/, ''));
}

/** What can stand in an id; everything else becomes a dash. */
function ruleId(text: string): string {
  return text.slice(0, 300).replace(/[^\w@/.:+-]+/g, '-') || 'finding';
}

/** Colours and movements of a terminal (ECMA-48, 5.4), of bounded length: `stripVTControlCharacters` takes quadratic time over hostile text. */
const SEQUENCES = new RegExp(`${String.fromCharCode(27)}\\[[\\d;?]{0,40}[A-Za-z]`, 'g');

function plain(text: string): string {
  return text.replace(SEQUENCES, '').toWellFormed();
}

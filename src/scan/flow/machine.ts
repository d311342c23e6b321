import type { Frame } from './frame.js';
import type { Expr, Func, Pattern, Span, Stmt } from './ir.js';
import type { Arg, FlowRule, Site } from './rule.js';
import { api, type Closure, type FileText, join, joinMarks, type Mark, type Value } from './value.js';

export type Hook = 'call' | 'text' | 'compare' | 'store' | 'read' | 'bind' | 'regex';
export type SiteOf<H extends Hook> = Parameters<NonNullable<FlowRule[H]>>[0];
export type Exit = 'falls' | 'ends';

export interface FileReport {
  readonly rule: FlowRule;
  readonly file: FileText;
  readonly at: Span;
  readonly marks: readonly Mark[];
  readonly message: string | null;
}

/** A dangerous call as a rule saw it, with what stands before it. */
export interface Use {
  readonly rule: FlowRule;
  readonly at: Span;
  readonly where: string;
  readonly sink: string;
  open: boolean;
  readonly defences: Set<string>;
}

export interface InterpretOptions {
  readonly path: string;
  readonly source: string;
  /** `fragment`: callers are not seen, so that what they give is a source. */
  readonly mode: 'package' | 'fragment';
  readonly rules: readonly FlowRule[];
  /** What `specifier` exports, null where it is no file of the package. */
  readonly resolve: (specifier: string) => ReadonlyMap<string, Value> | null;
  /** Expressions that may be evaluated; the rest of the file is left alone. */
  readonly steps: number;
}

/** A call with all that is known of it. */
export interface Called {
  readonly callee: Value;
  readonly api: string;
  readonly name: string;
  readonly receiver: Value | null;
  readonly receiverExpr: Expr | null;
  readonly args: readonly Arg[];
  readonly construct: boolean;
  readonly expr: Extract<Expr, { k: 'call' }>;
}

/** What calls and models ask of the interpreter. */
export interface Machine {
  /** The file whose code runs now: another one's while one of its functions does. */
  file: FileText;
  readonly options: InterpretOptions;
  /** Every function that was made, with the frame it was made in. */
  readonly closures: Map<Func, Closure>;
  /** Functions that something here called. */
  readonly entered: Set<Func>;
  /** Names of functions without one of their own: those of the variables they were first put into. */
  readonly names: Map<Func, string>;
  readonly stack: Func[];
  /** Functions of the file that ran, by their names and those around them. */
  readonly functions: Set<string>;
  readonly memo: Map<string, Value>;
  readonly cleared: Set<string>;
  readonly goesOn: boolean;
  text(expr: Expr): string;
  evaluate(expr: Expr, frame: Frame, quiet?: boolean): Value;
  member(of: Value, name: string, what: string, at: Span): Value;
  bind(pattern: Pattern, value: Value, frame: Frame, expr?: Expr | null): void;
  /** Puts a changed object back to where `target` found it. */
  writeBack(target: Expr, value: Value, frame: Frame): void;
  block(stmts: readonly Stmt[], frame: Frame): Exit;
  hear<H extends Hook>(hook: H, frame: Frame, at: Span, site: () => Omit<SiteOf<H>, keyof Site>): void;
}

/** An element of a list, or a value of a map. */
export function elementOf(list: Value): Value {
  const each = [...(list.members?.values() ?? [])].reduce<Value | null>((all, one) => (all === null ? one : join(all, one)), list.rest ?? null);
  if (each === null) return { marks: list.marks };
  return list.marks.length === 0 ? each : { ...each, marks: joinMarks(each.marks, list.marks) };
}

/** A name that nothing in the file declares. */
export function globalOf(name: string): Value {
  return api(name.startsWith('#') ? name : `#${name}`);
}

export function apiOf(of: Value, name: string): string {
  if (of.api === undefined) return '';
  if (of.api.length > 120) return of.api;
  return name === 'default' || (name === 'promises' && of.api === 'fs') ? of.api : `${of.api}.${name}`;
}

/** `node:fs/promises` and `fs` are one. */
export function moduleName(specifier: string): string {
  const bare = specifier.replace(/^node:/, '');
  return bare === 'fs/promises' ? 'fs' : bare;
}

import type { RuleMeta } from '../../sarif/model.js';
import type { Expr, Literal, Span } from './ir.js';
import type { Frame } from './frame.js';
import type { Danger, Mark, Value } from './value.js';

/**
 * A rule over data flow. It hears of what the interpreter meets, with what is known of every value there, and reports what is wrong. `examples` are programs of
 * which each must, or must not, give at least one result, read as fragments; a test runs them all.
 */
export interface FlowRule extends RuleMeta {
  /** What can happen, and what to do instead. `%s` is where the data comes from. */
  readonly message: string;
  readonly call?: (site: CallSite) => void;
  readonly text?: (site: TextSite) => void;
  readonly compare?: (site: CompareSite) => void;
  readonly store?: (site: StoreSite) => void;
  readonly read?: (site: ReadSite) => void;
  readonly bind?: (site: BindSite) => void;
  readonly regex?: (site: RegexSite) => void;
  readonly examples: { readonly must: readonly string[]; readonly mustNot: readonly string[] };
}

export interface Site {
  /** Where the node lies that the interpreter is at. */
  readonly at: Span;
  readonly frame: Frame;
  /** `fragment`: what callers give is a source. */
  readonly mode: 'package' | 'fragment';
  readonly path: string;
  /** Text of an expression, its first 200 characters. */
  source(expr: Expr): string;
  /** Text of a stretch of the file. */
  whole(at: Span): string;
  value(expr: Expr): Value;
  /**
   * Says that this rule looked at a value here. Where it is known to be harmless, what a rule by shape finds here is none; what stands between it and
   * its sources is compared with the other side of a change.
   */
  look(value: Value, danger: Danger): void;
  /** Says what stands before something that is no call with data: a route and its guards. */
  fact(sink: string, defences: readonly string[]): void;
  /** Reports the rule that hears this. `marks` are the data that make it dangerous; without any it is certain by itself. */
  report(found?: { readonly at?: Span; readonly marks?: readonly Mark[]; readonly message?: string }): void;
}

export interface Arg {
  readonly value: Value;
  readonly expr: Expr;
  readonly name: string | null;
  readonly spread: boolean;
}

export interface CallSite extends Site {
  /** Canonical name of what is called: `child_process.exec`; '' where nothing is known. */
  readonly api: string;
  /** Last name of the callee, that of the library where it was imported under another. */
  readonly name: string;
  /** The function. */
  readonly callee: Value;
  readonly receiver: Value | null;
  readonly receiverExpr: Expr | null;
  readonly args: readonly Arg[];
  readonly construct: boolean;
  /** Member `key` of the options object at `index`, or a named argument. */
  option(key: string, index?: number): Value | undefined;
}

/** Text that was put together. */
export interface TextSite extends Site {
  readonly built: Value;
  readonly tag: Expr | null;
}

export interface CompareSite extends Site {
  readonly op: string;
  readonly left: Arg;
  readonly right: Arg;
}

/** `of.name = value`, `of[key] = value`. */
export interface StoreSite extends Site {
  readonly of: Value;
  readonly ofExpr: Expr;
  readonly name: string | null;
  readonly key: Value | null;
  readonly keyExpr: Expr | null;
  readonly stored: Value;
  readonly storedExpr: Expr;
  readonly api: string;
}

/** `of[key]`, read. */
export interface ReadSite extends Site {
  readonly of: Value;
  readonly ofExpr: Expr;
  readonly key: Value;
  readonly keyExpr: Expr;
  /** True where what was found is called. */
  readonly called?: boolean;
}

/** A value gets a name: a variable, a property of an object, what a function of that name returns. */
export interface BindSite extends Site {
  readonly name: string;
  readonly bound: Value;
  readonly expr: Expr;
  readonly how: 'variable' | 'property' | 'return';
}

export interface RegexSite extends Site {
  readonly pattern: string;
  readonly flags: string;
}

export const isText = (value: Value | undefined): value is Value & { readonly literal: string } => typeof value?.literal === 'string';
export const isLiteral = (value: Value | undefined, ...of: readonly Literal[]): boolean => value?.literal !== undefined && (of.length === 0 || of.includes(value.literal));

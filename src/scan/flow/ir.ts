/**
 * The intermediate form: what data flow needs to know of a program, whatever its language. Statements keep their nesting, so that a condition is known to hold
 * in what stands below it. A front end (`javascript/`, `python/`) lowers a syntax tree to it; the interpreter knows nothing else.
 */
export interface Span {
  /** Offsets in UTF-16 code units into the file. */
  readonly start: number;
  readonly end: number;
}

export type Literal = string | number | boolean | null;

interface Node<K extends string> {
  readonly k: K;
  readonly at: Span;
}

export type Expr =
  | (Node<'literal'> & { readonly value: Literal })
  | (Node<'regex'> & { readonly pattern: string; readonly flags: string })
  | (Node<'name'> & { readonly name: string })
  /** `of.name`, or `of[index]` where the name is not a literal. */
  | (Node<'member'> & { readonly of: Expr; readonly name: string | null; readonly index: Expr | null })
  | (Node<'call'> & { readonly callee: Expr; readonly args: readonly Argument[]; readonly construct: boolean })
  /** Text put together of parts: templates, `+` with a text in it, f-strings, `%`, `.format`. */
  | (Node<'text'> & { readonly parts: readonly Expr[]; readonly tag: Expr | null })
  | (Node<'object'> & { readonly entries: readonly Entry[] })
  | (Node<'array'> & { readonly items: readonly Argument[] })
  | (Node<'function'> & { readonly fn: Func })
  | (Node<'class'> & { readonly cls: Class })
  /** One of two: `?:` has a test; of `||`, `&&`, `??` the first operand is the test. */
  | (Node<'choice'> & { readonly op: '?:' | '||' | '&&' | '??'; readonly test: Expr; readonly yes: Expr; readonly other: Expr })
  | (Node<'binary'> & { readonly op: string; readonly left: Expr; readonly right: Expr })
  | (Node<'unary'> & { readonly op: string; readonly of: Expr })
  | (Node<'assign'> & { readonly target: Pattern; readonly op: string | null; readonly value: Expr })
  /** The value of `of` as it is: await, yield, casts, brackets. */
  | (Node<'same'> & { readonly of: Expr; readonly what: 'await' | 'yield' | 'cast' })
  /** Anything else: its value may hold each of its parts. */
  | (Node<'mix'> & { readonly parts: readonly Expr[] });

export interface Argument {
  readonly value: Expr;
  /** Keyword of a named argument. */
  readonly name: string | null;
  readonly spread: boolean;
}

/** `key: value`; with a computed key `key` is null and `computed` its expression; a spread has neither. */
export interface Entry {
  readonly key: string | null;
  readonly computed: Expr | null;
  readonly value: Expr;
}

export type Pattern =
  | (Node<'to'> & { readonly target: Expr })
  | (Node<'members'> & { readonly members: readonly { readonly key: string | null; readonly pattern: Pattern }[]; readonly rest: Pattern | null })
  | (Node<'elements'> & { readonly elements: readonly (Pattern | null)[]; readonly rest: Pattern | null })
  | (Node<'default'> & { readonly pattern: Pattern; readonly value: Expr });

export interface Func {
  readonly name: string | null;
  readonly params: readonly Param[];
  readonly body: readonly Stmt[];
  /** `this` is that of the surrounding function. */
  readonly arrow: boolean;
  readonly decorators: readonly Expr[];
  readonly at: Span;
}

export interface Param {
  readonly pattern: Pattern;
  readonly rest: boolean;
  /** Text of its declared type, '' where there is none. */
  readonly type: string;
  readonly decorators: readonly Expr[];
}

export interface Class {
  readonly name: string | null;
  readonly parent: Expr | null;
  readonly members: readonly { readonly name: string | null; readonly fixed: boolean; readonly value: Expr; readonly kind: 'method' | 'field' }[];
  readonly decorators: readonly Expr[];
  readonly at: Span;
}

export type Stmt =
  | { readonly s: 'expr'; readonly of: Expr }
  | { readonly s: 'let'; readonly pattern: Pattern; readonly value: Expr | null; readonly at: Span }
  | { readonly s: 'function'; readonly fn: Func }
  | { readonly s: 'return'; readonly of: Expr | null; readonly at: Span }
  | { readonly s: 'throw'; readonly of: Expr | null; readonly at: Span }
  /** break and continue. */
  | { readonly s: 'leave'; readonly at: Span }
  | { readonly s: 'if'; readonly test: Expr; readonly yes: readonly Stmt[]; readonly other: readonly Stmt[]; readonly at: Span }
  /** `each` binds what it goes over; `keys` where it goes over names and indices. */
  | { readonly s: 'loop'; readonly each: { readonly pattern: Pattern; readonly over: Expr; readonly keys: boolean } | null; readonly test: Expr | null; readonly body: readonly Stmt[]; readonly at: Span }
  | { readonly s: 'try'; readonly body: readonly Stmt[]; readonly param: Pattern | null; readonly handler: readonly Stmt[] | null; readonly last: readonly Stmt[]; readonly at: Span }
  | { readonly s: 'block'; readonly body: readonly Stmt[] }
  | { readonly s: 'import'; readonly from: string; readonly names: readonly { readonly imported: string | null; readonly local: string }[]; readonly at: Span }
  | { readonly s: 'export'; readonly name: string; readonly value: Expr; readonly at: Span };

export interface Program {
  readonly body: readonly Stmt[];
  /** True when the text could not be read to its end. */
  readonly partial: boolean;
}

/** The name that an expression is called by: the last of a path, '' where there is none. */
export function nameOf(expr: Expr): string {
  switch (expr.k) {
    case 'name':
      return expr.name;
    case 'member':
      return expr.name ?? nameOf(expr.of);
    case 'same':
      return nameOf(expr.of);
    case 'call':
      return nameOf(expr.callee);
    default:
      return '';
  }
}

/** `a.b.c` of a plain path of names, null for anything else. */
export function pathOf(expr: Expr): string | null {
  switch (expr.k) {
    case 'name':
      return expr.name;
    case 'same':
      return pathOf(expr.of);
    case 'member': {
      const of = pathOf(expr.of);
      const index = expr.name ?? (expr.index?.k === 'name' ? `[${expr.index.name}]` : null);
      return of === null || index === null ? null : `${of}.${index}`;
    }
    default:
      return null;
  }
}

import { type Expr, nameOf, pathOf } from './ir.js';
import { type Enclosing, literal, type Mark, NUMBER, type Value } from './value.js';

export function arithmetic(op: string, a: number, b: number): Value {
  const value = op === '-' ? a - b : op === '*' ? a * b : op === '/' ? a / b : op === '**' ? a ** b : op === '%' ? a % b : op === '<<' ? a << b : null;
  return value === null ? NUMBER : literal(value);
}

/** Certain ones first, then those of data from outside. */
export function rank(marks: readonly Mark[]): number {
  if (marks.length === 0) return 3;
  return marks.some((mark) => mark.kind !== 'parameter') ? 2 : 1;
}

/** `process.exit()` does not come back. */
export function isExit(expr: Expr): boolean {
  return expr.k === 'call' && /^(?:process\.exit|notFound|redirect|sys\.exit|abort|exit)$/.test(pathOf(expr.callee) ?? '');
}

export function isCondition(expr: Expr): boolean {
  return expr.k === 'binary' || (expr.k === 'unary' && expr.op === '!') || (expr.k === 'call') || (expr.k === 'choice' && expr.op !== '?:');
}

/** Paths that a value is made of by functions that keep it what it is: what is shown of the new one is shown of them. */
export function originsOf(expr: Expr): readonly string[] {
  switch (expr.k) {
    case 'same':
      return originsOf(expr.of);
    case 'name':
    case 'member': {
      const path = pathOf(expr);
      return path === null ? [] : [path];
    }
    case 'choice':
      return expr.op === '||' || expr.op === '??' ? originsOf(expr.yes) : [];
    case 'call': {
      const name = nameOf(expr.callee);
      if (/^(?:URL|String|Buffer|trim|toString|toLowerCase|toUpperCase|normalize|decodeURIComponent|resolve|join|parse|realpath|realpathSync|urlparse|urlsplit|abspath|normpath|lower|upper|strip|Path|hostname|lookup)$/.test(name)) {
        return [...expr.args.flatMap((arg) => originsOf(arg.value)), ...(expr.callee.k === 'member' && /^(?:trim|to|lower|upper|strip|resolve)/.test(name) ? originsOf(expr.callee.of) : [])];
      }
      return [];
    }
    default:
      return [];
  }
}

/** Names of the functions around a frame, outermost first. */
export function whereOf(frame: Enclosing): string {
  const names: string[] = [];
  for (let at: Enclosing | null = frame; at !== null; at = at.parent) if (at.name !== '') names.unshift(at.name);
  return names.slice(-6).join('.').slice(0, 300);
}

/** What is called or written, as the library calls it. */
export function sinkOf(site: object): string {
  const { api: of = '', name = '' } = site as { readonly api?: string; readonly name?: string | null };
  return (of === '' ? (name ?? '') : of).slice(0, 200);
}

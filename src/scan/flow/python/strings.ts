import type { Expr, Span } from '../ir.js';

interface Hole {
  /** Offsets into the literal. */
  readonly start: number;
  readonly end: number;
  readonly expr: Expr;
}

/** The parts of one string literal: its prefix and quotes taken away, the holes of an f-string in their places. */
export function stringParts(literal: string, holes: readonly Hole[], at: Span): Expr[] {
  const open = /^[a-zA-Z]*(?:"""|'''|"|')/.exec(literal)?.[0] ?? '';
  const close = open.replace(/^[a-zA-Z]*/, '').length;
  const raw = /^[a-zA-Z]*[rR]/.test(open);
  const piece = (from: number, to: number): Expr[] => {
    const text = literal.slice(from, to);
    return text === '' ? [] : [{ k: 'literal', at, value: raw ? text : unescaped(text) }];
  };
  const parts: Expr[] = [];
  let last = open.length;
  for (const { start, end, expr } of holes) {
    parts.push(...piece(last, start), expr);
    last = end;
  }
  parts.push(...piece(last, Math.max(last, literal.length - close)));
  return parts.length === 0 ? [{ k: 'literal', at, value: '' }] : parts;
}

function unescaped(text: string): string {
  return text.replace(/\\([nrt'"\\]|\n)/g, (_all, c: string) => (c === 'n' ? '\n' : c === 'r' ? '\r' : c === 't' ? '\t' : c === '\n' ? '' : c));
}

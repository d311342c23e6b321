import type { SgNode } from '@ast-grep/napi';
import { type Built, HOLE, hole, holeIndex, HOLES } from './text.js';

/** As `Built`; `quote` of Python may be three characters long. */
export interface PythonBuilt extends Omit<Built, 'quote'> {
  readonly quote: string;
}

/**
 * Text that Python builds, as `builtFrom` for JavaScript: f-strings, `+`, `%` with `%s` and `%d`, `.format` with `{}` in order. Null for raw
 * strings and bytes, format specifications, doubled braces, and where quotes differ: what they mean together must not be guessed.
 */
export function pythonBuilt(node: SgNode): PythonBuilt | null {
  if (HOLE.test(node.text()) || node.text().length > 20_000) return null;
  if (node.is('parenthesized_expression')) return pythonBuilt(node.namedChildren()[0] ?? node);
  if (node.is('string')) return strings([node]);
  if (node.is('concatenated_string')) return strings(node.namedChildren());
  if (node.is('call')) return formatted(node);
  if (!node.is('binary_operator')) return null;
  return node.field('operator')?.text() === '%' ? percent(node) : sum(node);
}

function strings(parts: readonly SgNode[]): PythonBuilt | null {
  const values: SgNode[] = [];
  const quotes = new Set<string>();
  let joined = '';
  for (const part of parts) {
    const start = part.child(0)?.text() ?? '';
    if (!part.is('string') || !/^f?["']/i.test(start)) return null;
    quotes.add(start.replace(/^f/i, ''));
    for (const child of part.children().slice(1, -1)) {
      if (child.is('interpolation')) {
        const inner = child.namedChildren();
        if (inner.length !== 1 || inner[0] === undefined || child.text().includes('=}')) return null;
        joined += hole(values.length);
        values.push(inner[0]);
      } else if (child.children().some((c) => c.is('escape_interpolation'))) return null;
      else joined += child.text();
    }
  }
  const [quote] = quotes;
  return quotes.size === 1 && quote !== undefined ? { joined, values, quote } : null;
}

function sum(node: SgNode): PythonBuilt | null {
  const values: SgNode[] = [];
  const quotes = new Set<string>();
  let joined = '';
  for (const part of sumParts(node)) {
    const inner = part.is('string') || part.is('concatenated_string') ? pythonBuilt(part) : null;
    if (inner === null) {
      joined += hole(values.length);
      values.push(part);
    } else {
      joined += inner.joined.replace(HOLES, (c) => hole(holeIndex(c) + values.length));
      values.push(...inner.values);
      quotes.add(inner.quote);
    }
  }
  const [quote] = quotes;
  return quotes.size === 1 && quote !== undefined ? { joined, values, quote } : null;
}

function sumParts(node: SgNode): readonly SgNode[] {
  const left = node.field('left');
  const right = node.field('right');
  return node.is('binary_operator') && node.field('operator')?.text() === '+' && left !== null && right !== null ? [...sumParts(left), right] : [node];
}

function percent(node: SgNode): PythonBuilt | null {
  const right = node.field('right');
  const left = node.field('left');
  const text = left === null ? null : pythonBuilt(left);
  if (right === null || text === null || text.values.length > 0) return null;
  return filled(text, right.is('tuple') ? right.namedChildren() : right.is('dictionary') ? [] : right.is('parenthesized_expression') ? right.namedChildren() : [right], /%(?:[sd]|%|.)/g, (spec) => (spec === '%%' ? '%' : /^%[sd]$/.test(spec) ? null : undefined));
}

function formatted(node: SgNode): PythonBuilt | null {
  const callee = node.field('function');
  const left = callee?.field('object');
  const text = left == null || callee?.field('attribute')?.text() !== 'format' ? null : pythonBuilt(left);
  const given = node.field('arguments')?.namedChildren() ?? [];
  if (text === null || text.values.length > 0 || given.some((g) => g.is('keyword_argument') || g.is('list_splat') || g.is('dictionary_splat'))) return null;
  return filled(text, given, /\{\{|\}\}|\{[^}]*\}/g, (spec) => (spec === '{}' ? null : undefined));
}

/** Puts holes where `spec` stands for the next value: null = the next value, text = itself, undefined = not understood. */
function filled(text: PythonBuilt, values: readonly SgNode[], specs: RegExp, meaning: (spec: string) => string | null | undefined): PythonBuilt | null {
  let next = 0;
  let understood = true;
  const joined = text.joined.replace(specs, (spec) => {
    const put = meaning(spec);
    if (put === undefined) understood = false;
    return put ?? hole(next++);
  });
  return understood && next === values.length && !values.some((v) => v.is('list_splat') || v.is('keyword_argument')) ? { joined, values, quote: text.quote } : null;
}

/** One piece as an expression: the value itself, a string, or an f-string; null where quotes would get in each other's way. */
export function pythonExpression(piece: string, values: readonly SgNode[], quote: string): string | null {
  const value = piece.length === 1 && HOLE.test(piece) ? values[holeIndex(piece)] : undefined;
  if (value !== undefined) return value.text();
  const mark = quote.charAt(0);
  if (/[\\{}\n]/.test(piece) || piece.includes(mark)) return null;
  if (!HOLE.test(piece)) return `${mark}${piece}${mark}`;
  const inner = piece.replace(HOLES, (c) => `{${values[holeIndex(c)]?.text() ?? ''}}`);
  return (piece.match(HOLES) ?? []).some((c) => /["'\\\n{}]/.test(values[holeIndex(c)]?.text() ?? '')) ? null : `f${mark}${inner}${mark}`;
}

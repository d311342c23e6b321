import type { SgNode } from '@ast-grep/napi';
import type { Style } from './facts.js';

/**
 * Text that an expression builds, as one string in which the character `hole(i)` (private use, U+E000 on) stands for `values[i]`. The rest is the source as
 * written, escapes included, so that it can be written back.
 */
export interface Built {
  readonly joined: string;
  readonly values: readonly SgNode[];
  /** What the text stands in: `\``, a quote, or null where strings of several sorts are joined. */
  readonly quote: '`' | "'" | '"' | null;
}

const FIRST = 0xe000;
const MOST = 100;
export const HOLE = /[\uE000-\uF8FF]/;
export const HOLES = /[\uE000-\uF8FF]/g;

export function hole(index: number): string {
  return String.fromCharCode(FIRST + index);
}
export function holeIndex(character: string): number {
  return character.charCodeAt(0) - FIRST;
}

/** A template with substitutions, or a concatenation with at least one string in it. Null for anything else, and where `+` may mean a sum. */
export function builtFrom(node: SgNode): Built | null {
  if (HOLE.test(node.text())) return null;
  const values: SgNode[] = [];
  if (node.is('template_string')) {
    const joined = template(node, values);
    return joined === null || values.length > MOST ? null : { joined, values, quote: '`' };
  }
  const quotes = new Set<string>();
  const joined = concatenation(node, values, quotes);
  const [quote] = quotes;
  if (joined === null || quotes.size === 0 || values.length > MOST) return null;
  return { joined, values, quote: quotes.size === 1 && (quote === "'" || quote === '"' || quote === '`') ? quote : null };
}

function template(node: SgNode, values: SgNode[]): string | null {
  const source = node.text();
  const offset = node.range().start.index;
  let joined = '';
  let at = 1;
  for (const part of node.children().filter((child) => child.is('template_substitution'))) {
    const value = part.namedChildren()[0];
    if (value === undefined || part.namedChildren().length !== 1) return null;
    const { start, end } = part.range();
    joined += source.slice(at, start.index - offset) + hole(values.length);
    values.push(value);
    at = end.index - offset;
  }
  return joined + source.slice(at, -1);
}

function concatenation(node: SgNode, values: SgNode[], quotes: Set<string>): string | null {
  const leaves = operands(node);
  // `a + b + 'x'` adds first where both are numbers.
  if (leaves.length < 2 || !leaves.slice(0, 2).some(isText)) return null;
  let joined = '';
  for (const leaf of leaves) {
    if (leaf.is('template_string')) {
      const inner = template(leaf, values);
      if (inner === null) return null;
      joined += inner;
      quotes.add('`');
    } else if (leaf.is('string')) {
      joined += leaf.text().slice(1, -1);
      quotes.add(leaf.text().charAt(0));
    } else {
      joined += hole(values.length);
      values.push(leaf);
    }
  }
  return joined;
}

/** The operands of a chain of `+`, from left to right. */
export function operands(node: SgNode): readonly SgNode[] {
  const left = node.field('left');
  const right = node.field('right');
  return node.is('binary_expression') && node.field('operator')?.text() === '+' && left !== null && right !== null ? [...operands(left), right] : [node];
}

function isText(node: SgNode): boolean {
  return node.is('string') || node.is('template_string');
}

/** `joined` written as source: a plain string where it has no hole and the file's quotes do, a template otherwise; null where neither can be. */
export function written({ joined, values, quote }: Built, style: Style): string | null {
  const plain = !HOLE.test(joined);
  if (plain && quote !== '`' && quote !== null) return `${quote}${joined}${quote}`;
  if (plain && !/['"\\\n]/.test(joined)) return `${style.quote}${joined}${style.quote}`;
  if (quote !== '`' && /[`\\]|\$\{/.test(joined)) return null;
  return `\`${joined.replace(HOLES, (character) => `\${${values[holeIndex(character)]?.text() ?? ''}}`)}\``;
}

/** One piece of such a text as an expression of its own: the value itself where it is nothing else. */
export function expression(piece: string, values: readonly SgNode[], style: Style): string | null {
  const value = piece.length === 1 && HOLE.test(piece) ? values[holeIndex(piece)] : undefined;
  if (value !== undefined) return value.is('sequence_expression') ? `(${value.text()})` : value.text();
  if (/[\\`]|\$\{/.test(piece)) return null;
  if (!HOLE.test(piece)) return piece.includes(style.quote) ? `\`${piece}\`` : `${style.quote}${piece}${style.quote}`;
  return written({ joined: piece, values, quote: '`' }, style);
}

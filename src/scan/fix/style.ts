import type { SgNode } from '@ast-grep/napi';
import type { Style } from './facts.js';

/** Strings and statements looked at: the style of a file shows soon. */
const SAMPLE = 200;

/** How a JavaScript or TypeScript file is written, by what most of it does. */
export function styleOf(root: SgNode, text: string, typed: boolean): Style {
  const strings = root.findAll({ rule: { kind: 'string' } }).slice(0, SAMPLE);
  const double = strings.filter((s) => text.charAt(s.range().start.index) === '"').length;
  const statements = root.findAll({ rule: { any: [{ kind: 'expression_statement' }, { kind: 'lexical_declaration' }, { kind: 'variable_declaration' }, { kind: 'return_statement' }] } }).slice(0, SAMPLE);
  const ended = statements.filter((s) => text.charAt(s.range().end.index - 1) === ';').length;
  return {
    quote: double > strings.length - double ? '"' : "'",
    semicolon: ended * 2 >= statements.length ? ';' : '',
    indent: indentOf(text),
    eol: eolOf(text),
    type: (annotation) => (typed ? annotation : ''),
  };
}

/** One step of indentation: a tab, or the smallest number of spaces that several lines begin with; two where nothing is indented. */
export function indentOf(text: string, otherwise = '  '): string {
  const starts = text.split('\n', 2000).map((line) => /^(?:\t|(?: {2,8})(?=[^\s*]))/.exec(line)?.[0] ?? '').filter((s) => s !== '');
  if (starts.filter((s) => s === '\t').length * 2 > starts.length) return '\t';
  const widths = starts.filter((s) => s !== '\t').map((s) => s.length);
  return widths.length === 0 ? otherwise : ' '.repeat(Math.min(...widths));
}

export function eolOf(text: string): '\n' | '\r\n' {
  return text.charAt(text.indexOf('\n') - 1) === '\r' ? '\r\n' : '\n';
}

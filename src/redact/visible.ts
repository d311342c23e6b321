/**
 * Control, format, separator and unassigned-looking characters by Unicode property: terminal escapes, bidi overrides, zero-width
 * characters, tags and variation selectors (which can carry hidden text), line separators and lone surrogates.
 */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Hostile text as it may be shown to a person or in a log: nothing of it moves the cursor, hides, reorders, or forges a line.
 * Hidden characters become `\n`, `\x1b` or `\u{202e}`. With `lines` a newline and a tab stay what they are (and `\r\n` becomes a
 * newline), for text that is shown as a block of its own.
 */
export function visible(text: string, options: { readonly lines?: boolean } = {}): string {
  const source = options.lines === true ? text.replaceAll('\r\n', '\n') : text;
  return source.replace(HIDDEN, (character) => (options.lines === true && (character === '\n' || character === '\t') ? character : escaped(character)));
}

function escaped(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\r') return '\\r';
  if (character === '\t') return '\\t';
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

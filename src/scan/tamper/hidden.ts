import type { Mark } from '../../sarif/tamper/model.js';

/** Kinds of characters that are not seen, and where each has a use that people see. */
const BIDI = /[\u202a-\u202e\u2066-\u2069]/u;
const RTL = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u;
const SUSPECT = /\u034f|\u17b4|\u17b5|[\u180b-\u180e]|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]|[\u00ad\u061c\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{1d173}-\u{1d17a}]/u;
/** Files whose names of things are looked at. */
const CODE = /\.(?:[cm]?[jt]sx?|pyi?|go|rs|rb|php|java|kt|kts|swift|scala|cs|c|cc|cpp|h|hpp|sh|bash|pl|lua|vue|svelte)$/i;
/** Letters that look like Latin ones. Others of these scripts stand beside Latin ones rightly (`Δx`). */
const LOOKALIKE = /[\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03ba\u03bd\u03bf\p{Script=Cyrillic}\p{Script=Armenian}\p{Script=Cherokee}]/u;
const LATIN = /\p{Script=Latin}/u;
/** Python reads these as the plain letters, and rules by name do not see them. */
const STYLED = /[\u{1d400}-\u{1d7ff}\uff21-\uff3a\uff41-\uff5a]/u;
const FOREIGN = /[^\p{ASCII}]/u;

/** Characters that nobody sees, and names of letters that look alike, by line. */
export function hiddenIn(path: string, text: string): Mark[] {
  if (!FOREIGN.test(text)) return [];
  return text.split('\n').flatMap((line, i) => (FOREIGN.test(line) ? [...invisible(line, i), ...(CODE.test(path) ? mixed(path, line, i) : [])] : []));
}

function invisible(line: string, index: number): Mark[] {
  if (!SUSPECT.test(line)) return [];
  const chars = [...line];
  const kinds = chars.map((char, at) => kindOf(chars, at, char, index));
  const first = kinds.findIndex((kind) => kind !== null);
  if (first < 0) return [];
  // One mark a line: which characters, and the words around the first, so that the same line elsewhere is the same mark.
  const codes = [...new Set(chars.filter((_, at) => kinds[at] !== null).map((char) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`))];
  const hidden = kinds.filter((kind) => kind !== null);
  const around = chars.slice(Math.max(0, first - 12), first + 12).filter((char) => /[\w$.]/.test(char)).join('');
  return [{ what: hidden[0] ?? '', text: `${hidden.length} × ${codes.slice(0, 8).join(' ')} near "${around}"`, line: index + 1 }];
}

/** What is hidden at a place, null where the character does what it is for. */
function kindOf(chars: readonly string[], at: number, char: string, index: number): string | null {
  if (!SUSPECT.test(char)) return null;
  const [before, after] = [chars[at - 1] ?? '', chars[at + 1] ?? ''];
  if (BIDI.test(char)) return 'a bidirectional control';
  if (char === '\ufeff') return index === 0 && at === 0 ? null : 'a zero-width character';
  if (/[\u200e\u200f\u061c]/.test(char)) return RTL.test(before + after) ? null : 'a direction mark';
  if (/[\u200c\u200d]/.test(char)) return joins(before) && (char === '\u200c' || joins(after)) ? null : 'a zero-width character';
  if (/[\ufe00-\ufe0f]/u.test(char)) return /[\p{Extended_Pictographic}\p{Script=Han}\p{So}\p{Sm}#*0-9\u{1f1e6}-\u{1f1ff}]/u.test(before) ? null : 'a variation selector';
  if (/[\u{e0020}-\u{e007f}]/u.test(char)) return inFlag(chars, at) ? null : 'a tag character';
  if (/[\u{e0100}-\u{e01ef}]/u.test(char)) return /\p{Script=Han}/u.test(before) ? null : 'a variation selector';
  return char === '\u00ad' && /\p{L}/u.test(before) && FOREIGN.test(before + after) ? null : 'a character without width';
}

/** Letters of scripts that are written joined, and emoji. */
function joins(char: string): boolean {
  return char === '\ufe0f' || (/[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{L}\p{M}]/u.test(char) && !LATIN.test(char) && FOREIGN.test(char));
}

function inFlag(chars: readonly string[], at: number): boolean {
  for (let i = at - 1; i >= 0 && i > at - 8; i--) if (chars[i] === '\u{1f3f4}') return true;
  return false;
}

function mixed(path: string, line: string, index: number): Mark[] {
  const python = path.toLowerCase().endsWith('.py');
  const words = line.slice(0, 20_000).match(/[\p{L}\p{N}_$]{2,100}/gu) ?? [];
  const wrong = [...new Set(words)].filter((word) => FOREIGN.test(word) && ((/[a-z]/i.test(word) && LOOKALIKE.test(word)) || (python && STYLED.test(word))));
  return wrong.slice(0, 20).map((word) => ({ what: 'homoglyph', text: [...word].map((char) => (FOREIGN.test(char) ? `<U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>` : char)).join('').slice(0, 300), line: index + 1 }));
}

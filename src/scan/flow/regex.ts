/**
 * Whether a regular expression can take exponential time: a repetition whose body can match the same text in more than one way (van der Merwe,
 * Weideman, Berglund: "Turning Evil Regexes Harmless", 2017). Decided on sets of characters of an abstract syntax, without running the expression; what it cannot read is not said to be slow.
 */

/** Characters by code below 128, and whether any other is in the set. */
interface Chars {
  readonly low: readonly boolean[];
  readonly high: boolean;
}

type Regex =
  | { readonly r: 'chars'; readonly set: Chars }
  | { readonly r: 'seq'; readonly items: readonly Regex[] }
  | { readonly r: 'alt'; readonly options: readonly Regex[] }
  | { readonly r: 'many'; readonly of: Regex; readonly min: number; readonly max: number }
  /** An assertion: takes no characters. */
  | { readonly r: 'empty' };

const MOST = 2000;

const charsOf = (test: (code: number) => boolean, high: boolean): Chars => ({ low: Array.from({ length: 128 }, (_, code) => test(code)), high });
const ANY = charsOf((c) => c !== 10 && c !== 13, true);
const DIGIT = charsOf((c) => c >= 48 && c <= 57, false);
const WORD = charsOf((c) => (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || c === 95, false);
const SPACE = charsOf((c) => c === 32 || (c >= 9 && c <= 13), true);
const not = ({ low, high }: Chars): Chars => ({ low: low.map((on) => !on), high: !high });
const union = (a: Chars, b: Chars): Chars => ({ low: a.low.map((on, i) => on || b.low[i] === true), high: a.high || b.high });
const NONE = charsOf(() => false, false);
/** `high` stands for many characters: two sets of which each holds some of them need not overlap, so that it counts only where one holds them all. */
const overlap = (a: Chars, b: Chars): boolean => a.low.some((on, i) => on && b.low[i] === true);

class Reader {
  readonly #text: string;
  readonly #ignoreCase: boolean;
  #at = 0;
  #size = 0;

  constructor(text: string, ignoreCase: boolean) {
    this.#text = text;
    this.#ignoreCase = ignoreCase;
  }

  read(): Regex | null {
    try {
      const regex = this.#alternatives();
      return this.#at < this.#text.length ? null : regex;
    } catch {
      return null; // something that this does not read
    }
  }

  #alternatives(): Regex {
    const options = [this.#sequence()];
    while (this.#text[this.#at] === '|') {
      this.#at++;
      options.push(this.#sequence());
    }
    return options.length === 1 ? (options[0] as Regex) : { r: 'alt', options };
  }

  #sequence(): Regex {
    const items: Regex[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== '|' && this.#text[this.#at] !== ')') {
      if (++this.#size > MOST) throw new Error('too long');
      items.push(this.#quantified(this.#atom()));
    }
    return items.length === 1 ? (items[0] as Regex) : { r: 'seq', items };
  }

  #quantified(of: Regex): Regex {
    const rest = this.#text.slice(this.#at);
    const match = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(rest);
    if (match === null) return of;
    this.#at += match[0].length;
    const [, sign, low, comma, high] = match;
    if (sign !== undefined) return { r: 'many', of, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
    const min = Number(low);
    return { r: 'many', of, min, max: comma === '' ? min : high === '' || high === undefined ? Infinity : Number(high) };
  }

  #atom(): Regex {
    const c = this.#text[this.#at++] ?? '';
    if (c === '(') return this.#group();
    if (c === '[') return { r: 'chars', set: this.#class() };
    if (c === '.') return { r: 'chars', set: ANY };
    if (c === '^' || c === '$') return { r: 'empty' };
    if (c === '\\') return this.#escape();
    return { r: 'chars', set: this.#one(c.charCodeAt(0)) };
  }

  #group(): Regex {
    const head = /^\?(?::|=|!|<=|<!|<[^>]+>)/.exec(this.#text.slice(this.#at))?.[0] ?? '';
    this.#at += head.length;
    const inner = this.#alternatives();
    if (this.#text[this.#at++] !== ')') throw new Error('open group');
    return head === '?=' || head === '?!' || head === '?<=' || head === '?<!' ? { r: 'empty' } : inner;
  }

  #escape(): Regex {
    const c = this.#text[this.#at++] ?? '';
    if (c === 'b' || c === 'B') return { r: 'empty' };
    if (/[1-9k]/.test(c)) throw new Error('back reference');
    return { r: 'chars', set: this.#escaped(c) };
  }

  #escaped(c: string): Chars {
    switch (c) {
      case 'd':
        return DIGIT;
      case 'D':
        return not(DIGIT);
      case 'w':
        return WORD;
      case 'W':
        return not(WORD);
      case 's':
        return SPACE;
      case 'S':
        return not(SPACE);
      case 'p':
      case 'P': {
        this.#at += /^\{[^}]*\}/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
        return { low: WORD.low, high: true };
      }
      default:
        return this.#one(this.#code(c));
    }
  }

  /** Code of an escaped character; the place is after it. */
  #code(c: string): number {
    const short: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, 0: 0 };
    if (Object.hasOwn(short, c)) return short[c] as number;
    const hex = c === 'x' ? /^[0-9a-fA-F]{2}/ : c === 'u' ? /^(?:[0-9a-fA-F]{4}|\{[0-9a-fA-F]+\})/ : null;
    const digits = hex?.exec(this.#text.slice(this.#at))?.[0];
    if (digits === undefined) return c.charCodeAt(0);
    this.#at += digits.length;
    return Number.parseInt(digits.replace(/[{}]/g, ''), 16);
  }

  #one(code: number): Chars {
    const other = String.fromCharCode(code);
    const folded = this.#ignoreCase ? [other.toLowerCase().charCodeAt(0), other.toUpperCase().charCodeAt(0)] : [code];
    return code < 128 ? charsOf((c) => folded.includes(c), false) : charsOf(() => false, true);
  }

  #class(): Chars {
    const negated = this.#text[this.#at] === '^';
    if (negated) this.#at++;
    let set = NONE;
    for (let first = true; first || this.#text[this.#at] !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw new Error('open class');
      if (first && this.#text[this.#at] === ']') break;
      const [from, low] = this.#member();
      if (low !== null && this.#text[this.#at] === '-' && this.#text[this.#at + 1] !== ']') {
        this.#at++;
        const [, high] = this.#member();
        if (high === null) throw new Error('range');
        set = union(set, charsOf((c) => c >= low && c <= high, high >= 128));
      } else set = union(set, from);
    }
    this.#at++;
    if (this.#ignoreCase) set = { ...set, low: set.low.map((on, i) => on || set.low[String.fromCharCode(i).toLowerCase().charCodeAt(0)] === true || set.low[String.fromCharCode(i).toUpperCase().charCodeAt(0)] === true) };
    return negated ? not(set) : set;
  }

  /** One member of a class, and its code where it is one character. */
  #member(): readonly [Chars, number | null] {
    const c = this.#text[this.#at++] ?? '';
    if (c !== '\\') return [this.#one(c.charCodeAt(0)), c.charCodeAt(0)];
    const escaped = this.#text[this.#at++] ?? '';
    if (/[dDwWsSpP]/.test(escaped)) return [this.#escaped(escaped), null];
    const code = escaped === 'b' ? 8 : this.#code(escaped);
    return [this.#one(code), code];
  }
}

function nullable(regex: Regex): boolean {
  switch (regex.r) {
    case 'chars':
      return false;
    case 'empty':
      return true;
    case 'seq':
      return regex.items.every(nullable);
    case 'alt':
      return regex.options.some(nullable);
    case 'many':
      return regex.min === 0 || nullable(regex.of);
    default:
      return regex satisfies never;
  }
}

/** Characters that a match can begin with. */
function first(regex: Regex): Chars {
  switch (regex.r) {
    case 'chars':
      return regex.set;
    case 'empty':
      return NONE;
    case 'seq': {
      let set = NONE;
      for (const item of regex.items) {
        set = union(set, first(item));
        if (!nullable(item)) break;
      }
      return set;
    }
    case 'alt':
      return regex.options.map(first).reduce(union, NONE);
    case 'many':
      return first(regex.of);
    default:
      return regex satisfies never;
  }
}

/** True when some text can be matched in exponentially many ways. */
export function canExplode(pattern: string, flags: string): boolean {
  const regex = new Reader(pattern, flags.includes('i')).read();
  return regex !== null && explodes(regex, false);
}

/** `fails`: something behind it can still fail, without which a greedy match is never taken back. */
function explodes(regex: Regex, fails: boolean): boolean {
  switch (regex.r) {
    case 'chars':
    case 'empty':
      return false;
    case 'seq':
      return regex.items.some((item, i) => explodes(item, fails || regex.items.slice(i + 1).some((rest) => rest.r === 'empty' || !nullable(rest))));
    case 'alt':
      return regex.options.some((option) => explodes(option, fails));
    case 'many':
      if (regex.max === Infinity && fails && ambiguous(regex.of)) return true;
      return explodes(regex.of, fails || regex.max === Infinity);
    default:
      return regex satisfies never;
  }
}

/** True when a repetition of it can divide one text in two ways. */
function ambiguous(body: Regex): boolean {
  if (body.r === 'alt') return overlapping(body.options) || body.options.some((option) => ambiguous(option));
  const items = body.r === 'seq' ? body.items : [body];
  if (items.some((item) => item.r === 'alt' && items.every((other) => other === item || nullable(other)) && overlapping(item.options))) return true;
  return items.some((item, i) => {
    if (item.r !== 'many' || item.max === item.min || item.max <= 1) return items.length === 1 && item.r === 'seq' && ambiguous(item);
    // What follows it until the repetition begins again: where that can be left out, or begins with the same characters, two divisions are there.
    const after = [...items.slice(i + 1), ...items.slice(0, i)];
    const inner = first(item.of);
    if (after.every(nullable)) return true;
    const next = first({ r: 'seq', items: after });
    const solid = after.filter((one) => !nullable(one));
    return overlap(inner, next) && solid.every((one) => one.r === 'chars' && subset(one.set, inner)) && solid.length > 0 && solid.every((one) => one.r === 'chars');
  });
}

function subset(a: Chars, b: Chars): boolean {
  return a.low.every((on, i) => !on || b.low[i] === true);
}

/** `(a|a)`, `(\w|\d)`, `(.|\s)`: single characters in two options. */
function overlapping(options: readonly Regex[]): boolean {
  const single = options.map((option) => (option.r === 'chars' ? option.set : option.r === 'many' && option.of.r === 'chars' && option.max === Infinity ? option.of.set : null));
  return single.some((a, i) => a !== null && single.some((b, j) => j > i && b !== null && overlap(a, b)));
}

export type TomlValue = string | number | boolean | readonly TomlValue[] | TomlTable;
export interface TomlTable {
  [key: string]: TomlValue;
}

const MAX_DEPTH = 50;

/** Reads TOML 1.0 (https://toml.io/en/v1.0.0): dates stay the text that they are. Throws an `Error` that names the line. Tables have no prototype. */
export function parseToml(text: string): TomlTable {
  return new Reader(text).read();
}

function table(): TomlTable {
  return Object.create(null) as TomlTable;
}

const isTable = (value: TomlValue | undefined): value is TomlTable => typeof value === 'object' && !Array.isArray(value);

class Reader {
  readonly #text: string;
  #at = 0;
  /** Tables that were written between braces, and arrays between brackets: nothing may be added to them later. */
  readonly #closed = new WeakSet<object>();
  /** Tables that have a header of their own: a second one is an error. */
  readonly #named = new WeakSet<object>();

  constructor(text: string) {
    this.#text = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  }

  read(): TomlTable {
    const root = table();
    let current = root;
    for (;;) {
      this.#blank(true);
      if (this.#at >= this.#text.length) return root;
      if (this.#peek('[')) current = this.#header(root);
      else this.#pair(current);
      this.#blank(false);
      if (this.#at < this.#text.length && !this.#take('\n')) throw this.#wrong('expected the end of the line');
    }
  }

  #header(root: TomlTable): TomlTable {
    const many = this.#take('[[');
    if (!many) this.#at++;
    const keys = this.#keys();
    if (!this.#take(many ? ']]' : ']')) throw this.#wrong('expected the end of a table\'s name');
    const last = keys.pop() as string;
    const parent = keys.reduce((at, key) => this.#below(at, key), root);
    const known = parent[last];
    if (many) {
      const list = known ?? (parent[last] = []);
      if (!Array.isArray(list) || this.#closed.has(list)) throw this.#wrong(`"${last}" is not a list of tables`);
      const made = table();
      list.push(made);
      return made;
    }
    const found = known ?? (parent[last] = table());
    if (!isTable(found) || this.#closed.has(found) || this.#named.has(found)) throw this.#wrong(`"${last}" stands there twice`);
    this.#named.add(found);
    return found;
  }

  /** The table that a key leads to; of a list its last one. */
  #below(at: TomlTable, key: string): TomlTable {
    const found = at[key] ?? (at[key] = table());
    const next = Array.isArray(found) ? (found.at(-1) as TomlValue | undefined) : found;
    if (!isTable(next) || this.#closed.has(found as object) || this.#closed.has(next)) throw this.#wrong(`"${key}" is not a table`);
    return next;
  }

  #pair(into: TomlTable, depth = 0): void {
    const keys = this.#keys();
    const last = keys.pop() as string;
    const target = keys.reduce((at, key) => this.#below(at, key), into);
    if (!this.#take('=')) throw this.#wrong('expected "="');
    this.#blank(false);
    if (target[last] !== undefined) throw this.#wrong(`"${last}" stands there twice`);
    target[last] = this.#value(depth);
  }

  #keys(): string[] {
    const keys: string[] = [];
    do {
      this.#blank(false);
      const bare = /^[A-Za-z0-9_-]+/.exec(this.#text.slice(this.#at, this.#at + 1000))?.[0];
      if (bare !== undefined) this.#at += bare.length;
      else if (!this.#peek('"') && !this.#peek("'")) throw this.#wrong('expected a key');
      keys.push(bare ?? this.#string());
      this.#blank(false);
    } while (this.#take('.'));
    return keys;
  }

  #value(depth: number): TomlValue {
    if (depth > MAX_DEPTH) throw this.#wrong('it is nested too deeply');
    if (this.#peek('"') || this.#peek("'")) return this.#string();
    if (this.#take('[')) return this.#list(depth);
    if (this.#take('{')) return this.#inline(depth);
    const word = /^[A-Za-z0-9_+.:-]+(?: \d\d:\d\d:\d\d[\d.]*(?:Z|[+-]\d\d:\d\d)?)?/.exec(this.#text.slice(this.#at, this.#at + 200))?.[0];
    if (word === undefined) throw this.#wrong('expected a value');
    this.#at += word.length;
    if (word === 'true' || word === 'false') return word === 'true';
    if (/^\d{4}-\d\d-\d\d|^\d\d:\d\d/.test(word)) return word;
    const number = Number(/^[+-]?(?:inf|nan)$/.test(word) ? word.replace('inf', 'Infinity').replace('nan', 'NaN') : word.replaceAll('_', ''));
    if (Number.isNaN(number) && !word.endsWith('nan')) throw this.#wrong(`"${word.slice(0, 40)}" is not a value`);
    return number;
  }

  #list(depth: number): TomlValue[] {
    const found: TomlValue[] = [];
    this.#closed.add(found);
    for (;;) {
      this.#blank(true);
      if (this.#take(']')) return found;
      found.push(this.#value(depth + 1));
      this.#blank(true);
      if (this.#take(',')) continue;
      if (!this.#take(']')) throw this.#wrong('expected "," or "]"');
      return found;
    }
  }

  #inline(depth: number): TomlTable {
    const found = table();
    this.#blank(false);
    this.#closed.add(found);
    if (this.#take('}')) return found;
    for (;;) {
      this.#pair(found, depth + 1);
      this.#blank(false);
      if (this.#take('}')) return found;
      if (!this.#take(',')) throw this.#wrong('expected "," or "}"');
    }
  }

  #string(): string {
    const quote = this.#text[this.#at] as string;
    const long = this.#take(quote.repeat(3));
    if (!long) this.#at++;
    else this.#take('\n');
    const end = long ? quote.repeat(3) : quote;
    let found = '';
    while (this.#at < this.#text.length) {
      if (this.#take(end)) {
        // Up to two quotes may stand right before the closing ones.
        while (long && this.#take(quote)) found += quote;
        return found;
      }
      const char = this.#text[this.#at++] as string;
      if (char === '\n' && !long) break;
      found += char === '\\' && quote === '"' ? this.#escape(long) : char;
    }
    throw this.#wrong('a string has no end');
  }

  #escape(long: boolean): string {
    const char = this.#text[this.#at++] as string;
    const plain = ({ b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\' } as Readonly<Record<string, string>>)[char];
    if (plain !== undefined) return plain;
    if (char === 'u' || char === 'U') {
      const hex = this.#text.slice(this.#at, this.#at + (char === 'u' ? 4 : 8));
      const code = /^(?:[0-9a-f]{4}|[0-9a-f]{8})$/i.test(hex) ? Number.parseInt(hex, 16) : -1;
      if (code < 0 || code > 0x10ffff) throw this.#wrong('an escape is not a character');
      this.#at += hex.length;
      return String.fromCodePoint(code);
    }
    if (!long || !/[ \t\n]/.test(char)) throw this.#wrong(`"\\${char}" is not an escape`);
    while (/[ \t\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return '';
  }

  /** Passes over spaces and comments, and over lines where they end nothing. */
  #blank(lines: boolean): void {
    for (;;) {
      const char = this.#text[this.#at];
      if (char === ' ' || char === '\t' || (lines && char === '\n')) this.#at++;
      else if (char === '#') this.#at = this.#text.indexOf('\n', this.#at) === -1 ? this.#text.length : this.#text.indexOf('\n', this.#at);
      else return;
    }
  }

  #peek(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #take(text: string): boolean {
    if (!this.#peek(text)) return false;
    this.#at += text.length;
    return true;
  }

  #wrong(why: string): Error {
    return new Error(`line ${this.#text.slice(0, this.#at).split('\n').length}: ${why}`);
  }
}

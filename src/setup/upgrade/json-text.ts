/** Where a JSON value stands in its text. */
export interface JsonNode {
  readonly start: number;
  readonly end: number;
  /** For an object: its members in the order of the text. */
  readonly members: readonly JsonMember[] | null;
}

export interface JsonMember {
  readonly key: string;
  readonly start: number;
  readonly keyEnd: number;
  readonly value: JsonNode;
}

/** A member of an object that is written anew: kept as it is, kept with another text of its value, or new. */
export type Piece = { readonly keep: JsonMember; readonly text?: string } | { readonly key: string; readonly value: unknown };

const MAX_DEPTH = 200;

/**
 * A JSON text whose formatting survives an edit: what is not touched stays byte by byte, what is new takes the indentation, line ends and
 * separators of its surroundings. Throws a SyntaxError when the text is not JSON, and when it is nested deeper than 200.
 */
export class JsonText {
  readonly text: string;
  readonly root: JsonNode;
  /** One level of indentation; empty when everything stands on one line. */
  readonly unit: string;
  readonly eol: string;

  constructor(text: string) {
    JSON.parse(text); // from here on the text is known to be well formed
    this.text = text;
    this.root = new Scanner(text).document();
    this.unit = /\n([ \t]+)\S/.exec(text)?.[1] ?? '';
    this.eol = text.includes('\r\n') ? '\r\n' : '\n';
  }

  /** The member that counts: the last one of its name, as for JSON.parse. */
  member(node: JsonNode, key: string): JsonMember | undefined {
    return node.members?.findLast((m) => m.key === key);
  }

  slice(node: JsonNode): string {
    return this.text.slice(node.start, node.end);
  }

  value(node: JsonNode): unknown {
    return JSON.parse(this.slice(node));
  }

  /** The text of an object that consists of these members. `depth` of the root is 0. */
  object(node: JsonNode, depth: number, pieces: readonly Piece[]): string {
    if (pieces.length === 0) return '{}';
    const { lead, between, tail, colon } = this.#style(node, depth);
    const inline = !lead.includes('\n');
    // What stood before a member that is kept stays before it.
    const members = node.members ?? [];
    const before = new Map(members.slice(1).map((m, i) => [m, this.text.slice((members[i] as JsonMember).value.end, m.start)]));
    const body = pieces.map((piece, i) => {
      const gap = i === 0 ? lead : (('keep' in piece ? before.get(piece.keep) : undefined) ?? between);
      if ('key' in piece) return `${gap}${JSON.stringify(piece.key)}${colon}${this.write(piece.value, inline ? null : depth + 1)}`;
      return gap + this.text.slice(piece.keep.start, piece.keep.value.start) + (piece.text ?? this.slice(piece.keep.value));
    });
    return `{${body.join('')}${tail}}`;
  }

  /** A new value as it stands at a depth; null: on one line. */
  write(value: unknown, depth: number | null): string {
    if (depth === null || this.unit === '') return JSON.stringify(value);
    return JSON.stringify(value, null, this.unit).replaceAll('\n', `${this.eol}${this.unit.repeat(depth)}`);
  }

  #style(node: JsonNode, depth: number): { readonly lead: string; readonly between: string; readonly tail: string; readonly colon: string } {
    const [first, second] = node.members ?? [];
    const last = node.members?.at(-1);
    if (first === undefined || last === undefined) {
      const line = this.unit === '' ? '' : `${this.eol}${this.unit.repeat(depth + 1)}`;
      return { lead: line, between: `,${line}`, tail: this.unit === '' ? '' : `${this.eol}${this.unit.repeat(depth)}`, colon: this.unit === '' ? ':' : ': ' };
    }
    const lead = this.text.slice(node.start + 1, first.start);
    return {
      lead, between: second === undefined ? `,${lead}` : this.text.slice(first.value.end, second.start),
      tail: this.text.slice(last.value.end, node.end - 1), colon: this.text.slice(first.keyEnd, first.value.start),
    };
  }
}

/** Positions in a text that JSON.parse accepted (RFC 8259): no check is made twice. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): JsonNode {
    return this.#value(0);
  }

  #value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new SyntaxError(`nested deeper than ${MAX_DEPTH}`);
    this.#space();
    const start = this.#at;
    const char = this.#text[start];
    const members = char === '{' ? this.#members(depth) : null;
    if (char === '[') this.#items(depth);
    else if (char === '"') this.#string();
    else if (members === null) while (this.#at < this.#text.length && !/[,\]}\s]/.test(this.#text[this.#at] as string)) this.#at++;
    return { start, end: this.#at, members };
  }

  #members(depth: number): JsonMember[] {
    const found: JsonMember[] = [];
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== '}'; this.#space()) {
      const start = this.#at;
      this.#string();
      const keyEnd = this.#at;
      this.#space();
      this.#at++; // the colon
      found.push({ key: JSON.parse(this.#text.slice(start, keyEnd)) as string, start, keyEnd, value: this.#value(depth + 1) });
      this.#comma();
    }
    this.#at++;
    return found;
  }

  #items(depth: number): void {
    this.#at++;
    for (this.#space(); this.#text[this.#at] !== ']'; this.#space()) {
      this.#value(depth + 1);
      this.#comma();
    }
    this.#at++;
  }

  #comma(): void {
    this.#space();
    if (this.#text[this.#at] === ',') this.#at++;
  }

  #string(): void {
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) if (this.#text[this.#at] === '\\') this.#at++;
    this.#at++;
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}

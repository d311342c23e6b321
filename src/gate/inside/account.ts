import { resolve } from 'node:path';
import { type Orders, sign } from './orders.js';
import { STATEMENT, type Statement } from './statement-form.js';

const MAX_HEARD = 8 * 1024 * 1024;
const MAX_MEDDLED = 100;

/** What the processes of a run signed, held against what was told of them. Without orders it believes everything, and the host believes nothing. */
export class Account {
  readonly #orders: Orders | null;
  /** What files print: a line may come in pieces. */
  readonly #heard = new Map<string, string>();
  readonly #statements = new Map<string, Statement>();
  readonly #told: string[][] = [];
  #twice: string | null = null;

  constructor(orders: Orders | null) {
    this.#orders = orders;
  }

  /** `from` = the process: its file, or another word for it. */
  hear(from: string | undefined, text: string): void {
    if (this.#orders === null || from === undefined) return;
    const key = resolve(from);
    const lines = `${this.#heard.get(key) ?? ''}${text}`.split('\n');
    this.#heard.set(key, (lines.pop() ?? '').slice(0, MAX_HEARD));
    for (const line of lines) this.#read(key, line, this.#orders);
  }

  #read(from: string, line: string, orders: Orders): void {
    const [, mac = '', body = ''] = line.startsWith(STATEMENT) ? line.split(':') : [];
    // Whoever can say its words can print another one first: only what is signed counts.
    if (body === '' || sign(orders, body) !== mac) return;
    const statement = JSON.parse(Buffer.from(body, 'base64').toString()) as Statement;
    const key = statement.file === undefined ? from : `${from}\0${statement.file}`;
    if (this.#statements.has(key)) this.#twice ??= statement.file ?? from;
    this.#statements.set(key, statement);
  }

  told(names: string[]): void {
    if (this.#orders !== null) this.#told.push(names);
  }

  came(file: string): boolean {
    return this.#statements.get(file)?.natural === true;
  }

  /** Whether a process stated of this file, where each states of several, and that the case that must fail threw there. Null: no word. */
  threw(file: string): boolean | null {
    const known = [...this.#statements.values()].filter((one) => one.file === file);
    return known.length === 0 ? null : known.every((one) => one.threw === true);
  }

  meddled(): string[] {
    return [...new Set([...this.#statements.values()].flatMap((one) => one.meddled))].sort().slice(0, MAX_MEDDLED);
  }

  problems(): string[] {
    if (this.#twice !== null) return [`${this.#twice} stated twice how it ended`.slice(0, 1000)];
    const known = new Map<string, number>();
    const full = [...this.#statements.values()].every((one) => one.full);
    for (const name of [...this.#statements.values()].flatMap((one) => one.passed)) known.set(name, (known.get(name) ?? 0) + 1);
    const fail = this.#orders?.fail ?? '';
    if (fail !== '' && [...known.keys()].some((name) => name.includes(fail))) return ['the case that was made to fail passed, as its own process states'];
    for (const names of this.#told) {
      const name = full ? names.join(' > ') : (names.at(-1) ?? '');
      const left = known.get(name) ?? 0;
      if (left === 0) return [`"${name}" is told as passed, and the process that ran it did not state so`.slice(0, 1000)];
      known.set(name, left - 1);
    }
    return [];
  }
}

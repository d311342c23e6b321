import { openSync, writeSync } from 'node:fs';
import { REPORT_FILE } from '../runners/report-file.js';
import { type Orders, sign } from './orders.js';

// Code under test may replace these later.
const { stringify } = JSON;
const put = writeSync;

export interface Told {
  readonly file: string | null;
  readonly names: readonly string[];
  readonly status: 'passed' | 'failed' | 'skipped' | 'todo';
  readonly ms: number;
  readonly message: string | null;
}

/** The lines of ./reporter.ts in a file, for runners whose standard output is shared with the tests. Made before code of the tree is loaded; with orders, the last line signs all before it. */
export class WrittenReport {
  readonly #descriptor = openSync(REPORT_FILE, 'wx');
  readonly #counts = { passed: 0, failed: 0, skipped: 0, todo: 0 };
  readonly #orders: Orders | null;
  #text = '';

  constructor(orders: Orders | null) {
    this.#orders = orders;
  }

  case(one: Told): void {
    this.#counts[one.status] += 1;
    this.write({ case: { ...one, cause: null } });
  }

  write(value: object): void {
    const text = `${stringify(value)}\n`;
    this.#text += text;
    put(this.#descriptor, text);
  }

  end(): void {
    this.write({ end: this.#counts });
    if (this.#orders !== null) this.write({ mac: sign(this.#orders, this.#text) });
  }
}

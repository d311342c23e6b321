import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { readSync } from 'node:fs';

/** What the host drew for this run (../runners/canary.ts). The key is kept where no JavaScript value holds its bytes. */
export interface Orders {
  readonly key: KeyObject;
  readonly pass: string;
  readonly fail: string;
  /** The line as it came, for the processes of a runner that starts one for each file. Emptied where code of the tree runs. */
  line: string;
}

const MAX_LINE = 4096;
// Code under test may replace any of these later.
const { apply } = Reflect;
const { update, digest } = createHmac('sha256', 'any');

/** Reads standard input, or another channel, to the end of its first line. Null: there are no orders, so nothing of this run will be believed. */
export function readOrders(channel = 0): Orders | null {
  try {
    const bytes = Buffer.alloc(MAX_LINE);
    let size = 0;
    while (size < MAX_LINE && !bytes.subarray(0, size).includes(10)) {
      const got = readSync(channel, bytes, size, MAX_LINE - size, null);
      if (got === 0) break;
      size += got;
    }
    const line = bytes.toString('utf8', 0, size);
    bytes.fill(0);
    const { key, pass, fail } = JSON.parse(line) as Record<'key' | 'pass' | 'fail', string>;
    const raw = Buffer.from(key, 'hex');
    const orders = { key: createSecretKey(raw), pass, fail, line };
    raw.fill(0);
    return orders;
  } catch {
    return null;
  }
}

/** The signature of a text, by functions as they were before code of the tree was loaded. */
export function sign(orders: Orders, text: string): string {
  const mac = createHmacOnce('sha256', orders.key);
  apply(update, mac, [text]);
  return apply(digest, mac, ['hex']) as string;
}
const createHmacOnce = createHmac;

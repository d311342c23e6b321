import { writeSync } from 'node:fs';
import { type Orders, sign } from './orders.js';
import { STATEMENT, type Statement } from './statement-form.js';

// Code under test may replace any of these later.
const { stringify } = JSON;
const { apply, defineProperty } = Reflect;
const encode = Buffer.from;
const asText = Buffer.prototype.toString;
const write = writeSync;

/** Writes a signed statement to a channel that others may write to as well. */
export function state(orders: Orders, channel: number, statement: Statement): void {
  const text = stringify(plain({ ...statement, passed: plain(statement.passed), meddled: plain(statement.meddled) }));
  const body = apply(asText, encode(text), ['base64']) as string;
  say(channel, `\n${STATEMENT}${sign(orders, body)}:${body}\n`);
}

/** JSON asks every object for `toJSON`, also by its prototype. */
function plain<T extends object>(value: T): T {
  defineProperty(value, 'toJSON', { value: undefined, configurable: true });
  return value;
}

function say(channel: number, text: string): void {
  const bytes = encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += write(channel, bytes, at, bytes.length - at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

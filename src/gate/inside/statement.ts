import { AsyncResource } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { argv, execArgv } from 'node:process';
import test from 'node:test';
import { type Orders, sign } from './orders.js';
import { STATEMENT, type Statement } from './statement-form.js';
import { look, meddled, watch } from './watch.js';

interface Context {
  readonly name: string;
  readonly fullName?: string;
  readonly passed?: boolean;
}

// Code under test may replace any of these later.
const { stringify } = JSON;
const { apply } = Reflect;
const encode = Buffer.from;
const asText = Buffer.prototype.toString;
const write = writeSync;

/**
 * For a process of `node --test`, loaded before its test file. The events that it sends go over standard output, where code under test can write and rewrite them. So it keeps an account of its own by
 * hooks of the runner, and signs it when it ends: reporter.ts believes no case that is not in there. It also lays in two cases, after those of the file: one must fail, one must pass.
 */
export function stateAtEnd(orders: Orders): void {
  watch();
  const outside = new AsyncResource('sallyport');
  const passed: string[] = [];
  const only = execArgv.includes('--test-only');
  let [full, natural, laid] = [true, false, false];
  test.beforeEach(() => {
    if (laid) return;
    laid = true;
    const file = argv[1] ?? '';
    outside.runInAsyncScope(() => {
      void test(`${orders.pass} ${file}`, { only }, () => undefined);
      void test(`${orders.fail} ${file}`, { only }, () => {
        throw new Error('laid in by the gate: this case must fail');
      });
    });
  });
  test.afterEach((context: unknown) => {
    const { name, fullName, passed: good } = context as Context;
    look();
    if (fullName === undefined) full = false;
    if (good !== false) passed[passed.length] = fullName ?? name;
  });
  process.on('beforeExit', () => {
    natural = true;
  });
  process.on('exit', () => {
    const text = stringify({ full, passed, natural, meddled: meddled() } satisfies Statement);
    const body = apply(asText, encode(text), ['base64']) as string;
    say(`\n${STATEMENT}${sign(orders, body)}:${body}\n`);
  });
}

function say(text: string): void {
  const bytes = encode(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += write(1, bytes, at, bytes.length - at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
    }
  }
}

import { AsyncResource } from 'node:async_hooks';
import { argv, execArgv } from 'node:process';
import test from 'node:test';
import { mustFail } from './must-fail.js';
import type { Orders } from './orders.js';
import { state } from './said.js';
import { look, meddled, watch } from './watch.js';

// Code under test may replace any of these later.
const { apply, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const soon = setImmediate;

/**
 * For a process of `node --test`, called before its test file is loaded. The events that it sends go over standard output, where code under test can write and rewrite them. So it keeps an account
 * of its own by hooks of the runner, and signs it when it ends: reporter.ts believes no case that is not in there. It also lays in two cases, after those of the file: one must fail, one must pass.
 */
export function stateAtEnd(orders: Orders): void {
  watch();
  const outside = new AsyncResource('sallyport');
  const passed: string[] = [];
  const only = execArgv.includes('--test-only');
  let [full, natural, seen] = [true, false, false];
  let read: Readers | undefined;
  test.beforeEach((context: unknown) => {
    look();
    if (read !== undefined) return;
    read = readersOf(context as object);
    const file = argv[1] ?? '';
    outside.runInAsyncScope(() => {
      void test(`${orders.pass} ${file}`, { only }, () => undefined);
      void test(`${orders.fail} ${file}`, { only }, mustFail);
    });
  });
  test.afterEach((context: unknown) => {
    look();
    if (read === undefined) return;
    const name = read.fullName(context as object);
    if (name === undefined) full = false;
    if (read.passed(context as object) !== false) passed[passed.length] = name ?? read.name(context as object);
  });
  process.on('beforeExit', () => {
    if (seen) return;
    seen = true;
    // Somebody may emit this event and end the process: then nothing comes after.
    soon(() => {
      natural = true;
    });
  });
  process.on('exit', () => {
    state(orders, 1, { full, passed, natural, meddled: meddled() });
  });
}

interface Readers {
  readonly name: (context: object) => string;
  readonly fullName: (context: object) => string | undefined;
  readonly passed: (context: object) => boolean | undefined;
}

/** How a context tells its own, as it was before a test ran: the getters stand on a prototype that tests can reach. */
function readersOf(context: object): Readers {
  const prototype = getPrototypeOf(context) as object;
  const reader = (key: keyof Readers) => {
    const get = getOwnPropertyDescriptor(prototype, key)?.get;
    return (of: object): unknown => (get === undefined ? undefined : apply(get, of, []));
  };
  return { name: reader('name'), fullName: reader('fullName'), passed: reader('passed') } as Readers;
}

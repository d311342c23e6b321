/**
 * Loaded INSIDE a sandbox into every process of a test runner, before any file of the project: what tests are judged by keeps its functions. Code under test can otherwise replace
 * `assert.equal` by one that never throws, and every test passes. Only what is there is held: tests may add to it.
 *
 * With `node --test` it also takes the run's orders: the runner's process hands them to the process of each test file on its standard input.
 */
import assert from 'node:assert';
import { ChildProcess } from 'node:child_process';
import { env, execArgv } from 'node:process';
import test from 'node:test';
import { ORDERS, orders } from './handed.js';
import { readOrders } from './orders.js';
import { stateAtEnd } from './statement.js';

const MARK = 'SALLYPORT_ORDERS';

for (const held of [assert, assert.strict, assert.AssertionError, assert.AssertionError.prototype, test, test.describe, test.it]) {
  for (const key of Reflect.ownKeys(held)) {
    const { value, writable, configurable } = Reflect.getOwnPropertyDescriptor(held, key) ?? {};
    if (configurable === true && typeof value === 'function') Reflect.defineProperty(held, key, { writable: false, configurable: false });
    else if (writable === true && typeof value === 'function') Reflect.defineProperty(held, key, { writable: false });
  }
}

if (env[MARK] !== undefined) {
  delete env[MARK]; // processes that tests start have no orders to wait for
  const own = readOrders();
  if (own !== null) {
    own.line = '';
    stateAtEnd(own);
  }
} else if (execArgv.includes('--test') && env['NODE_TEST_CONTEXT'] === undefined) {
  Reflect.set(globalThis, ORDERS, readOrders());
  // Else a test may ask this process for its debugger and run what it likes in here.
  process.on('SIGUSR1', () => undefined);
  handOn();
}

/** The runner's own way of starting a process takes no standard input; all that it starts are test files. */
function handOn(): void {
  const prototype = ChildProcess.prototype as unknown as { spawn(this: ChildProcess, options: { envPairs?: string[] }): unknown };
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    const own = orders();
    if (own === null) return spawn.call(this, options);
    options.envPairs?.push(`${MARK}=1`);
    const result = spawn.call(this, options);
    this.stdin?.on('error', () => undefined);
    this.stdin?.end(own.line);
    return result;
  };
}

/**
 * Loaded INSIDE a sandbox into every process of a test runner, before any file of the project: what tests are judged by keeps its functions. Code under test can otherwise replace
 * `assert.equal` by one that never throws, and every test passes. Only what is there is held: tests may add to it.
 */
import assert from 'node:assert';
import test from 'node:test';

for (const held of [assert, assert.strict, assert.AssertionError, assert.AssertionError.prototype, test, test.describe, test.it]) {
  for (const key of Reflect.ownKeys(held)) {
    const { value, writable, configurable } = Reflect.getOwnPropertyDescriptor(held, key) ?? {};
    if (configurable === true && typeof value === 'function') Reflect.defineProperty(held, key, { writable: false, configurable: false });
    else if (writable === true && typeof value === 'function') Reflect.defineProperty(held, key, { writable: false });
  }
}

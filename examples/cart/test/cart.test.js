'use strict';
const assert = require('node:assert');
const { test } = require('node:test');
const { total, isValid } = require('../lib/cart.js');

test('an empty cart costs nothing', () => {
  assert.strictEqual(total([]), 0);
});

test('every item counts', () => {
  assert.strictEqual(total([{ price: 250, count: 3 }, { price: 100, count: 1 }]), 850);
});

test('a voucher ends with its period', () => {
  assert.strictEqual(isValid({ issuedAt: 0, period: '2 days' }, 86_400_000), true);
  assert.strictEqual(isValid({ issuedAt: 0, period: '2 days' }, 2 * 86_400_000), false);
});

'use strict';
const assert = require('node:assert');
const { after, before, test } = require('node:test');
const { startShop } = require('../shop.js');

let shop;
before(async () => {
  shop = await startShop();
});
after(() => shop.close());

test('nobody sees orders or invoices without logging in', async () => {
  for (const url of ['/orders', '/invoices/2026-1.txt', '/reports/sales/lines']) assert.strictEqual((await shop.call('GET', url)).status, 401, url);
});

test('a customer cannot add products, change settings or read reports', async () => {
  const cookie = await shop.login('ann');
  assert.strictEqual((await shop.call('POST', '/products', { cookie, body: { title: 'x', price: 1 } })).status, 403);
  assert.strictEqual((await shop.call('PUT', '/settings', { cookie, body: {} })).status, 403);
  assert.strictEqual((await shop.call('GET', '/reports/sales/lines', { cookie })).status, 403);
});

test('people see their own orders only', async () => {
  const ann = await shop.login('ann');
  await shop.call('POST', '/orders', { cookie: ann, body: { product: 1, note: 'secret' } });
  assert.deepStrictEqual((await shop.call('GET', '/orders', { cookie: await shop.login('root') })).json(), []);
});

test('a wrong password and a wrong partner key are refused', async () => {
  assert.strictEqual((await shop.call('POST', '/login', { body: { name: 'ann', password: 'x' } })).status, 401);
  assert.strictEqual((await shop.call('GET', '/stock', { headers: { 'x-api-key': 'partner-kez' } })).status, 401);
});

test('hidden products stay hidden', async () => {
  assert.ok(!(await shop.call('GET', '/products')).text.includes('prototype'));
});

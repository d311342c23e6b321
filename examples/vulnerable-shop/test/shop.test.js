'use strict';
const assert = require('node:assert');
const crypto = require('node:crypto');
const { after, before, test } = require('node:test');
const { startShop } = require('./shop.js');

let shop;
before(async () => {
  shop = await startShop();
});
after(() => shop.close());

test('products are found by a part of their title', async () => {
  const found = (await shop.call('GET', '/products?q=red')).json();
  assert.deepStrictEqual(found, [{ id: 1, title: 'red chair', price: 4900 }]);
});

test('all visible products are listed without a search', async () => {
  assert.strictEqual((await shop.call('GET', '/products')).json().length, 2);
});

test('the search page names what was searched for', async () => {
  assert.match((await shop.call('GET', '/search?q=chair')).text, /Results for chair/);
});

test('a customer orders and sees the order', async () => {
  const cookie = await shop.login('ann');
  assert.strictEqual((await shop.call('POST', '/orders', { cookie, body: { product: 1, note: 'gift' } })).status, 201);
  assert.deepStrictEqual((await shop.call('GET', '/orders', { cookie })).json(), [{ id: 1, product_id: 1, note: 'gift' }]);
});

test('an invoice can be read by its name', async () => {
  const cookie = await shop.login('ann');
  assert.strictEqual((await shop.call('GET', '/invoices/2026-1.txt', { cookie })).text, 'one red chair\n');
});

test('an administrator adds a product and counts the lines of a report', async () => {
  const cookie = await shop.login('root');
  assert.strictEqual((await shop.call('POST', '/products', { cookie, body: { title: 'lamp', price: 900 } })).status, 201);
  assert.strictEqual((await shop.call('GET', '/reports/sales/lines', { cookie })).text, '3');
});

test('an administrator removes a product', async () => {
  const cookie = await shop.login('root');
  assert.deepStrictEqual((await shop.call('DELETE', '/products/2', { cookie })).json(), { removed: true });
});

test('a partner reads the stock with the key', async () => {
  const found = await shop.call('GET', '/stock', { headers: { 'x-api-key': 'partner-key' } });
  assert.strictEqual(found.status, 200);
});

test('a link inside the shop leads there', async () => {
  const found = await shop.call('GET', '/go?to=/products');
  assert.deepStrictEqual([found.status, found.headers.get('location')], [302, '/products']);
});

test('settings are merged', async () => {
  const cookie = await shop.login('root');
  assert.deepStrictEqual((await shop.call('PUT', '/settings', { cookie, body: { theme: 'dark' } })).json(), { theme: 'dark', currency: 'EUR' });
});

test('a password reset is confirmed', async () => {
  assert.deepStrictEqual((await shop.call('POST', '/reset', { body: { name: 'ann' } })).json(), { sent: true });
});

test('partners find the signature that their software checks', async () => {
  const { text, headers } = await shop.call('GET', '/stock', { headers: { 'x-api-key': 'partner-key' } });
  assert.strictEqual(headers.get('x-signature'), crypto.createHash('md5').update(`${text}partner-key`).digest('hex'));
});

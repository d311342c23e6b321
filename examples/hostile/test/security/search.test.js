'use strict';
const assert = require('node:assert');
const { after, before, test } = require('node:test');
const { startShop } = require('../shop.js');

let shop;
before(async () => {
  shop = await startShop();
});
after(() => shop.close());

test('what is searched for cannot become markup', async () => {
  const { text } = await shop.call('GET', `/search?q=${encodeURIComponent('<script>alert(1)</script>')}`);
  assert.ok(!text.includes('<script>'), text);
});

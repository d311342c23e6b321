'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const { createApp } = require('../src/app.js');
const { hashPassword } = require('../src/auth.js');
const { open } = require('../src/db.js');
const { files } = require('../src/files.js');

/** A shop on a loopback port with two people, three products and one invoice; closed by its test. */
async function startShop() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shop-'));
  const db = await open();
  for (const [name, password, role] of [['ann', 'ann-pass', 'customer'], ['root', 'root-pass', 'admin']]) {
    db.run('insert into users (name, password, role) values (?, ?, ?)', [name, hashPassword(password), role]);
  }
  for (const [title, price, hidden] of [['red chair', 4900, 0], ['blue chair', 5900, 0], ['prototype', 1, 1]]) {
    db.run('insert into products (title, price, hidden) values (?, ?, ?)', [title, price, hidden]);
  }
  const store = files(folder);
  store.writeInvoice('2026-1.txt', 'one red chair\n');
  store.writeReport('sales', 'a\nb\nc\n');
  const server = await new Promise((resolve) => {
    const listening = createApp({ db, folder, apiKey: 'partner-key' }).listen(0, '127.0.0.1', () => resolve(listening));
  });
  const base = `http://127.0.0.1:${server.address().port}`;
  const call = async (method, url, { body, cookie, headers } = {}) => {
    const response = await fetch(base + url, {
      method, redirect: 'manual', body: body === undefined ? undefined : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }), ...headers },
    });
    const text = await response.text();
    return { status: response.status, text, headers: response.headers, json: () => JSON.parse(text) };
  };
  const login = async (name) => {
    const { headers } = await call('POST', '/login', { body: { name, password: `${name}-pass` } });
    return headers.get('set-cookie').split(';')[0];
  };
  const close = async () => {
    await new Promise((resolve) => server.close(resolve));
    db.close();
    fs.rmSync(folder, { recursive: true, force: true });
  };
  return { call, login, close };
}

module.exports = { startShop };

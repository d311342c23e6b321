'use strict';
const os = require('os');
const path = require('path');
const { createApp } = require('./app.js');
const { open } = require('./db.js');

open().then((db) => {
  const app = createApp({ db, folder: path.join(os.tmpdir(), 'vulnerable-shop'), apiKey: process.env.SHOP_API_KEY ?? '' });
  app.listen(3000, '127.0.0.1', () => console.log('http://127.0.0.1:3000'));
});

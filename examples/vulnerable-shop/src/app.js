'use strict';
const express = require('express');
const _ = require('lodash');
const { hashPassword, resetToken, checkApiKey, sessions, requireUser, requireAdmin } = require('./auth.js');
const { files } = require('./files.js');
const { signature } = require('./partners.js');

/** The shop as an express application. `folder` holds invoices and reports; `apiKey` lets partners read the stock. */
function createApp({ db, folder, apiKey }) {
  const app = express();
  const live = sessions();
  const store = files(folder);
  const resets = new Map();
  const settings = { theme: 'light', currency: 'EUR' };

  app.disable('x-powered-by');
  app.use(express.json({ limit: '100kb' }));
  app.use((req, res, next) => {
    const cookie = /(?:^|; )session=([0-9a-f]+)/.exec(req.headers.cookie ?? '');
    req.user = cookie === null ? null : live.user(cookie[1]);
    next();
  });

  app.post('/login', (req, res) => {
    const { name, password } = req.body;
    const [user] = db.query('select id, name, role from users where name = ? and password = ?', [String(name), hashPassword(String(password))]);
    if (user === undefined) return res.status(401).json({ error: 'wrong name or password' });
    // FLAW insecure-cookie: scripts can read the session, and it goes over plain http.
    res.cookie('session', live.start(user), { httpOnly: false });
    res.json({ name: user.name });
  });

  app.post('/reset', (req, res) => {
    resets.set(String(req.body.name), resetToken());
    res.json({ sent: true });
  });

  // FLAW sql-injection: the search text becomes part of the statement.
  app.get('/products', (req, res) => {
    const rows = db.query(`select id, title, price from products where hidden = 0 and title like '%${req.query.q ?? ''}%' order by id`);
    res.json(rows);
  });

  // FLAW reflected-xss: the search text becomes part of the page.
  app.get('/search', (req, res) => {
    res.send(`<h1>Results for ${req.query.q}</h1>`);
  });

  // FLAW open-redirect: sends people to any host.
  app.get('/go', (req, res) => {
    res.redirect(req.query.to);
  });

  app.get('/orders', requireUser, (req, res) => {
    res.json(db.query('select id, product_id, note from orders where user_id = ? order by id', [req.user.id]));
  });

  app.post('/orders', requireUser, (req, res) => {
    db.run('insert into orders (user_id, product_id, note) values (?, ?, ?)', [req.user.id, Number(req.body.product), String(req.body.note ?? '')]);
    res.status(201).json({ ordered: true });
  });

  app.post('/products', requireAdmin, (req, res) => {
    db.run('insert into products (title, price) values (?, ?)', [String(req.body.title), Number(req.body.price)]);
    res.status(201).json({ added: true });
  });

  // FLAW missing-authorisation: its neighbours ask for an administrator.
  app.delete('/products/:id', (req, res) => {
    db.run('delete from products where id = ?', [Number(req.params.id)]);
    res.json({ removed: true });
  });

  app.get('/invoices/:name', requireUser, (req, res) => {
    try {
      res.type('text/plain').send(store.readInvoice(req.params.name));
    } catch {
      res.status(404).json({ error: 'no such invoice' });
    }
  });

  app.get('/reports/:title/lines', requireAdmin, (req, res) => {
    store.countLines(req.params.title, (error, text) => (error ? res.status(404).json({ error: 'no such report' }) : res.type('text/plain').send(text.split(' ')[0])));
  });

  app.get('/stock', (req, res) => {
    if (!checkApiKey(req.get('x-api-key') ?? '', apiKey)) return res.status(401).json({ error: 'unknown key' });
    const body = JSON.stringify(db.query('select id, title from products order by id'));
    res.set('x-signature', signature(body, apiKey)).type('json').send(body);
  });

  // Reaches lodash's merge with what a person sent: the advisory of the outdated version is reachable here.
  app.put('/settings', requireAdmin, (req, res) => {
    res.json(_.merge(settings, req.body));
  });

  return app;
}

module.exports = { createApp };

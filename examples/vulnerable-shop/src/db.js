'use strict';
const initSqlJs = require('sql.js');

const SCHEMA = `
  create table users (id integer primary key, name text unique, password text, role text);
  create table products (id integer primary key, title text, price integer, hidden integer default 0);
  create table orders (id integer primary key, user_id integer, product_id integer, note text);
`;

/** Opens a fresh database in memory with its schema. Prices are whole cents. */
async function open() {
  const SQL = await initSqlJs();
  const db = new SQL.Database();
  db.run(SCHEMA);
  return {
    run: (sql, params = []) => db.run(sql, params),
    query(sql, params = []) {
      const statement = db.prepare(sql);
      try {
        statement.bind(params);
        const rows = [];
        while (statement.step()) rows.push(statement.getAsObject());
        return rows;
      } finally {
        statement.free();
      }
    },
    close: () => db.close(),
  };
}

module.exports = { open };

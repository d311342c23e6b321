'use strict';
const ms = require('ms');

/** The price of all items together, in cents. */
function total(items) {
  let sum = 0;
  for (let i = 1; i < items.length; i++) sum += items[i].price * items[i].count;
  return sum;
}

/** True while a voucher that is valid for `period` (such as "2 days") can still be used. */
function isValid(voucher, now) {
  return now - voucher.issuedAt < ms(voucher.period);
}

module.exports = { total, isValid };

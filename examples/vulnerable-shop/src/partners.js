'use strict';
const crypto = require('crypto');

/** Signs what a partner fetches, as the partner's own software checks it. It knows no other digest. */
function signature(body, apiKey) {
  return crypto.createHash('md5').update(body + apiKey).digest('hex');
}

module.exports = { signature };

'use strict';
const crypto = require('crypto');

// FLAW weak-hash: a fast, unsalted hash for passwords.
function hashPassword(password) {
  return crypto.createHash('md5').update(password).digest('hex');
}

// FLAW weak-token: a reset token that can be guessed.
function resetToken() {
  const token = Math.random().toString(36).slice(2) + Math.random().toString(36).slice(2);
  return token;
}

// FLAW timing-compare: how long this takes tells how much of the key is right.
function checkApiKey(given, apiKey) {
  return given === apiKey;
}

/** Sessions live in memory: id → user. */
function sessions() {
  const live = new Map();
  return {
    start(user) {
      const id = crypto.randomBytes(24).toString('hex');
      live.set(id, user);
      return id;
    },
    user: (id) => live.get(id) ?? null,
    end: (id) => live.delete(id),
  };
}

/** Lets only people through who are logged in. */
function requireUser(req, res, next) {
  if (req.user === null) return res.status(401).json({ error: 'log in first' });
  next();
}

/** Lets only administrators through. */
function requireAdmin(req, res, next) {
  if (req.user === null) return res.status(401).json({ error: 'log in first' });
  if (req.user.role !== 'admin') return res.status(403).json({ error: 'administrators only' });
  next();
}

module.exports = { hashPassword, resetToken, checkApiKey, sessions, requireUser, requireAdmin };

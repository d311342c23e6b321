import { type Expr, nameOf, pathOf } from '../ir.js';
import { type Arg, type CallSite, type FlowRule, isLiteral, isText } from '../rule.js';
import { canExplode } from '../regex.js';
import { tagged, type Value } from '../value.js';
import { SECRET_NAME, SECRET_WORD } from './terms.js';

/** Iterations below which a key from a password is guessed too cheaply (OWASP Password Storage Cheat Sheet, 2023: 600,000 for SHA-256, 210,000 for SHA-512). */
const ITERATIONS = 100_000;

/** A value that is the same in every run: a literal, or a buffer made of one. */
function isConstant(value: Value | undefined): boolean {
  if (value === undefined || value.marks.length > 0) return false;
  if (value.literal !== undefined && value.literal !== null) return true;
  if (/^#(?:Buffer\.(?:alloc|from)|Uint8Array|Uint8Array\.from|TextEncoder\(\)\.encode)\(\)$|^#TextEncoder/.test(value.api ?? '')) return value.tags?.includes('from constant') === true || value.literal !== undefined;
  return value.kind === 'array' && value.members !== undefined && value.members.size > 0 && value.rest === undefined && [...value.members.values()].every((one) => one.literal !== undefined);
}

/** Whether an expression makes bytes that nobody changed since: `Buffer.alloc(16)`, `Buffer.from('…')`, `new Uint8Array(16)`. */
function fixedBytes(site: CallSite, expr: Expr | undefined, value: Value | undefined): boolean {
  if (expr === undefined || value === undefined) return false;
  if (isConstant(value)) return true;
  const made = expr.k === 'call' ? expr : null;
  if (made !== null) {
    const name = nameOf(made.callee);
    const path = pathOf(made.callee) ?? '';
    if (/^(?:Buffer\.alloc|Uint8Array|Buffer\.allocUnsafe)$/.test(path) || (name === 'Uint8Array' && made.construct)) return made.args.every((arg) => site.value(arg.value).literal !== undefined || isConstant(site.value(arg.value)));
    if (/^(?:Buffer\.from|Uint8Array\.from|Buffer)$/.test(path) || /^(?:encode|parse|from|hexToBytes|utf8ToBytes)$/.test(name)) return made.args.length > 0 && made.args[0] !== undefined && isConstant(site.value(made.args[0].value));
  }
  return tagged(value, 'fixed bytes');
}

const SAFE_COMPARED = /^(?:undefined|null|true|false|length|typeof|type|kind|name|status|method|state|error)$/i;

export const FLOW_CRYPTO: readonly FlowRule[] = [
  {
    id: 'js/insecure-random', title: 'Guessable secret', cwe: 338, severity: 7.5, level: 'error',
    message: 'This value must not be guessed, and Math.random() can be. Use crypto.randomBytes, randomUUID or getRandomValues.',
    help: 'Use crypto.randomBytes, crypto.randomUUID, crypto.randomInt or crypto.getRandomValues.',
    bind(site) {
      if (!tagged(site.bound, 'random') || site.bound.kind === 'boolean') return;
      // What has a name was said where it got it.
      if (site.how === 'return' && site.expr.k === 'name') return;
      const name = site.how === 'return' ? site.name.replace(/^(?:generate|create|make|new|random|get|build|issue|gen|mint|produce|next|fresh)_?/i, '') : site.name;
      if (SECRET_NAME.test(name) || /^(?:verify|confirm|activation|auth|login|access)_?code$/i.test(name) || (/^(?:id|code|key|password|pass|str|string|hash|uid|uuid|guid)$/i.test(name) && SECRET_WORD.test(site.frame.name))) site.report();
    },
    call(site) {
      const random = site.args.filter((arg) => tagged(arg.value, 'random'));
      if (random.length === 0) return;
      const secret = /^(?:cookie|createHmac|createCipheriv|createHash|pbkdf2|pbkdf2Sync|scrypt|scryptSync|sign|hkdf|hkdfSync|importKey)$/.test(site.name) && (site.name !== 'cookie' || SECRET_NAME.test(String(site.args[0]?.value.literal ?? '')));
      if (secret) site.report();
    },
    examples: {
      must: [`const resetToken = Math.random().toString(36).slice(2);`, 'function createSessionId() { return `sess_${Math.random().toString(36)}`; }', `const otp = Math.floor(100000 + Math.random() * 900000);`, `save({ apiKey: Math.random().toString(16) });`],
      mustNot: [`const jitter = Math.random() * 100;`, `const token = crypto.randomBytes(16).toString('hex');`, `const color = '#' + Math.random().toString(16).slice(2, 8);`, `function delay() { return Math.random() * 1000; }`],
    },
  },
  {
    id: 'js/weak-random-library', title: 'Randomness that is not for secrets', cwe: 338, severity: 7.5, level: 'warning',
    message: 'Random words of crypto-js were guessable before version 4, and it is no longer kept up. Use crypto.randomBytes or getRandomValues.',
    help: 'Use crypto.randomBytes, or crypto.getRandomValues in browsers.',
    call(site) {
      if (/^crypto-js(?:\/[\w-]+)?\.(?:.*\.)?WordArray\.random$|^crypto-js\.lib\.WordArray\.random$/.test(site.api) || /^#CryptoJS\.lib\.WordArray\.random$/.test(site.api)) site.report();
    },
    examples: { must: [`import CryptoJS from 'crypto-js'; const t = CryptoJS.lib.WordArray.random(32).toString();`], mustNot: [`import { randomBytes } from 'node:crypto'; randomBytes(32);`] },
  },
  {
    id: 'js/static-iv', title: 'Same initialisation vector every time', cwe: 329, severity: 6.5, level: 'error',
    message: 'This initialisation vector is the same every time, so that equal texts show, and with GCM or CTR the key stream too. Use randomBytes for each message.',
    help: 'Make a new IV with crypto.randomBytes for every message, and keep it beside the text.',
    call(site) {
      if (/^create(?:De|C)ipheriv$/.test(site.name)) {
        const iv = site.args[2];
        const mode = site.args[0]?.value.literal;
        if (typeof mode === 'string' && /-ecb$/i.test(mode)) return;
        if (iv !== undefined && iv.value.literal !== null && fixedBytes(site, iv.expr, iv.value)) site.report();
        return;
      }
      if (site.name !== 'encrypt') return;
      const iv = site.option('iv');
      const expr = site.args.flatMap((arg) => (arg.expr.k === 'object' ? arg.expr.entries : [])).find((entry) => entry.key === 'iv')?.value;
      if (iv !== undefined && fixedBytes(site, expr, iv)) site.report();
    },
    examples: {
      must: [`const crypto = require('crypto'); crypto.createCipheriv('aes-256-cbc', key, '0123456789abcdef');`, `import { createCipheriv } from 'node:crypto'; const IV = Buffer.from('00010203', 'hex'); export const f = (k) => createCipheriv('aes-256-cbc', k, IV);`, `const c = crypto.createCipheriv('aes-128-gcm', key, Buffer.alloc(12));`],
      mustNot: [`const crypto = require('crypto'); const iv = crypto.randomBytes(16); crypto.createCipheriv('aes-256-cbc', key, iv);`, `const c = crypto.createCipheriv('aes-256-ecb', key, null);`, `const f = (iv) => crypto.createCipheriv('aes-256-cbc', key, iv);`],
    },
  },
  {
    id: 'js/weak-kdf', title: 'Key from a password too cheaply', cwe: 916, severity: 5.9, level: 'warning',
    message: 'A key from a password with so little work is found by trying. Use scrypt or argon2, or PBKDF2 with 600,000 iterations of SHA-256.',
    help: 'Use scrypt (N ≥ 2^15), argon2id, bcrypt with a cost of 10 or more, or PBKDF2 with 600,000 iterations of SHA-256 (210,000 of SHA-512).',
    call(site) {
      const at = (i: number): number | null => (typeof site.args[i]?.value.literal === 'number' ? site.args[i]?.value.literal as number : null);
      if (/^pbkdf2(?:Sync)?$/i.test(site.name)) {
        const count = at(2) ?? optionNumber(site, 'iterations');
        const hash = site.args[4]?.value.literal;
        const weak = typeof hash === 'string' && /^(?:md5|sha-?1)$/i.test(hash) && (count === null || count < 1_300_000);
        if ((count !== null && count < ITERATIONS) || weak) site.report();
        else if (count === null && /crypto-?js/i.test(site.api) && site.args.length < 3) site.report();
        return;
      }
      if (/^(?:deriveKey|deriveBits|pbkdf2Async)$/.test(site.name)) {
        const count = optionNumber(site, 'iterations');
        if (count !== null && count < ITERATIONS) site.report();
        return;
      }
      if (/^(?:bcrypt|bcryptjs)\.(?:hash|hashSync|genSalt|genSaltSync)$/.test(site.api)) {
        const cost = at(site.name.startsWith('gen') ? 0 : 1);
        if (cost !== null && cost < 10) site.report();
        return;
      }
      if (/^scrypt(?:Sync)?$/.test(site.name)) {
        const cost = optionNumber(site, 'N') ?? optionNumber(site, 'cost');
        if (cost !== null && cost < 2 ** 14) site.report();
      }
      if (/^EvpKDF$/.test(site.name)) site.report();
    },
    examples: {
      must: [`const { pbkdf2Sync } = require('crypto'); pbkdf2Sync(p, salt, 1000, 64, 'sha512');`, `const bcrypt = require('bcrypt'); bcrypt.hash(p, 4);`, `const ROUNDS = 5000; crypto.pbkdf2(p, s, ROUNDS, 32, 'sha256', cb);`],
      mustNot: [`const { pbkdf2Sync } = require('crypto'); pbkdf2Sync(p, salt, 600000, 64, 'sha512');`, `const bcrypt = require('bcrypt'); bcrypt.hash(p, 12);`, `scryptSync(p, salt, 64, { N: 2 ** 15 });`, `pbkdf2Sync(p, r.salt, r.iterations, r.keylen, r.digest);`],
    },
  },
  {
    id: 'js/timing-compare', title: 'Secret compared byte by byte', cwe: 208, severity: 5.9, level: 'warning',
    message: 'This comparison ends at the first difference, and its time tells how much of the secret was right. Use crypto.timingSafeEqual on buffers of one length.',
    help: 'Use crypto.timingSafeEqual on buffers of one length (digests, say).',
    call(site) {
      if (!/^(?:equals|compare|localeCompare|isEqual|startsWith|endsWith|is|eq)$/.test(site.name) || /^(?:semver|bcrypt|bcryptjs|argon2)/.test(site.api)) return;
      const sides = [...(site.receiverExpr === null || site.receiver === null || /^(?:Buffer|_|lodash|Object|assert)$/.test(nameOf(site.receiverExpr)) ? [] : [{ value: site.receiver, expr: site.receiverExpr, name: null, spread: false }]), ...site.args].slice(0, 2);
      if (sides.length === 2 && sides.some((one) => isSecret(one)) && sides.every((one) => one.value.literal === undefined) && sides.some((one) => one.value.marks.some((mark) => mark.kind === 'request') || tagged(one.value, 'digest'))) site.report();
    },
    compare(site) {
      if (!/^[=!]==?$/.test(site.op)) return;
      const [left, right] = [site.left, site.right];
      if ([left, right].some((one) => one.value.literal !== undefined || one.value.kind === 'number' || one.value.kind === 'boolean' || one.expr.k === 'unary' || SAFE_COMPARED.test(nameOf(one.expr)))) return;
      const secret = [left, right].find((one) => isSecret(one));
      if (secret === undefined) return;
      const other = secret === left ? right : left;
      // Two fields of a form are the same person's, and a type is no secret.
      if (/confirm|repeat|retype|again|previous|prev|old|last|current|next|type|kind|constructor/i.test(nameOf(other.expr)) || /confirm|repeat|retype|type$|kind$|count$|length$|name$|prev|next|current/i.test(nameOf(secret.expr))) return;
      if (other.expr.k === 'name' && /^[A-Z][A-Z0-9_]*$/.test(other.expr.name) && /type|kind|punct|symbol|eof|comma/i.test(other.expr.name)) return;
      if (rootOf(left.expr) !== '' && rootOf(left.expr) === rootOf(right.expr) && left.expr.k !== 'member') return;
      if (/^(?:is|has|can|should)[A-Z]/.test(nameOf(secret.expr)) || /^(?:local|remote|old|new|before|after|a|b)(?:Config|Settings|Options)?$/i.test(rootOf(secret.expr))) return;
      const known = [left, right].some((one) => one.value.marks.some((mark) => mark.kind !== 'file') || tagged(one.value, 'digest') || /process\.env/.test(one.value.api ?? ''));
      if (known || [left, right].every((one) => isSecret(one))) site.report();
    },
    examples: {
      must: [`function f(req, res, next) { if (req.headers['x-api-key'] !== process.env.API_KEY) return res.sendStatus(403); next(); }`, `const crypto = require('crypto'); function ok(sig, body) { const expected = crypto.createHmac('sha256', k).update(body).digest('hex'); return sig === expected; }`, `function check(req) { return req.body.csrfToken === req.session.csrfToken; }`],
      mustNot: [`function f(a, b) { return crypto.timingSafeEqual(a, b); }`, `function f(password, confirmPassword) { return password === confirmPassword; }`, `if (token === undefined) return;`, `if (tokens.length === 3) f();`, `if (token.type === TokenType.EOF) return;`],
    },
  },
  {
    id: 'js/hardcoded-secret', title: 'Key written into the source', cwe: 798, severity: 8.1, level: 'error',
    message: 'A secret stands in the source, where everybody who can read the code has it. Take it from the environment or a secret store, and replace it.',
    help: 'Take it from the environment or a secret store, and replace the one that was written down.',
    call(site) {
      for (const { value } of site.args) {
        const text = typeof value.literal === 'string' ? value.literal : value.members === undefined ? '' : ['connectionString', 'uri', 'url', 'connection', 'dsn'].map((key) => value.members?.get(key)?.literal).find((one) => typeof one === 'string') ?? '';
        if (typeof text === 'string' && /^[a-z][a-z0-9+]*:\/\/[^\s:@/]+:([^\s@/]+)@/i.test(text) && !placeholder(/^[a-z][a-z0-9+]*:\/\/[^\s:@/]+:([^\s@/]+)@/i.exec(text)?.[1] ?? '')) return site.report();
      }
      const connects = site.construct || /^(?:createConnection|createPool|connect|createClient|createTransport|Sequelize|Pool|Client|knex|createHmac|sign|cookieSession|session|default)$/.test(site.name);
      if (!connects) return;
      for (const { value, expr } of site.args) {
        const password = value.members?.get('password') ?? value.members?.get('pass') ?? value.members?.get('secret') ?? value.members?.get('connection')?.members?.get('password');
        if (password !== undefined && isText(password) && !placeholder(password.literal) && expr.k !== 'literal') return site.report();
      }
      if (site.construct && /^(?:sequelize|knex)/.test(site.api) && isText(site.args[2]?.value) && !placeholder(site.args[2].value.literal)) site.report();
    },
    examples: {
      must: [`import { Pool } from 'pg'; export const pool = new Pool({ host: 'db', user: 'app', password: 'p4ssw0rd-prod' });`, `new Client({ connectionString: 'postgres://app:p4ss-w0rd@db.internal:5432/o' });`],
      mustNot: [`new Pool({ password: process.env.PGPASSWORD });`, `new Pool({ password: '' });`, `new Client({ connectionString: 'postgres://db.internal/o' });`],
    },
  },
  {
    id: 'js/tls-off', title: 'Certificate check turned off', cwe: 295, severity: 7.4, level: 'error',
    message: 'Any certificate is accepted, so that anybody on the way can read and change the connection. Leave the check on, and add your own authority with `ca`.',
    help: 'Leave the check on, and add an authority of your own with `ca` or NODE_EXTRA_CA_CERTS.',
    bind(site) {
      if (site.name === 'rejectUnauthorized' && isLiteral(site.bound, false)) site.report();
      else if (site.name === 'NODE_TLS_REJECT_UNAUTHORIZED' && isLiteral(site.bound, '0', 0)) site.report();
      else if (site.name === 'sslmode' && isLiteral(site.bound, 'disable', 'allow', 'prefer')) site.report();
    },
    call(site) {
      const database = /^(?:pg|mysql2?|knex|sequelize|postgres|typeorm)\b/.test(site.api);
      if (!database) return;
      const text = site.args.map((arg) => (isText(arg.value) ? arg.value.literal : String(arg.value.members?.get('connectionString')?.literal ?? ''))).join(' ');
      if (/sslmode=(?:disable|allow|prefer|no-verify)|ssl=(?:false|0)\b/i.test(text) && !/localhost|127\.0\.0\.1/.test(text)) return site.report({ message: 'This connection is not encrypted or does not check who answers. Use sslmode=verify-full.' });
      const options = site.args[0]?.value;
      const host = String(options?.members?.get('host')?.literal ?? 'localhost');
      if (isLiteral(options?.members?.get('ssl'), false) && !/^(?:localhost|127\.0\.0\.1|::1|\/.*)$/.test(host)) site.report({ message: 'This connection to a database is not encrypted. Turn ssl on.' });
    },
    examples: {
      must: [`https.request({ rejectUnauthorized: false });`, `process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';`, `const { Pool } = require('pg'); new Pool({ connectionString: 'postgres://db.x/a?sslmode=disable' });`],
      mustNot: [`https.request({ rejectUnauthorized: true });`, `new Agent({ ca });`],
    },
  },
  {
    id: 'js/jwt-unverified', title: 'Token accepted without its signature', cwe: 347, severity: 9.1, level: 'error',
    message: 'This token is believed without a signature that was checked with a named algorithm. Use verify with `algorithms`.',
    help: 'Use verify() with the key and `algorithms: [...]`, never `none`.',
    call(site) {
      if (!/^(?:jsonwebtoken|jose|jwt-simple|#jwt|express-jwt|koa-jwt|jwt)\b/.test(site.api) && nameOf(site.receiverExpr ?? { k: 'name', name: '', at: site.at }) !== 'jwt') return;
      const algorithms = site.option('algorithms') ?? site.option('algorithm');
      const none = algorithms !== undefined && [algorithms, ...(algorithms.members?.values() ?? [])].some((one) => typeof one.literal === 'string' && one.literal.toLowerCase() === 'none');
      const empty = site.name === 'verify' && site.args[1] !== undefined && (isLiteral(site.args[1].value, '', null, false));
      if (none || empty || isLiteral(site.option('ignoreExpiration'), true)) site.report();
    },
    examples: { must: [`const jwt = require('jsonwebtoken'); jwt.verify(t, k, { algorithms: ['none'] });`, `const jwt = require('jsonwebtoken'); jwt.verify(t, '');`], mustNot: [`const jwt = require('jsonwebtoken'); jwt.verify(t, key, { algorithms: ['RS256'] });`] },
  },
  {
    id: 'js/slow-regex', title: 'Regular expression that can take for ever', cwe: 1333, severity: 5.3, level: 'warning',
    message: 'This expression can match one text in exponentially many ways, so that a short text takes for ever. Make the repetition unambiguous, or bound the text\'s length.',
    help: 'Make what is repeated begin or end with a character that it cannot hold inside, or bound the length of the text first.',
    regex(site) {
      if (canExplode(site.pattern, site.flags)) site.report();
    },
    call(site) {
      const text = site.args[0]?.value.literal;
      if (site.api === '#RegExp' && typeof text === 'string' && canExplode(text, '')) site.report();
    },
    examples: {
      must: ['/^(a+)+$/.test(x)', '/^(\\w+\\s?)*$/.test(x)', '/(x|x)*y/.test(x)', '/^([a-zA-Z0-9]{2,4})+$/.test(x)', `new RegExp('^(a*)*$')`],
      mustNot: ['/^(?:[a-z]+\\.)+[a-z]+$/.test(x)', '/^[a-z]+$/.test(x)', '/^(?:\\d{3}-)+\\d{4}$/.test(x)', '/^(a|b)+$/.test(x)', '/(?:,\\s*\\w+)*/.test(x)'],
    },
  },
];

function optionNumber(site: CallSite, key: string): number | null {
  const value = site.option(key)?.literal;
  return typeof value === 'number' ? value : null;
}

/** A text that stands for a secret, rather than being one. */
function placeholder(text: string): boolean {
  return text === '' || text.length < 4 || /^(?:<.*>|\$\{.*\}|\{\{.*\}\}|x+|\*+|changeme|change-me|password|secret|example|your[-_].*|placeholder|dummy|test(?:ing)?|postgres|root|user|pass|none|null|undefined|todo)$/i.test(text) || text.startsWith('$') || text.startsWith('%');
}

/** First name of a path. */
function rootOf(expr: Expr): string {
  return expr.k === 'call' ? (expr.callee.k === 'member' ? rootOf(expr.callee.of) : '') : ((pathOf(expr) ?? '').split('.')[0] ?? '');
}

/** A name or an origin that says that guessing must be hard. */
function isSecret({ value, expr }: Arg): boolean {
  const name = nameOf(expr);
  const index = expr.k === 'member' && expr.name !== null ? expr.name : name;
  if (tagged(value, 'digest')) return true;
  const words = (SECRET_NAME.test(index.replace(/-/g, '_')) ? index : (/\.([\w-]+)$/.exec(value.api ?? '')?.[1] ?? index)).replace(/-/g, '_');
  if (/^(?:__proto__|id|key|code|type|status|text|value)$/i.test(words)) return false;
  const named = SECRET_NAME.test(words) || /(?:signature|hmac|digest|checksum_expected|hash(?:ed)?(?:password)?$|mac$|x_signature|x_api_key|sessionid|authorization)/i.test(words);
  return named && !/^(?:salt|iv|nonce|token_?type|password_?field|seed|pin|ticket|coupon|voucher|tokens|passwords|secrets|keys|sids?)$/i.test(words);
}


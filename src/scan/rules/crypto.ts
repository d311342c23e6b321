import { INSECURE_RANDOM, TIMING_COMPARE, WEAK_HASH } from '../fix/crypto.js';
import { CHECK_CERTIFICATES, NAMED_BUFFER } from '../fix/objects.js';
import { call, construct, property, type ShapeRule } from '../rule.js';

const SECRET_NAME = /(?:token|secret|passw(?:or)?d|session_?id|nonce|otp|salt|csrf|api_?key|verification_?code|reset_?code|invite_?code)/i;
const SECRET_VALUE = '(?i)(signature|hmac|\\bmac|digest|api_?key|secret|csrf_?token|reset_?token|auth_?token|session_?token|access_?token)(\\(\\))?$';

/** Rules about randomness, ciphers, keys and certificates. */
export const CRYPTO: readonly ShapeRule[] = [
  {
    id: 'js/weak-hash', title: 'Broken hash', cwe: 328, severity: 5.9, level: 'warning',
    hint: /createH/,
    message: 'MD5 and SHA-1 have collisions. Use sha256; for passwords scrypt or argon2.',
    help: 'Use sha256; for passwords scrypt or argon2.',
    match: call('(^|\\.)(createHash|createHmac)$', { regex: '(?i)^["\'`](md4|md5|sha-?1|ripemd160)["\'`]$' }),
    examples: { must: [`crypto.createHash('md5')`, `createHash("sha1").update(x)`], mustNot: [`crypto.createHash('sha256')`, 'createHash(name)'] },
    fix: WEAK_HASH,
  },
  {
    id: 'js/password-hash', title: 'Fast hash of a password', cwe: 916, severity: 5.3, level: 'note',
    hint: /createHash/,
    message: 'Whoever gets these hashes can try billions of passwords a second. Use crypto.scrypt or argon2 with a salt for each person.',
    help: 'Use crypto.scrypt or argon2 with a salt for each person.',
    match: { all: [call('\\.update$', { regex: '(?i)^(\\w+\\.)*(user_?)?(password|passwd|pwd)$' }), { regex: 'createHash\\(' }] },
    examples: { must: [`crypto.createHash('sha256').update(password).digest('hex')`, `createHash('md5').update(req.body.password)`], mustNot: [`crypto.createHash('sha256').update(body)`, 'crypto.scryptSync(password, salt, 32)'] },
  },
  {
    id: 'js/buffer-constructor', title: 'Buffer without its contents said', cwe: 665, severity: 4, level: 'note',
    hint: /\bBuffer\b/,
    message: 'new Buffer(n) may hold old memory, and whoever sends a number instead of text gets that. Use Buffer.from or Buffer.alloc.',
    help: 'Use Buffer.from for text, arrays and buffers, Buffer.alloc for a size.',
    match: construct('^Buffer$'),
    examples: { must: ['const b = new Buffer(text)', 'new Buffer(16)'], mustNot: ['Buffer.from(text)', 'new Buffers(1)'] },
    fix: NAMED_BUFFER,
  },
  {
    id: 'js/weak-cipher', title: 'Broken cipher', cwe: 327, severity: 7.4, level: 'error',
    hint: /create(?:Cipher|Decipher)/,
    message: 'This cipher or mode does not keep its promise. Use aes-256-gcm or chacha20-poly1305 with a fresh nonce.',
    help: 'Use aes-256-gcm or chacha20-poly1305 with a fresh nonce.',
    match: { any: [call('(^|\\.)create(Cipher|Decipher)iv$', { regex: '(?i)^["\'`](des|des3|rc2|rc4|bf|blowfish|cast|idea|seed)([-_].*)?["\'`]$|-ecb["\'`]$' }), call('(^|\\.)create(Cipher|Decipher)$')] },
    examples: { must: [`crypto.createCipheriv('des-cbc', k, iv)`, `createCipheriv('aes-128-ecb', k, null)`, `crypto.createCipher('aes192', pw)`], mustNot: [`crypto.createCipheriv('aes-256-gcm', k, iv)`] },
  },
  {
    id: 'js/insecure-random', title: 'Guessable secret', cwe: 338, severity: 7.5, level: 'error',
    hint: /Math\s*\.\s*random/,
    message: 'Math.random can be predicted. Use crypto.randomBytes, crypto.randomInt or crypto.randomUUID.',
    help: 'Use crypto.randomBytes, crypto.randomInt or crypto.randomUUID.',
    match: { pattern: 'Math.random()' },
    accept: (node) => {
      for (const above of node.ancestors()) {
        const kind = String(above.kind());
        const named = kind === 'variable_declarator' || kind === 'function_declaration' || kind === 'method_definition' ? above.field('name')
          : kind === 'assignment_expression' || kind === 'augmented_assignment_expression' ? above.field('left') : kind === 'pair' ? above.field('key') : null;
        if (named !== null) return SECRET_NAME.test(named.text());
      }
      return false;
    },
    examples: {
      must: ['const token = Math.random().toString(36)', 'user.resetToken = "" + Math.random()', 'const x = { apiKey: Math.random() }', 'function makeSecret() { return Math.random().toString(16); }'],
      mustNot: ['const delay = Math.random() * 100', 'const token = crypto.randomUUID()', 'roll(Math.random())'],
    },
    fix: INSECURE_RANDOM,
  },
  {
    id: 'js/tls-off', title: 'Certificate check turned off', cwe: 295, severity: 7.4, level: 'error',
    hint: /rejectUnauthorized|strictSSL|NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity/,
    message: 'Whoever sits on the wire can read and change this. Leave the check on and add your own authority with `ca`.',
    help: 'Leave the check on and add your own authority with `ca` or NODE_EXTRA_CA_CERTS.',
    match: {
      any: [
        property('rejectUnauthorized|strictSSL', '^(false|0)$'),
        { kind: 'assignment_expression', all: [{ has: { field: 'left', regex: 'NODE_TLS_REJECT_UNAUTHORIZED|\\.rejectUnauthorized$' } }, { has: { field: 'right', regex: '^(["\'`]0["\'`]|0|false)$' } }] },
        property('checkServerIdentity', '^\\(\\)\\s*=>\\s*(undefined|null|\\{\\s*\\}|true)$'),
      ],
    },
    examples: {
      must: ['https.request({ rejectUnauthorized: false })', `env.NODE_TLS_REJECT_UNAUTHORIZED = '0'`, `env['NODE_TLS_REJECT_UNAUTHORIZED'] = 0`, '({ checkServerIdentity: () => undefined })'],
      mustNot: ['https.request({ rejectUnauthorized: true })', `env.NODE_TLS_REJECT_UNAUTHORIZED = '1'`, 'https.request({ ca })'],
    },
    fix: CHECK_CERTIFICATES,
  },
  {
    id: 'js/jwt-unverified', title: 'Token accepted without its signature', cwe: 347, severity: 9.1, level: 'error',
    hint: /algorithm|ignoreExpiration|jwt|jsonwebtoken/i,
    message: 'Anybody can write this token. Use jwt.verify with a key and a fixed list of algorithms without "none".',
    help: 'Use jwt.verify with a key and a fixed list of algorithms without "none".',
    match: {
      any: [
        property('algorithms?', '(?i)["\'`]none["\'`]'), property('ignoreExpiration', '^true$'),
        call('^(jwt|jsonwebtoken)\\.verify$', { regex: '^(null|undefined|""|\'\')$' }, 2),
        call('^(jwt|jsonwebtoken)\\.decode$', { regex: '\\b(req|request|ctx)\\.|(?i)authorization|bearer' }), call('^jwtDecode$|^jwt_decode$', { regex: '\\b(req|request|ctx)\\.' }),
      ],
    },
    examples: {
      must: [`jwt.verify(t, key, { algorithms: ['HS256', 'none'] })`, `jwt.sign(p, '', { algorithm: 'none' })`, 'jwt.verify(t, null)', 'jwt.decode(req.headers.authorization)', 'jwt.verify(t, k, { ignoreExpiration: true })'],
      mustNot: [`jwt.verify(t, key, { algorithms: ['RS256'] })`, 'jwt.decode(idToken)', `display({ algorithm: 'fast' })`],
    },
  },
  {
    id: 'js/hardcoded-secret', title: 'Key written into the source', cwe: 798, severity: 8.1, level: 'error',
    hint: /jwt|jsonwebtoken|createHmac|secret/,
    message: 'Whoever reads the source has this key. Read it from the environment or a secret store, and change it.',
    help: 'Read the key from the environment or a secret store, and change the one that was here.',
    match: {
      any: [
        call('^(jwt|jsonwebtoken)\\.(sign|verify)$', { kind: 'string', regex: '^.{6,}$' }, 2),
        call('(^|\\.)createHmac$', { kind: 'string', regex: '^.{6,}$' }, 2),
        { all: [property('secret', '^["\'`][^"\'`$]{4,}["\'`]$'), { inside: { any: [call('^(session|expressSession|cookieSession)$')], stopBy: 'end' } }] },
      ],
    },
    examples: {
      must: [`jwt.sign({ id }, 'my-signing-key')`, `crypto.createHmac('sha256', 'static key')`, `app.use(session({ secret: 'keyboard cat', resave: false }))`],
      mustNot: ['jwt.sign({ id }, env.KEY)', `crypto.createHmac('sha256', key)`, 'session({ secret: config.secret })', `label({ secret: 'a word' })`],
    },
  },
  {
    id: 'js/timing-compare', title: 'Secret compared byte by byte', cwe: 208, severity: 5.9, level: 'warning',
    hint: /signature|hmac|mac|digest|api_?key|secret|token/i,
    message: 'The time of this comparison tells how much was right. Use crypto.timingSafeEqual on buffers of equal length.',
    help: 'Use crypto.timingSafeEqual on buffers of equal length.',
    match: {
      kind: 'binary_expression', regex: '[!=]==?',
      all: [
        { has: { field: 'operator', regex: '^[!=]==?$' } },
        { any: [{ has: { field: 'left', regex: SECRET_VALUE } }, { has: { field: 'right', regex: SECRET_VALUE } }, { has: { field: 'left', regex: '\\.digest\\(' } }, { has: { field: 'right', regex: '\\.digest\\(' } }] },
        { not: { any: ['left', 'right'].map((field) => ({ has: { field, any: [{ kind: 'string' }, { kind: 'number' }, { kind: 'null' }, { kind: 'undefined' }, { kind: 'true' }, { kind: 'false' }, { kind: 'unary_expression' }, { regex: '^undefined$|\\.length$|\\b[A-Z][A-Za-z]*\\.' }] } })) } },
      ],
    },
    examples: {
      must: ['if (signature === expected) ok()', 'if (req.headers.sig !== hmac.digest("hex")) deny()', 'return given == apiKey'],
      mustNot: ['if (token === undefined) x()', 'if (typeof secret === "string") x()', 'crypto.timingSafeEqual(a, b)', 'if (node.type === other.type) x()', 'if (signature.length !== expected.length) x()', 'kind === SyntaxKind.Signature'],
    },
    fix: TIMING_COMPARE,
  },
];

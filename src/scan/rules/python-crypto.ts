import { CONSTANT_TIME, DRAW_SECRETS, PYTHON_SHA256, VERIFY_TLS } from '../fix/python-crypto.js';
import type { ShapeRule } from '../rule.js';
import { keyword, namesAround, pyCall } from './python-shape.js';

const SECRET_NAME = /token|secret|passw(?:or)?d|session_?id|nonce|otp|salt|csrf|api_?key|(?:verification|reset|invite|activation)_?code/i;
const SECRET_VALUE = '(?i)(signature|hmac|\\bmac|digest|api_?key|secret|csrf_?token|reset_?token|auth_?token|session_?token|access_?token|password_?hash)(\\(\\))?$';

/** Rules for Python about randomness, ciphers and certificates. */
export const PYTHON_CRYPTO: readonly ShapeRule[] = [
  {
    id: 'py/weak-hash', title: 'Broken hash for a secret', cwe: 328, severity: 5.9, level: 'warning',
    hint: /hashlib|md5|sha1/,
    message: 'MD5 and SHA-1 have collisions and are fast to try. Use sha256; for passwords hashlib.scrypt or argon2.',
    help: 'Use sha256; for passwords hashlib.scrypt or argon2.',
    match: { any: [pyCall('^(hashlib\\.)?(md5|sha1)$'), pyCall('^hashlib\\.new$', { regex: '^["\'](md5|sha1)["\']$' })] },
    // Most uses are checksums, which somebody else chose; the names tell what is meant to be a secret.
    accept: (node) => !/usedforsecurity\s*=\s*False/.test(node.text()) && [...namesAround(node), node.field('arguments')?.text() ?? ''].some((name) => /passw|pwd|token|secret|signature|\bsign|auth|session|api_?key|credential/i.test(name)),
    examples: {
      must: ['def hash_password(p):\n    return hashlib.md5(p.encode()).hexdigest()\n', 'token = hashlib.sha1(seed).hexdigest()\n', 'h = hashlib.new("md5", password)\n'],
      mustNot: ['etag = hashlib.md5(body).hexdigest()\n', 'token = hashlib.sha256(seed).hexdigest()\n', 'key = hashlib.md5(name, usedforsecurity=False)\n'],
    },
    fix: PYTHON_SHA256,
  },
  {
    id: 'py/insecure-random', title: 'Guessable secret', cwe: 338, severity: 7.5, level: 'error',
    hint: /\brandom\./,
    message: 'The random module can be predicted. Use secrets.token_urlsafe, secrets.choice or secrets.randbelow.',
    help: 'Use secrets.token_urlsafe, secrets.choice or secrets.randbelow.',
    match: pyCall('^random\\.(random|randint|randrange|choice|choices|sample|getrandbits|uniform|randbytes)$'),
    // Test data and shuffled tokens of a language model are no secrets.
    accept: (node) => namesAround(node).some((name) => SECRET_NAME.test(name) && !/tokens$|tokeni[sz]|token_ids|mask|^test|embedding/i.test(name)),
    examples: {
      must: ['token = "".join(random.choice(chars) for _ in range(32))\n', 'def make_password(n):\n    return "".join(random.choices(string.ascii_letters, k=n))\n', 'user.otp = random.randint(1000, 9999)\n'],
      mustNot: ['delay = random.random()\n', 'token = secrets.token_hex(16)\n', 'tokens = random.sample(words, 5)\n'],
    },
    fix: DRAW_SECRETS,
  },
  {
    id: 'py/tls-off', title: 'Certificate check turned off', cwe: 295, severity: 7.4, level: 'error',
    hint: /verify|_create_unverified|CERT_NONE|check_hostname/,
    message: 'Whoever sits on the wire can read and change this. Leave the check on and name your own authority with verify= or cafile=.',
    help: 'Leave the check on and name your own authority with verify= or cafile=.',
    match: { any: [{ all: [pyCall('(^|\\.)(get|post|put|patch|delete|head|options|request|Session|Client|AsyncClient|urlopen|send)$'), keyword('verify', '^False$')] }, pyCall('^ssl\\._create_unverified_context$'), { kind: 'assignment', regex: '\\.(verify|check_hostname)\\s*=\\s*False$|\\.verify_mode\\s*=\\s*ssl\\.CERT_NONE$|ssl\\._create_default_https_context\\s*=\\s*ssl\\._create_unverified_context$' }] },
    accept: (node) => !node.is('assignment') || !/\.verify\s*=/.test(node.text()) || /sess|client|requests|http/i.test(node.field('left')?.text() ?? ''),
    examples: {
      must: ['requests.get(url, verify=False)\n', 'ctx = ssl._create_unverified_context()\n', 'ctx.check_hostname = False\n', 'session.verify = False\n'],
      mustNot: ['requests.get(url)\n', 'requests.get(url, verify="/ca.pem")\n', 'ctx = ssl.create_default_context()\n', 'form.verify = False\n'],
    },
    fix: VERIFY_TLS,
  },
  {
    id: 'py/weak-cipher', title: 'Broken cipher', cwe: 327, severity: 7.4, level: 'error',
    hint: /DES|ARC4|RC4|Blowfish|MODE_ECB|modes\.ECB/,
    message: 'This cipher or mode does not keep its promise. Use AES-GCM or ChaCha20-Poly1305 with a fresh nonce.',
    help: 'Use AES-GCM or ChaCha20-Poly1305 with a fresh nonce.',
    match: { any: [pyCall('^(DES|DES3|ARC2|ARC4|Blowfish|CAST)\\.new$'), pyCall('^AES\\.new$', { regex: 'MODE_ECB$' }, null), pyCall('^(modes\\.ECB|algorithms\\.(ARC4|Blowfish|TripleDES|IDEA|CAST5|SEED))$')] },
    examples: { must: ['DES.new(key, DES.MODE_CBC, iv)\n', 'AES.new(key, AES.MODE_ECB)\n', 'Cipher(algorithms.AES(k), modes.ECB())\n'], mustNot: ['AES.new(key, AES.MODE_GCM)\n', 'Cipher(algorithms.AES(k), modes.GCM(n))\n'] },
  },
  {
    id: 'py/jwt-unverified', title: 'Token accepted without its signature', cwe: 347, severity: 9.1, level: 'error',
    hint: /jwt/,
    message: 'Anybody can write this token. Use jwt.decode with a key and a fixed list of algorithms without "none".',
    help: 'Use jwt.decode with a key and a fixed list of algorithms without "none".',
    match: { all: [pyCall('^jwt\\.decode$'), { regex: 'verify\\s*=\\s*False|["\']verify_signature["\']\\s*:\\s*False|(?i)algorithms?\\s*=\\s*\\[?[^\\])]*["\']none["\']' }] },
    examples: { must: ['jwt.decode(t, options={"verify_signature": False})\n', 'jwt.decode(t, k, verify=False)\n', 'jwt.decode(t, k, algorithms=["HS256", "none"])\n'], mustNot: ['jwt.decode(t, k, algorithms=["RS256"])\n'] },
  },
  {
    id: 'py/timing-compare', title: 'Secret compared byte by byte', cwe: 208, severity: 5.9, level: 'warning',
    hint: /signature|hmac|mac|digest|api_?key|secret|token|password_?hash/i,
    message: 'The time of this comparison tells how much was right. Use hmac.compare_digest.',
    help: 'Use hmac.compare_digest.',
    match: { kind: 'comparison_operator', all: [{ regex: '[!=]=' }, { has: { any: [{ regex: SECRET_VALUE }, { regex: '\\.(hex)?digest\\(\\)$' }] } }] },
    accept: (node) => {
      const sides = node.namedChildren();
      return sides.length === 2 && node.children().length === 3 && sides.every((side) => /^(?:identifier|attribute|call|subscript)$/.test(String(side.kind())) && !/^(?:len|type|str\.lower)\(|^[A-Z_]+$|\.(?:type|kind|name|length)$|\b[A-Z]\w*\.[A-Z_]+$/.test(side.text()));
    },
    examples: {
      must: ['if signature == expected:\n    ok()\n', 'if given != hmac.new(k, m, "sha256").hexdigest():\n    deny()\n', 'ok = request.headers["x"] == api_key\n'],
      mustNot: ['if token is None:\n    x()\n', 'if secret == "":\n    x()\n', 'hmac.compare_digest(a, b)\n', 'if len(signature) == n:\n    x()\n', 'if a == digest == b:\n    x()\n'],
    },
    fix: CONSTANT_TIME,
  },
  {
    id: 'py/temporary-name', title: 'Temporary name that another can take', cwe: 377, severity: 5.5, level: 'warning',
    hint: /mktemp/,
    message: 'Between the name and the file another process can put its own there. Use tempfile.mkstemp or NamedTemporaryFile.',
    help: 'Use tempfile.mkstemp, which gives an open file, or NamedTemporaryFile.',
    match: pyCall('^tempfile\\.mktemp$'),
    examples: { must: ['name = tempfile.mktemp()\n'], mustNot: ['fd, name = tempfile.mkstemp()\n', 'tempfile.mkdtemp()\n'] },
  },
];

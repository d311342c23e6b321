import type { SgNode } from '@ast-grep/napi';
import type { Edit } from '../../sarif/model.js';
import type { RuleFix } from '../rule.js';
import { argumentsOf, type FileFacts, replace, type Style, together } from './facts.js';
import { operands } from './text.js';

/** Words of hashes that something else fixes: another value would not be understood there. Words of passwords and tokens are not among them. */
const FIXED_ELSEWHERE = /e-?tag|content-?md5|check-?sum|integrity|git|blob|tree-?hash|object-?id|gravatar|websocket|258EAFA5|\buuid|v[35]\b|h?otp|oauth|hmac-?sha1|aws|s3|cache|finger-?print|dedup|file-?hash|hash-?file|asset|bundle|chunk|manifest|legacy|compat|known-?hosts|thumb-?print|x5t|wechat|alipay|signature_method/i;
/** A function that is called after the algorithm promises it. */
const NAMED_AFTER = /md[45]|sha-?1|ripemd/i;

export const WEAK_HASH: RuleFix = {
  title: 'Use SHA-256',
  edits(node) {
    const [name] = argumentsOf(node);
    // MD4 is only met where a protocol asks for it.
    if (name === undefined || /md4/i.test(name.text()) || isFixedElsewhere(node)) return null;
    const quote = name.text().charAt(0);
    return [replace(name, `${quote}sha256${quote}`)];
  },
  examples: {
    mustChange: [
      [`function hashPassword(p) {\n  return crypto.createHash('md5').update(p).digest('hex');\n}\n`, `function hashPassword(p) {\n  return crypto.createHash('sha256').update(p).digest('hex');\n}\n`],
      ['const token = createHmac("sha1", key).update(id).digest()\n', 'const token = createHmac("sha256", key).update(id).digest()\n'],
    ],
    mustNotChange: [
      `const etag = crypto.createHash('md5').update(body).digest('base64');\n`, `function gitBlobId(data) {\n  return crypto.createHash('sha1').update(data).digest('hex');\n}\n`,
      `res.setHeader('Content-MD5', createHash('md5').update(body).digest('base64'));\n`, `const md5 = (s) => crypto.createHash('md5').update(s).digest('hex');\n`, `export const cacheKey = (s) => createHash('md5').update(s).digest('hex');\n`,
    ],
  },
};

/** By the words of the statement and of the names of the functions around it. */
function isFixedElsewhere(node: SgNode): boolean {
  const around = node.ancestors();
  const statement = around.find((a) => /statement$|declaration$/.test(String(a.kind())) && !a.is('statement_block'));
  const names = around.flatMap((a) => a.field('name')?.text() ?? (a.is('pair') ? a.field('key')?.text() : undefined) ?? []);
  return [...(statement === undefined || statement.text().length > 2000 ? [] : [statement.text()]), ...names].some((text) => FIXED_ELSEWHERE.test(text)) || names.some((name) => NAMED_AFTER.test(name));
}

export const INSECURE_RANDOM: RuleFix = {
  title: 'Draw it from crypto',
  edits(node, file) {
    const whole = tokenAround(node);
    if (whole !== null) return using(whole, 'randomBytes', file, (name) => `${name}(16).toString(${file.style.quote}hex${file.style.quote})`);
    const number = integerAround(node);
    return number === null ? null : using(number.node, 'randomInt', file, (name) => `${name}(${number.range})`);
  },
  examples: {
    mustChange: [
      [`const crypto = require('crypto');\nconst token = Math.random().toString(36).slice(2) + Math.random().toString(36).slice(2);\n`, `const crypto = require('crypto');\nconst token = crypto.randomBytes(16).toString('hex');\n`],
      [`import fs from "node:fs"\nuser.resetToken = Math.random().toString(36).substring(2, 15)\n`, `import fs from "node:fs"\nimport * as crypto from "node:crypto"\nuser.resetToken = crypto.randomBytes(16).toString("hex")\n`],
      [`const { randomUUID } = require('node:crypto');\nconst otp = Math.floor(100000 + Math.random() * 900000);\n`, `const { randomUUID, randomInt } = require('node:crypto');\nconst otp = randomInt(100000, 1000000);\n`],
      [`const crypto = require('crypto');\nlet salt = '';\nfor (const i of ten) {\n  salt += chars[Math.floor(Math.random() * chars.length)];\n}\n`, `const crypto = require('crypto');\nlet salt = '';\nfor (const i of ten) {\n  salt += chars[crypto.randomInt(chars.length)];\n}\n`],
    ],
    mustNotChange: ['const token = Math.random();\n', 'const resetCode = Math.random().toString(36).slice(2, 8).toUpperCase();\n', 'const otp = Math.random().toString().slice(-6);\n', 'const nonce = Math.random() * 1000 + Date.now();\n', 'function makeSecret(crypto) {\n  return seed(Math.random());\n}\n'],
  },
};

/** The whole of `Math.random().toString(36).slice(2) + …`, as far as it is made of nothing else. */
function tokenAround(random: SgNode): SgNode | null {
  const link = chainAbove(random);
  if (link === null) return null;
  let whole = link;
  for (let above = whole.parent(); above?.is('binary_expression') === true && above.field('operator')?.text() === '+' && isTokens(above); above = whole.parent()) whole = above;
  return whole;
}

/** `.toString(36)` and what cuts the `0.` off; null for another use. */
function chainAbove(random: SgNode): SgNode | null {
  let at = calledAs(random, /^toString$/);
  for (let next = at; next !== null; next = at === null ? null : calledAs(at, /^(?:slice|substr|substring)$/)) at = next;
  return at === null || isShort(at) ? null : at;
}

/** A code that people type has a length for a reason: what it should be instead is not for a rule to say. */
function isShort(chain: SgNode): boolean {
  const cut = /\.(slice|substr|substring)\(\s*(-?\d+)\s*(?:,\s*(-?\d+)\s*)?\)$/.exec(chain.text());
  if (cut === null) return false;
  const [from, to] = [Number(cut[2]), cut[3] === undefined ? null : Number(cut[3])];
  const length = from < 0 ? -from : to === null ? 11 : cut[1] === 'substr' ? to : to - from;
  return length < 10;
}

function calledAs(object: SgNode, method: RegExp): SgNode | null {
  const member = object.parent();
  const call = member?.parent();
  return member?.is('member_expression') === true && member.field('object')?.id() === object.id() && method.test(member.field('property')?.text() ?? '') && call?.is('call_expression') === true && call.field('function')?.id() === member.id() ? call : null;
}

function isTokens(sum: SgNode): boolean {
  return operands(sum).every((part) => /^Math\.random\(\)\.toString\(\d*\)(?:\.\w+\([\d, ]*\))*$/.test(part.text()));
}

/** `Math.floor(Math.random() * N)`, `Math.floor(A + Math.random() * B)`, with numbers and lengths only: others may be no integers. */
function integerAround(random: SgNode): { readonly node: SgNode; readonly range: string } | null {
  const floor = random.ancestors().find((a) => a.is('call_expression') && /^Math\.(?:floor|trunc)$/.test(a.field('function')?.text() ?? ''));
  const inner = floor === undefined ? undefined : argumentsOf(floor)[0]?.text();
  if (floor === undefined || inner === undefined) return null;
  const simple = /^Math\.random\(\) \* (\d{1,12}|[\w$.]+\.length)$/.exec(inner) ?? /^(\d{1,12}|[\w$.]+\.length) \* Math\.random\(\)$/.exec(inner);
  if (simple?.[1] !== undefined) return { node: floor, range: simple[1] };
  const from = /^(\d{1,12}) \+ Math\.random\(\) \* (\d{1,12})$/.exec(inner) ?? /^Math\.random\(\) \* (\d{1,12}) \+ (\d{1,12})$/.exec(inner)?.map((word, i, all) => all[i === 1 ? 2 : i === 2 ? 1 : 0] ?? word);
  return from?.[1] === undefined || from[2] === undefined ? null : { node: floor, range: `${from[1]}, ${Number(from[1]) + Number(from[2])}` };
}

function using(node: SgNode, member: string, file: FileFacts, write: (name: string) => string): readonly Edit[] | null {
  const use = file.use('crypto', member);
  return use === null ? null : together(use.edits, [replace(node, write(use.name))]);
}

const sameSecret = (crypto: { readonly hash: string; readonly equal: string }) => ({ type, quote }: Style): readonly string[] => [
  '/** Compares secrets in a time that does not tell how much of them is equal. */',
  `function sameSecret(a${type(': unknown')}, b${type(': unknown')})${type(': boolean')} {`,
  `  const digest = (value${type(': unknown')}) => ${crypto.hash}(${quote}sha256${quote}).update(String(value)).digest();`,
  `  return typeof a === typeof b && ${crypto.equal}(digest(a), digest(b));`,
  '}',
];

export const TIMING_COMPARE: RuleFix = {
  title: 'Compare in constant time',
  edits(node, file) {
    const left = node.field('left');
    const right = node.field('right');
    const hash = file.use('crypto', 'createHash');
    const equal = file.use('crypto', 'timingSafeEqual');
    // Parts of a longer comparison of types or lengths, and values that are no text, are not secrets by their form.
    if (left === null || right === null || hash === null || equal === null || [left, right].some((side) => /(?:\bthis\.type|\.kind|\.name)$/.test(side.text()))) return null;
    // Buffers are never equal by ===, so the code means something else.
    if ([left, right].some((side) => /\.digest\(\)$/.test(side.text()))) return null;
    const imports = [...hash.edits, ...equal.edits.filter((edit) => !hash.edits.some((other) => other.start === edit.start && other.text === edit.text))];
    if (imports.length > 1) return null;
    const helper = file.helper('sameSecret', sameSecret({ hash: hash.name, equal: equal.name }));
    if (helper === null) return null;
    const not = node.field('operator')?.text().startsWith('!') === true ? '!' : '';
    return together(imports, helper.edits, [replace(node, `${not}${helper.name}(${left.text()}, ${right.text()})`)]);
  },
  examples: {
    mustChange: [
      [
        `'use strict';\nconst crypto = require('crypto');\n\nfunction check(given, apiKey) {\n  return given === apiKey;\n}\n`,
        `'use strict';\nconst crypto = require('crypto');\n\n/** Compares secrets in a time that does not tell how much of them is equal. */\nfunction sameSecret(a, b) {\n  const digest = (value) => crypto.createHash('sha256').update(String(value)).digest();\n  return typeof a === typeof b && crypto.timingSafeEqual(digest(a), digest(b));\n}\n\nfunction check(given, apiKey) {\n  return sameSecret(given, apiKey);\n}\n`,
      ],
      [
        `import x from "x"\nif (req.get("sig") !== hmac.digest("hex")) deny()\n`,
        `import x from "x"\nimport * as crypto from "crypto"\n\n/** Compares secrets in a time that does not tell how much of them is equal. */\nfunction sameSecret(a, b) {\n  const digest = (value) => crypto.createHash("sha256").update(String(value)).digest()\n  return typeof a === typeof b && crypto.timingSafeEqual(digest(a), digest(b))\n}\n\nif (!sameSecret(req.get("sig"), hmac.digest("hex"))) deny()\n`,
      ],
    ],
    mustNotChange: ['const crypto = 1;\nconst createHash = 2;\nif (signature === expected) ok();\n', 'if (a !== hmac.digest()) deny();\n'],
  },
};

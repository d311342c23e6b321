import { describe, expect, it } from 'vitest';
import { createRedactor, findSecretForms } from '../../src/redact/redactor.js';
import { SECRET_RULES } from '../../src/redact/rules.js';
import { visible } from '../../src/redact/visible.js';

const redactor = createRedactor({ known: ['pä ss"w/rd+1', 'abc'] });
const VALUE = 'pä ss"w/rd+1';

describe('known values', () => {
  it.each([
    ['raw', VALUE],
    ['JSON-escaped', JSON.stringify({ p: VALUE })],
    ['URL-encoded', encodeURIComponent(VALUE)],
    ['URL-encoded in lower case', encodeURIComponent(VALUE).replace(/%../g, (h) => h.toLowerCase())],
    ['form-encoded', new URLSearchParams({ p: VALUE }).toString()],
    ['base64', Buffer.from(VALUE).toString('base64')],
    ['base64url', Buffer.from(VALUE).toString('base64url')],
    ['base64 after one byte', Buffer.from(`u${VALUE}`).toString('base64')],
    ['base64 after two bytes', Buffer.from(`u:${VALUE}`).toString('base64')],
    ['base64 with more behind', Buffer.from(`${VALUE} and more`).toString('base64')],
    ['hex', Buffer.from(VALUE).toString('hex')],
  ])('are taken out in the form %s', (_form, text) => {
    expect(redactor.redact(`before ${text} after`)).toContain('[redacted:known-value]');
    expect(redactor.redact(text)).not.toContain(VALUE);
  });

  it('leaves text without a secret as it is, and ignores values too short to be one', () => {
    expect(redactor.redact('abc def')).toBe('abc def');
    expect(createRedactor({ known: ['', 'a'] }).redact('banana')).toBe('banana');
  });

  it('gives spans in order and without overlaps', () => {
    const two = createRedactor({ known: ['secret-one', 'one-secret-two'] });
    expect(two.find('x secret-one-secret-two y secret-one')).toEqual([
      { rule: 'known-value', start: 2, end: 23 }, { rule: 'known-value', start: 26, end: 36 },
    ]);
    expect(two.redact('x secret-one-secret-two y')).toBe('x [redacted:known-value] y');
  });

  it('keeps text around that has half a surrogate', () => {
    expect(createRedactor({ known: ['\ud800abcdef'] }).redact('x\ud800abcdefy')).toBe('x[redacted:known-value]y');
  });
});

describe('secrets by form', () => {
  const must = SECRET_RULES.flatMap((rule) => rule.examples.must.map((pieces) => [rule.id, pieces.join('')] as const));
  const mustNot = SECRET_RULES.flatMap((rule) => rule.examples.mustNot.map((text) => [rule.id, text] as const));

  it.each(must)('%s finds its example %#', (id, text) => {
    expect(findSecretForms(`some text\n${text}\nmore`).map((span) => span.rule)).toContain(id);
  });
  it.each(mustNot)('%s leaves %j alone', (id, text) => {
    expect(findSecretForms(`some text\n${text}\nmore`).map((span) => span.rule)).not.toContain(id);
  });
  it('every rule has an example of both sorts and a unique id', () => {
    expect(SECRET_RULES.filter((r) => r.examples.must.length === 0 || r.examples.mustNot.length === 0).map((r) => r.id)).toEqual([]);
    expect(new Set(SECRET_RULES.map((r) => r.id)).size).toBe(SECRET_RULES.length);
  });
  it('takes only the password out of a URL', () => {
    const url = ['postgres://app', ':h4rdT0Guess', '@db/app'].join('');
    expect(createRedactor({ known: [] }).redact(url)).toBe('postgres://app:[redacted:url-password]@db/app');
  });

  // Twice the text must cost about twice the steps; the bound is far above that and far below what a quadratic rule needs.
  it.each([
    '-----BEGIN PRIVATE KEY-----', '-----BEGIN A A A PRIVATE KEY', 'ghp_', 'eyJaaaaaaaaaa.', 'eyJ', 'sk-', 'http://', 'postgres://a:', 'password', 'password   ', 'passwordtoken', 'xoxb-', 'token="', 'secret_', 'AIza', 'a', '-',
  ])('stays linear on a repeated %j', (piece) => {
    const text = piece.repeat(Math.ceil(300_000 / piece.length));
    const started = process.cpuUsage();
    findSecretForms(text);
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(10);
  });
});

describe('visible', () => {
  it('shows escapes, bidi, zero-width and separators, and forges no line', () => {
    expect(visible('a\u001b[31mb\u202ec\u200bd\r\ne\u2028f\ud800g\u{e0041}h\u0085i\u007f'))
      .toBe('a\\x1b[31mb\\u{202e}c\\u{200b}d\\r\\ne\\u{2028}f\\u{d800}g\\u{e0041}h\\x85i\\x7f');
  });
  it('keeps lines and tabs when asked to, and nothing else', () => {
    expect(visible('a\r\n\tb\rc\u001b]0;x\u0007', { lines: true })).toBe('a\n\tb\\rc\\x1b]0;x\\x07');
  });
  it('leaves ordinary text of any language as it is', () => {
    expect(visible('Grüße, мир, 世界, 🙂')).toBe('Grüße, мир, 世界, 🙂');
  });
});

// npm run bench:gate [-- --json] [--sample N] [--tampers N] [--tamper WORD] [--no-verifier] [--only-verifier]: how much of known-vulnerable code the scanner's rules flag, how much of its safe counterpart, and
// which patches the gate passes (verifier.mjs; N tasks of each set, or kinds of tampering a task). The sets are other people's (../shared/data, not part of this repository); a set that is
// not there is said to be not measured.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { speed } from './speed.mjs';
import { scanFragment } from '../dist/scan/code.js';
import { figure as take, report, root } from './measure.mjs';
import { verifier } from './verifier.mjs';

const figure = (id, value, unit, n, goal, better, how, why) => take(id, value, unit, { n, goal, better, how, why });
const data = (name) => join(root, '../shared/data/code', name);
const read = (name) => (existsSync(data(name)) ? readFileSync(data(name), 'utf8').trim().split('\n').map((line) => JSON.parse(line)) : null);

/**
 * Rules of the JavaScript set whose class is one that this product's rules are for, by that class; the rest of the set is reported beside it.
 */
const CLASSES = {
  'command injection': 'no-dynamic-command-string',
  'code injection': 'no-eval detect-eval-with-expression no-websocket-eval no-dynamic-dependency-loading no-unsafe-dynamic-require',
  'SQL injection': 'no-sql-injection no-unsafe-query no-unsafe-copy-from',
  'LDAP and XPath injection': 'no-ldap-injection no-xpath-injection',
  'path traversal': 'detect-non-literal-fs-filename',
  'cross-site scripting': 'no-innerhtml no-unescaped-url-parameter',
  'open redirect': 'no-insecure-redirects require-url-validation',
  'prototype pollution': 'detect-object-injection',
  'denial of service by expressions': 'no-redos-vulnerable-regex detect-non-literal-regexp no-unsafe-regex-construction',
  deserialisation: 'no-unsafe-deserialization',
  'XML entities': 'no-xxe-injection',
  'cryptography and randomness': 'no-math-random-crypto no-cryptojs-weak-random no-static-iv no-insecure-key-derivation no-timing-unsafe-compare no-insecure-comparison',
  'TLS off': 'no-insecure-ssl',
  'cookies and CORS': 'require-cookie-secure-attrs no-permissive-cors',
  'mass assignment': 'no-privilege-escalation',
  'missing authentication': 'no-missing-authentication',
  'check, then act on files': 'no-toctou-vulnerability',
  'secrets in the source': 'no-hardcoded-credentials',
};
const COVERED = new Map(Object.entries(CLASSES).flatMap(([name, rules]) => rules.split(' ').map((rule) => [rule, name])));

/** True when a rule says something that can stop a change. */
const flagged = (path, code) => scanFragment(path, code).found.some((one) => one.level !== 'note');
const percent = (part, of) => (of === 0 ? null : Math.round((1000 * part) / of) / 10);

function javascript() {
  const rows = read('javascript-snippets.jsonl');
  const ids = ['js_recall_pct', 'js_false_pct', 'js_all_recall_pct', 'js_all_false_pct'];
  if (rows === null) return ids.map((id) => figure(id, null, '%', 0, null, 'higher', 'javascript-snippets', 'not measured: ../shared/data is not there'));
  const covered = rows.filter((r) => COVERED.has(r.rule.split('__')[1]));
  const rate = (set, label) => {
    const part = set.filter((r) => r.label === label);
    return [percent(part.filter((r) => flagged(r.file, r.code)).length, part.length), part.length];
  };
  const make = (id, set, label, goal, better) => {
    const [value, n] = rate(set, label);
    return figure(id, value, '%', n, goal, better, `${label} snippets that any rule flags`);
  };
  return [
    make('js_recall_pct', covered, 'vulnerable', 70, 'higher'), make('js_false_pct', covered, 'safe', 10, 'lower'),
    make('js_all_recall_pct', rows, 'vulnerable', null, 'higher'), make('js_all_false_pct', rows, 'safe', null, 'lower'),
    ...Object.keys(CLASSES).flatMap((name) => {
      const set = rows.filter((r) => COVERED.get(r.rule.split('__')[1]) === name);
      const id = name.replace(/\W+/g, '_').toLowerCase();
      return [make(`js_recall_${id}_pct`, set, 'vulnerable', null, 'higher'), make(`js_false_${id}_pct`, set, 'safe', null, 'lower')];
    }),
  ];
}

function python() {
  const rows = read('python-functions.jsonl');
  if (rows === null) return [figure('py_pairs_pct', null, '%', 0, 60, 'higher', 'python-functions', 'not measured: ../shared/data is not there')];
  const dedent = (code) => code.replace(new RegExp(`^${/^[ \t]*/.exec(code)?.[0] ?? ''}`, 'gm'), '');
  const marks = rows.map((r) => [flagged('a.py', dedent(r.before)), flagged('a.py', dedent(r.after))]);
  return [
    figure('py_pairs_pct', percent(marks.filter(([b, a]) => b && !a).length, rows.length), '%', rows.length, 60, 'higher', 'flagged before the security commit and clean after it'),
    figure('py_before_pct', percent(marks.filter(([b]) => b).length, rows.length), '%', rows.length, null, 'higher', 'flagged before the security commit'),
    figure('py_after_pct', percent(marks.filter(([, a]) => a).length, rows.length), '%', rows.length, null, 'lower', 'still flagged after it'),
  ];
}

const { values } = parseArgs({ options: { json: { type: 'boolean' }, sample: { type: 'string' }, 'no-verifier': { type: 'boolean' }, 'only-verifier': { type: 'boolean' }, tamper: { type: 'string' }, tampers: { type: 'string' } } });
const number = (text) => (text === undefined ? undefined : Number(text));
report('gate', [
  ...(values['only-verifier'] === true ? [] : [...javascript(), ...python(), ...(await speed())]),
  ...(values['no-verifier'] === true ? [] : await verifier({ sample: number(values.sample), only: values.tamper, tries: number(values.tampers) })),
]);

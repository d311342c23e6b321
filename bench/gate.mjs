// npm run bench:gate [-- --json] [--sample N] [--tampers N] [--tamper WORD] [--no-verifier] [--only-verifier]: how much of known-vulnerable code the scanner's rules flag, how much of its safe counterpart, and
// which patches the gate passes (verifier.mjs; N tasks of each set, or kinds of tampering a task). The sets are other people's (../shared/data, not part of this repository); a set that is
// not there is said to be not measured.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findShapes } from '../dist/scan/shapes.js';
import { figure as take, report, root } from './measure.mjs';
import { verifier } from './verifier.mjs';

const figure = (id, value, unit, n, goal, better, how, why) => take(id, value, unit, { n, goal, better, how, why });
const data = (name) => join(root, '../shared/data/code', name);
const read = (name) => (existsSync(data(name)) ? readFileSync(data(name), 'utf8').trim().split('\n').map((line) => JSON.parse(line)) : null);

/** Rules of the JavaScript set whose class this product's rules are for; the rest of the set is reported beside it. */
const COVERED = new Set(`no-unescaped-url-parameter no-innerhtml no-timing-unsafe-compare no-sql-injection no-math-random-crypto no-insecure-key-derivation
  no-dynamic-command-string check-query-params detect-non-literal-regexp no-insecure-redirects no-static-iv no-cryptojs-weak-random no-toctou-vulnerability
  detect-object-injection no-redos-vulnerable-regex no-unsafe-copy-from no-eval detect-eval-with-expression no-insecure-comparison no-unsafe-deserialization
  no-unsafe-regex-construction no-xpath-injection require-cookie-secure-attrs no-ldap-injection no-missing-authentication no-xxe-injection
  no-privilege-escalation no-permissive-cors no-websocket-eval no-insecure-ssl detect-non-literal-fs-filename no-unsafe-query no-unsafe-dynamic-require
  no-dynamic-dependency-loading require-url-validation no-hardcoded-credentials`.split(/\s+/));

/** True when a rule says something that can stop a change. */
const flagged = (path, code) => {
  const found = findShapes(path, code);
  return found === 'too_deep' ? false : found.length > 0;
};
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
  ...(values['only-verifier'] === true ? [] : [...javascript(), ...python()]),
  ...(values['no-verifier'] === true ? [] : await verifier({ sample: number(values.sample), only: values.tamper, tries: number(values.tampers) })),
]);

import { describe, expect, it } from 'vitest';
import { onceEach, scanFragment } from '../../../src/scan/code.js';
import { analyse, type Analysis } from '../../../src/scan/flow/analyse.js';
import { flowRulesFor } from '../../../src/scan/flow/rules.js';
import { PackageScan } from '../../../src/scan/package-scan.js';

const run = (source: string, mode: 'package' | 'fragment' = 'fragment', path = 'a.js'): Analysis => analyse(path, source, { mode, rules: flowRulesFor(path) });
const told = ({ found }: Pick<Analysis, 'found'>): readonly string[] => found.map((one) => `${one.level ?? ''} ${one.rule} ${one.path}:${one.line}`.trim());
const SHELL = "const { exec } = require('child_process');\n";

describe('values on their way', () => {
  it.each<[string, string, readonly string[]]>([
    ['a reassigned name loses what was shown of it', `${SHELL}function f(x, y) { if (!/^[a-z]+$/.test(x)) return; x = y; exec('ls ' + x); }`, ['js/command-injection a.js:2']],
    ['a guard holds behind it only', `${SHELL}function f(x) { if (/^[a-z]+$/.test(x)) { log(x); } exec('ls ' + x); }`, ['js/command-injection a.js:2']],
    ['a guard on one way out of two does not hold', `${SHELL}function f(x, b) { if (b) { if (!/^[a-z]+$/.test(x)) return; } exec('ls ' + x); }`, ['js/command-injection a.js:2']],
    ['a default in place of what did not match is clean', `${SHELL}function f(x) { if (!/^[a-z]+$/.test(x)) x = 'a'; exec('ls ' + x); }`, []],
    ['a guard in a name', `${SHELL}const OK = new Set(['a']);\nfunction f(x) { const ok = OK.has(x); if (!ok) throw new Error(); exec('ls ' + x); }`, []],
    ['through an object and back', `${SHELL}function f(x) { const o = { a: { b: x } }; const { a: { b } } = o; exec('ls ' + b); }`, ['js/command-injection a.js:2']],
    ['through a list, a map and a join', `${SHELL}function f(xs) { const all = []; for (const x of xs) all.push(x); exec(all.map((x) => '-f ' + x).join(' ')); }`, ['js/command-injection a.js:2']],
    ['through a promise', `${SHELL}async function f(x) { const y = await Promise.resolve(x).then((v) => v.trim()); exec('ls ' + y); }`, ['js/command-injection a.js:2']],
    ['through a class and its constructor', `${SHELL}class A { constructor(dir) { this.dir = dir; } list() { exec('ls ' + this.dir); } }`, ['js/command-injection a.js:2']],
    ['a number is no command', `${SHELL}function f(x) { const n = parseInt(x, 10); exec('kill ' + n); }`, []],
    ['a text that a function of the file makes clean', `${SHELL}const clean = (t) => t.replace(/[^a-z]/g, '');\nfunction f(x) { exec('ls ' + clean(x)); }`, []],
    ['and one that only says so', `${SHELL}const sanitize = (t) => t;\nfunction f(x) { exec('ls ' + sanitize(x)); }`, ['js/command-injection a.js:3']],
    ['a switch over constants', `${SHELL}function f(x) { switch (x) { case 'a': case 'b': exec('ls ' + x); break; default: throw new Error(); } }`, []],
  ])('%s', (_what, source, expected) => {
    expect({ told: told(run(source)), problem: run(source).problem }).toEqual({ told: expected, problem: null });
  });

  it('counts what callers give as a source in a fragment, and as a note in a package', () => {
    const source = `${SHELL}exports.f = (x) => exec('ls ' + x);\nexports.g = (req) => exec('ls ' + req.query.x);\n`;
    expect([told(run(source)), told(run(source, 'package'))]).toEqual([['js/command-injection a.js:2', 'js/command-injection a.js:3'], ['note js/command-injection a.js:2', 'js/command-injection a.js:3']]);
  });
});

describe('files of a package', () => {
  const FILES: Readonly<Record<string, string>> = {
    'src/app.ts': "import { find } from './db.js';\nimport helper from './helper';\nexport const route = (req, res) => { helper(req); res.json(find(req.query.name)); };\n",
    'src/db.ts': "import { pool } from './pool.js';\nexport function find(name: string) { return pool.query('SELECT a FROM b WHERE c = ' + name); }\n",
    'src/pool.ts': "import './app.js';\nimport { Pool } from 'pg';\nexport const pool = new Pool();\n",
    'src/helper/index.js': "const { exec } = require('child_process');\nmodule.exports = (req) => exec('ls ' + req.body.dir);\n",
  };
  const scanAll = (): readonly string[] => {
    const scan = new PackageScan((path) => (Object.hasOwn(FILES, path) ? (FILES[path] as string) : null));
    return told({ found: onceEach(Object.entries(FILES).flatMap(([path, source]) => scan.scan(path, source).found)) });
  };

  it('are followed into each other, cycles and folders too, and each place is told once', () => {
    expect(scanAll()).toEqual(['js/command-injection src/helper/index.js:2', 'js/sql-injection src/db.ts:2']);
  });

  it('give no more than what lies in the package', () => {
    const asked: string[] = [];
    new PackageScan((path) => {
      asked.push(path);
      return null;
    }).scan('src/a.js', "require('../../etc/passwd'); require('/etc/passwd'); require('lodash'); require('./b');");
    expect([asked.every((path) => path.startsWith('src/b')), asked.length > 0]).toEqual([true, true]);
  });
});

describe('a file that is made to be trouble', () => {
  it.each<[string, string]>([
    ['a chain of thousands of operators', `${SHELL}const x = ${Array.from({ length: 4000 }, (_, i) => `a${i}`).join(' || ')}; exec('ls ' + x);`],
    ['nested conditions', `${SHELL}const x = ${'a ? '.repeat(400)}1${' : 2'.repeat(400)};`],
    ['functions that call each other with ever new values', Array.from({ length: 40 }, (_, i) => `function f${i}(x) { f${(i + 1) % 40}(x + ${i}); f${(i + 7) % 40}({ x, y: [x] }); }`).join('\n')],
    ['an object that holds itself', 'let o = {}; for (let i = 0; i < 9; i++) { o.a = o; o.b = { ...o, o }; o = { o, ...o }; } this.x = this; this.y = { ...this };'],
    ['functions in functions', `${'(x) => '.repeat(300)}1`],
    ['names of the language', '__proto__.a = 1; const { __proto__: p, constructor: c } = { __proto__: 1 }; var hasOwnProperty = toString; this.__proto__ = c;'],
  ])('%s ends', (_what, source) => {
    expect(['unreadable', 'too_long', null]).toContain(run(source, 'fragment').problem);
  });

  it('is said to be unread where it is no program, or to be too long', () => {
    expect([run('const = ;').problem, run(`${'for (const a of b) { '.repeat(30)}f(a);${' }'.repeat(30)}`).problem, scanFragment('a.js', 'const = ;').problems]).toEqual(['unreadable', 'too_long', ['unreadable']]);
  });
});

describe('what flow takes away from shapes', () => {
  const rules = (source: string): readonly string[] => scanFragment('a.js', source).found.map((one) => one.rule);

  it('is what every look knew to be harmless, and not what one of them did', () => {
    expect([rules("const DIR = '/srv';\nexec('ls ' + DIR);"), rules("const run = (x) => exec('ls ' + x);\nrun('a');\nrun(other());"), rules("const run = (x) => exec('ls ' + x);\nrun('a');")]).toEqual([[], ['js/command-injection'], []]);
  });

  it('is nothing in a file that was not run to its end', () => {
    const endless = `${'for (const a of b) { '.repeat(30)}f(a);${' }'.repeat(30)}`;
    expect(rules(`const DIR = '/srv';\nexec(\`ls \${dir}\`);\n${endless}`)).toContain('js/command-injection');
    expect(scanFragment('a.js', `const dir = '/srv';\nexec(\`ls \${dir}\`);\n${endless}`)).toMatchObject({ problems: ['too_long'], found: [{ rule: 'js/command-injection' }] });
  });

  it('is no call of a function of the file that does the same inside', () => {
    expect([rules("function exec(text) { return { text }; }\nexec(`a ${other()}`);"), rules("function exec(text) { return require('child_process').execSync(text); }\nexec(`a ${other()}`);")]).toEqual([[], ['js/command-injection']]);
  });
});

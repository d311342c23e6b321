import { describe, expect, it } from 'vitest';
import { buildSarif } from '../../../src/sarif/build.js';
import type { Entry } from '../../../src/sarif/interface/model.js';
import { parseSarif } from '../../../src/sarif/parse.js';
import { interfaceOf } from '../../../src/scan/interface/find.js';

const token = ['gh', 'p_Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0JkQabc'].join('');

function of(files: Readonly<Record<string, string>>, late = false): readonly Entry[] {
  return interfaceOf(new Set(Object.keys(files)), (path) => (Object.hasOwn(files, path) ? (files[path] as string) : null), () => late);
}

/** `name kind parameters`, by entry; what is unclear stands last. */
function shown(files: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(of(files).map((one) => [`${one.entry} = ${one.path}`, [...one.offered.map(({ name, kind, parameters }) => [name, kind, ...(parameters === null ? [] : [parameters])].join(' ')), ...(one.unclear === null ? [] : [`? ${one.unclear}`])]]));
}

/** What an index in this language offers. */
function index(ending: string, text: string, more: Readonly<Record<string, string>> = {}): string[] {
  return Object.values(shown({ 'package.json': '{}', [`index.${ending}`]: text, ...more }))[0] ?? [];
}

describe('the ways into a package of JavaScript', () => {
  it('are those that package.json names, and where a build makes them, their sources', () => {
    const manifest = { main: './dist/index.js', types: 'dist/index.d.ts', bin: { shop: './cli.js' }, exports: { '.': { import: './dist/index.mjs', types: './dist/index.d.ts' }, './sub': './lib/sub.js', './style.css': './style.css', './parts/*': './src/parts/*.js', './gone': './gone.js', './private/*': null } };
    expect(shown({ 'package.json': JSON.stringify(manifest), 'src/index.ts': 'export const a = 1;', 'src/sub.ts': 'export const b = 1;', 'style.css': '', 'src/parts/x.ts': 'export const x = 1;', 'src/parts/x.test.ts': '' })).toEqual({
      'main = src/index.ts': ['a value'], 'types = src/index.ts': ['a value'], 'exports . import = src/index.ts': ['a value'], 'exports . types = src/index.ts': ['a value'], 'exports ./sub = src/sub.ts': ['b value'],
      'exports ./style.css = style.css': [' file'], 'exports ./parts/*: src/parts/x.ts = src/parts/x.ts': ['x value'], 'exports ./gone = package.json': ['? names a file that is not in the tree'], 'bin shop = package.json': [' program'],
    });
  });

  it('are an index at the root or in src where it names none, and there are none without a package.json', () => {
    expect(shown({ 'package.json': '{"main":"dist/a.js"}', 'index.js': 'exports.a = 1;', 'src/index.ts': 'export function b(): void {}' })).toEqual({ 'index = index.js': ['a value'], 'src/index = src/index.ts': ['b function ()'] });
    expect(of({ 'index.js': 'exports.a = 1;' })).toEqual([]);
    expect(of({ 'package.json': '{"private":true}', 'app.js': 'exports.a = 1;' })).toEqual([]);
  });

  it('are those of each package of a tree, but of none in its tests; one that cannot be read is said', () => {
    expect(shown({ 'package.json': '{', 'packages/a/package.json': '{"main":"a.js"}', 'packages/a/a.js': 'exports.a = 1;', 'test/fixture/package.json': '{"main":"b.js"}', 'test/fixture/b.js': '' })).toEqual({ 'package.json = package.json': ['? cannot be read as JSON'], 'packages/a/: main = packages/a/a.js': ['a value'] });
  });
});

describe('what a module of JavaScript offers', () => {
  it('has the names, kinds and parameters of declarations, however they are laid out', () => {
    const text = 'export async function f(a, /* first */ { b, c = \'x  y\' } = {},\n  ...rest,\n) {}\nexport const g = (x) => x, h = async y => y, value = f();\nexport default class Shop extends Base {\n  #hidden() {}\n  _own() {}\n  constructor(name) { super(); }\n  static of(a) {}\n  get size() { return 1; }\n  add(item, n = 1) {}\n  later = (z) => z;\n}\nclass Base { sell(what) {} }\nexport let { p, q: [r] } = value;\n';
    expect(index('js', text)).toEqual([
      'default class (name)', 'default.add function (item, n=1)', 'default.later function (z)', 'default.sell function (what)', 'default.size value', 'default.static of function (a)',
      'f function (a, {b, c=\'x  y\'}={}, ...rest)', 'g function (x)', 'h function (y)', 'p value', 'r value', 'value value',
    ]);
  });

  it('has those of TypeScript: overloads, types, enums, namespaces, and nothing private', () => {
    const text = 'export function f(a: string): string;\nexport function f(a: number, b?: number): number;\nexport interface I { a: string }\nexport type T<A> = A[];\nexport enum E { One, Two = 2 }\nexport abstract class C { constructor(private readonly a: number) {} protected no(): void {} private never(): void {} abstract yes(a: I): void }\nexport namespace N { export function inner(a: T<I>): void {} const own = 1; }\nexport declare const d: (x: number) => string;\n';
    expect(index('ts', text)).toEqual(['C class (private readonly a:number)', 'C.yes function (a:I)', 'E value', 'E.One value', 'E.Two value', 'I type', 'N value', 'N.inner function (a:T<I>)', 'T type', 'd function (x:number)', 'f function (a:string) or (a:number, b?:number)']);
  });

  it('has what it passes on from files of the tree, and names what comes from elsewhere', () => {
    const text = "import helper, { two as second } from './helper.js';\nimport * as all from './deep/index.js';\nexport * from './helper.js';\nexport { one as first } from './helper.js';\nexport * as ns from './deep/index.js';\nexport { helper, second, all };\nexport * from 'left-pad';\nexport { pad } from 'left-pad';\n";
    const more = { 'helper.ts': "export default function (x: number) {}\nexport const one = (a: string) => a;\nexport { two } from './deep';\nexport * from './index.js';\n", 'deep/index.js': 'export function two(b) {}\n' };
    expect(index('js', text, more)).toEqual(['* of left-pad other', 'all value', 'all.two function (b)', 'first function (a:string)', 'helper function (x:number)', 'ns value', 'ns.two function (b)', 'one function (a:string)', 'pad other', 'second function (b)', 'two function (b)']);
  });

  it('has what declarations say of each other', () => {
    expect(index('js', '', { 'package.json': '{"types":"lib/index.d.ts"}', 'lib/index.d.ts': "export * from './a';\nexport { b } from './b.js';\n", 'lib/a.d.ts': 'export declare function a(x: string): void;\n', 'lib/a.js': 'exports.a = 1;', 'lib/b.d.ts': 'export declare const b: number;\n' })).toEqual(['a function (x:string)', 'b value']);
  });

  it('has what CommonJS sets, and what compilers write', () => {
    expect(index('js', "const { b } = require('./b');\nfunction own(x) {}\nmodule.exports = { own, b, c(y) {}, ['d']: 1, [Kind.e]: 2, ...require('./b') };\n", { 'b.js': 'exports.b = function (z) {};\nexports.rest = 1;\n' })).toEqual(['[Kind.e] value', 'b function (z)', 'c function (y)', 'd value', 'own function (x)', 'rest value']);
    expect(index('js', '(function (E) { E.a = 1; })(E || (exports.E = E = {}));\nif (old) exports.f = 1;\n')).toEqual(['E value', 'f value']);
    expect(index('js', 'exports = module.exports = function make(a) {};\nmodule.exports.make = exports.other = (b) => b;\n')).toEqual(['make function (b)', 'module.exports function (a)', 'other function (b)']);
    expect(index('js', '"use strict";\nObject.defineProperty(exports, "__esModule", { value: true });\nexports.a = exports.f = void 0;\n__exportStar(require("./b"), exports);\nfunction f(x) {}\nexports.f = f;\nexports.a = 1;\nObject.defineProperty(exports, "g", { enumerable: true, get: function () { return b.g; } });\n', { 'b.js': 'exports.z = 1;' })).toEqual(['a value', 'f function (x)', 'g value', 'z value']);
    expect(index('cjs', "module.exports = require('./impl');", { 'impl.js': 'class A { m(q) {} }\nmodule.exports = A;\nmodule.exports.B = 1;' })).toEqual(['B value', 'm function (q)', 'module.exports class ()']);
  });

  it('is not clear where only running it tells, or a file is not there', () => {
    const unclear = (text: string): string | undefined => index('js', text).find((one) => one.startsWith('? '));
    expect([
      unclear('if (a) { module.exports = 1; }'), unclear('exports[name] = 1;'), unclear('fill(module.exports);'), unclear("export * from './gone.js';"), unclear('module.exports = { ...made() };'), unclear('(function (factory) { module.exports = factory(); })(f);'),
    ]).toEqual([
      '? index.js line 1 sets its exports where only running it tells what they are', '? index.js line 1 sets its exports where only running it tells what they are', '? index.js line 1 gives its exports to a function', '? index.js passes on ./gone.js, which is not there',
      '? index.js takes over what only running it tells', '? index.js line 1 sets its exports where only running it tells what they are',
    ]);
    expect(of({ 'package.json': '{}', 'index.js': 'exports.a = 1;' }, true).map((one) => one.unclear)).toEqual(['index.js cannot be read as code']);
  });
});

describe('what a package of Python offers', () => {
  it('is what `__all__` lists, wherever it comes from', () => {
    const files = { 'src/shop/__init__.py': "from .cart import Cart, total as sum\nfrom .more import *\nfrom . import tools\n__all__ = ['Cart', 'sum', 'extra', 'tools', 'parts']\n", 'src/shop/cart.py': 'from shop.base import Base\nclass Cart(Base):\n    SIZE = 1\n    def __init__(self, owner, *, limit=3): pass\n    def add(self, item: str = "a b",  # what\n            n=1): pass\n    @property\n    def size(self): return 1\n    @staticmethod\n    def of(a, b): pass\n    def _own(self): pass\ndef total(*items): pass\n', 'src/shop/base.py': 'class Base:\n    def close(self): pass\n', 'src/shop/more.py': 'def extra(a): pass\ndef left(b): pass\n', 'src/shop/tools.py': '', 'src/shop/parts/__init__.py': '' };
    expect(shown(files)).toEqual({ 'module shop = src/shop/__init__.py': ['Cart class (owner, *, limit=3)', 'Cart.SIZE value', 'Cart.add function (item:str="a b", n=1)', 'Cart.close function ()', 'Cart.of function (a, b)', 'Cart.size value', 'extra function (a)', 'parts module', 'sum function (*items)', 'tools module'] });
  });

  it('is what its public modules declare where there is no `__all__`', () => {
    const files = { 'shop/__init__.py': 'import os\nfrom typing import Any\nfrom .cart import total\nVERSION = "1"\n_own = 1\n', 'shop/cart.py': 'from os import path\nfrom .hidden import x\ntry:\n    import fast\nexcept ImportError:\n    def fast(a): pass\nasync def total(items, /, key=None): pass\npick = lambda a, b=1: a\n', 'shop/_private.py': 'a = 1\n', 'tests/__init__.py': 'a = 1\n', 'shop/hidden.py': 'x = 1\n', 'shop/test_cart.py': 'y = 1\n' };
    expect(shown(files)).toEqual({ 'module shop = shop/__init__.py': ['VERSION value', 'total function (items, /, key=None)'], 'module shop.cart = shop/cart.py': ['fast function (a)', 'pick function (a, b=1)', 'total function (items, /, key=None)'], 'module shop.hidden = shop/hidden.py': ['x value'] });
  });

  it('is a module beside the file that packs it, and is not clear where `__all__` is worked out', () => {
    expect(shown({ 'pyproject.toml': '', 'one.py': 'def a(): pass\n__all__ = ["a"] + more\n', 'setup.py': 'b = 1\n' })).toEqual({ 'module one = one.py': ['? one.py line 2 works `__all__` out'] });
    expect(of({ 'script.py': 'def a(): pass\n' })).toEqual([]);
  });
});

describe('entries', () => {
  it('hold no secret, are bounded, and survive the report; another form is refused', () => {
    const [entry] = of({ 'package.json': '{}', 'index.js': `export function f(a = '${token}', b = '${'x'.repeat(2000)}') {}\n` });
    expect(JSON.stringify(entry)).not.toContain(token);
    expect(entry?.offered[0]?.parameters).toMatch(/^\(a='.*… [0-9a-f]{16}$/);
    const log = JSON.stringify(buildSarif({ tool: { name: 't', version: '1' }, rules: [], results: [], notices: [], entries: [entry as Entry] }));
    expect(parseSarif(log).entries).toEqual([entry]);
    expect(() => parseSarif(log.replace('"kind":"function"', '"kind":"fine"'))).toThrowError('The scanner\'s report tells what a package offers in another form: offered.0.kind.');
    const many = of({ 'package.json': '{}', 'index.js': Array.from({ length: 3100 }, (_, i) => `export const a${i} = 1;`).join('\n') });
    expect(many.map((one) => [one.offered.length < 3000, one.unclear])).toEqual([[true, 'index.js line 1502 holds more names than are compared']]);
  });

  it('end where files pass each other on for ever, or in every way', () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}.js`, `export * from './m${i + 1}.js';\nexport * from './n${i + 1}.js';\n`]).concat(Array.from({ length: 30 }, (_, i) => [`n${i}.js`, `export * from './m${i + 1}.js';\nexport * from './n${i + 1}.js';\nexport { a } from './n${(i + 7) % 30}.js';`])));
    expect(of({ 'package.json': '{"main":"m0.js"}', ...files })[0]?.unclear).not.toBe(null);
    expect(index('js', "export { a } from './index.js';\nexport { b as c, c as b } from './index.js';\n")).toContain('a value');
  });
});

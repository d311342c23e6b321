import { describe, expect, it } from 'vitest';
import { mergeLockfile, pruneLockfile } from '../../../src/setup/upgrade/lockfile-diff.js';

const INSIDE = 'http://127.0.0.1:4873';
const OLD_HOST = 'https://registry.example.com/npm';
type Entry = Record<string, unknown>;
const entry = (name: string, version: string, more: Entry = {}): Entry => ({ version, integrity: `sha512-${name}${version}`, ...more });
const from = (host: string, name: string, version: string, more: Entry = {}): Entry => ({ version, resolved: `${host}/${name}/-/${name.split('/').at(-1)}-${version}.tgz`, integrity: `sha512-${name}${version}`, ...more });
const lock = (packages: Record<string, Entry>, more: Entry = {}): Entry => ({ name: 'p', version: '1.0.0', lockfileVersion: 3, requires: true, packages, ...more });
const text = (value: unknown, indent: string | number = 2, end = '\n'): string => JSON.stringify(value, null, indent) + end;
const merge = (before: string, made: unknown, edits: Parameters<typeof mergeLockfile>[2]['edits'] = []): string => mergeLockfile(before, typeof made === 'string' ? made : JSON.stringify(made), { edits, insideUrl: INSIDE });
const root = { name: 'p', version: '1.0.0', dependencies: { a: '^1.0.0', b: '1' } };

describe('a lockfile that npm made, merged with the old one', () => {
  it('differs in the entries that changed, and in nothing else', () => {
    const before = text(lock({ '': root, 'node_modules/a': { license: 'MIT', integrity: 'sha512-a1.0.0', version: '1.0.0' }, 'node_modules/b': { odd: true, ...entry('b', '1.0.0'), dependencies: {} } }, { extra: [1] }));
    const made = lock({ '': { name: 'other', version: '9', license: 'X', dependencies: { a: '^1.0.5', b: '1' } }, 'node_modules/a': from(INSIDE, 'a', '1.0.5', { license: 'MIT' }), 'node_modules/b': from(INSIDE, 'b', '1.0.0', { license: 'ISC' }) }, { version: '9' });
    expect(merge(before, made, [{ kind: 'range', group: 'dependencies', name: 'a', range: '^1.0.5' }])).toBe(
      before.replace('"a": "^1.0.0"', '"a": "^1.0.5"').replace('      "license": "MIT",\n      "integrity": "sha512-a1.0.0",\n      "version": "1.0.0"\n', '      "version": "1.0.5",\n      "integrity": "sha512-a1.0.5",\n      "license": "MIT"\n'));
  });

  it.each<[string, string | number, string, string]>([['four blanks', 4, '\n', '\n'], ['tabs, no newline at the end', '\t', '', '\n'], ['CRLF', 2, '\r\n', '\r\n'], ['one line', 0, '', '\n']])('keeps %s', (_, indent, end, eol) => {
    const packages = { '': root, 'node_modules/a': entry('a', '1.0.0'), 'node_modules/b': entry('b', '1.0.0') };
    const form = (value: unknown): string => text(value, indent, '').replaceAll('\n', eol) + end;
    expect(merge(form(lock(packages)), lock({ ...packages, 'node_modules/a': entry('a', '1.0.5') }))).toBe(form(lock({ ...packages, 'node_modules/a': entry('a', '1.0.5') })));
  });

  it('leaves everything when nothing changed, however it was written', () => {
    const before = '{ "lockfileVersion":3,\n"packages":{"":{},   "node_modules/a":{"version":"1.0.0" , "integrity":"sha512-a1.0.0"}\n}}';
    expect(merge(before, lock({ '': {}, 'node_modules/a': from(INSIDE, 'a', '1.0.0') }))).toBe(before);
  });

  it('takes out what is gone and puts in what is new, in its place', () => {
    const before = text(lock({ '': root, 'node_modules/z': entry('z', '1.0.0'), 'node_modules/a': entry('a', '1.0.0'), 'node_modules/a/node_modules/x': entry('x', '1.0.0'), 'node_modules/c': entry('c', '1.0.0') }));
    const made = lock({ '': root, 'node_modules/0': entry('0', '1.0.0'), 'node_modules/a': entry('a', '1.0.5'), 'node_modules/b': entry('b', '1.0.0'), 'node_modules/c': entry('c', '1.0.0'), 'node_modules/d': entry('d', '1.0.0'), 'node_modules/z': entry('z', '1.0.0') });
    expect(merge(before, made)).toBe(text(lock({ '': root, 'node_modules/0': entry('0', '1.0.0'), 'node_modules/z': entry('z', '1.0.0'), 'node_modules/a': entry('a', '1.0.5'), 'node_modules/b': entry('b', '1.0.0'), 'node_modules/c': entry('c', '1.0.0'), 'node_modules/d': entry('d', '1.0.0') })));
  });

  it('carries the text of what only moved along', () => {
    const before = text(lock({ '': root, 'node_modules/a': entry('a', '1.0.0'), 'node_modules/b/node_modules/a': { zz: 1, ...from(OLD_HOST, 'a', '2.0.0') } }));
    const after = JSON.parse(merge(before, lock({ '': root, 'node_modules/a': from(INSIDE, 'a', '2.0.0') })));
    expect(Object.entries(after.packages['node_modules/a'])).toEqual([['zz', 1], ...Object.entries(from(OLD_HOST, 'a', '2.0.0'))]);
  });

  it('takes flags away that would leave a package out, and adds none', () => {
    const before = text(lock({ '': root, 'node_modules/a': entry('a', '1.0.0', { dev: true, license: 'MIT' }), 'node_modules/b': entry('b', '1.0.0', { optional: true }), 'node_modules/c': entry('c', '1.0.0') }));
    const made = lock({ '': root, 'node_modules/a': entry('a', '1.0.0', { license: 'MIT' }), 'node_modules/b': entry('b', '1.0.0', { optional: true }), 'node_modules/c': entry('c', '1.0.0', { dev: true, peer: true }) });
    expect(merge(before, made)).toBe(before.replace('      "dev": true,\n', ''));
  });

  it('names addresses as the old one did', () => {
    const resolved = (old: Record<string, Entry>, path = 'node_modules/a', made = from(INSIDE, 'a', '1.0.5')): unknown => JSON.parse(merge(text(lock({ '': root, ...old })), lock({ '': root, ...old, [path]: made }))).packages[path].resolved;
    expect(resolved({ 'node_modules/a': from(OLD_HOST, 'a', '1.0.0'), 'node_modules/b': from('https://two.example.com', 'b', '1.0.0'), 'node_modules/c': from('https://two.example.com', 'c', '1.0.0') })).toBe(`${OLD_HOST}/a/-/a-1.0.5.tgz`);
    expect(resolved({ 'node_modules/x': from(OLD_HOST, 'x', '1.0.0'), 'node_modules/b': from('https://two.example.com', 'b', '1.0.0'), 'node_modules/c': from('https://two.example.com', 'c', '1.0.0') })).toBe('https://two.example.com/a/-/a-1.0.5.tgz');
    expect(resolved({ 'node_modules/@s/a': from(OLD_HOST, '@s/a', '1.0.0') }, 'node_modules/@s/a', from(INSIDE, '@s/a', '1.0.5'))).toBe(`${OLD_HOST}/@s/a/-/a-1.0.5.tgz`);
    expect(resolved({ 'node_modules/b': from(OLD_HOST, 'b', '1.0.0') }, 'node_modules/a', entry('a', '1.0.5'))).toBe(`${OLD_HOST}/a/-/a-1.0.5.tgz`);
    expect(resolved({ 'node_modules/al': from(OLD_HOST, 'real', '1.0.0', { name: 'real' }) }, 'node_modules/al', from(INSIDE, 'real', '1.0.5', { name: 'real' }))).toBe(`${OLD_HOST}/real/-/real-1.0.5.tgz`);
    expect(resolved({ 'node_modules/a': entry('a', '1.0.0') })).toBeUndefined();
    expect(resolved({ 'node_modules/a': entry('a', '1.0.0', { resolved: 'https://cdn.example.com/blob/123' }) })).toBeUndefined();
  });

  it('has the older form of the same beside it in version 2', () => {
    const v2 = (packages: Record<string, Entry>, dependencies: Record<string, Entry>): Entry => lock(packages, { lockfileVersion: 2, dependencies });
    const was = { b: { ...from(OLD_HOST, 'b', '1.0.0'), odd: 1 }, a: from(OLD_HOST, 'a', '1.0.0'), c: { ...from(OLD_HOST, 'c', '1.0.0'), dependencies: { a: from(OLD_HOST, 'a', '0.1.0') } } };
    const before = text(v2({ '': root, 'node_modules/a': from(OLD_HOST, 'a', '1.0.0') }, was));
    const made = v2({ '': root, 'node_modules/a': from(INSIDE, 'a', '1.0.5') }, { a: from(INSIDE, 'a', '1.0.5', { requires: {} }), b: from(INSIDE, 'b', '1.0.0'), c: { ...from(INSIDE, 'c', '1.0.0'), dependencies: { a: from(INSIDE, 'a', '0.1.1') } } });
    expect(merge(before, made)).toBe(text(v2({ '': root, 'node_modules/a': from(OLD_HOST, 'a', '1.0.5') }, {
      a: from(OLD_HOST, 'a', '1.0.5', { requires: {} }), b: was.b, c: { ...from(OLD_HOST, 'c', '1.0.0'), dependencies: { a: from(OLD_HOST, 'a', '0.1.1') } },
    })));
  });

  it('leaves no address of the sandbox in it', () => {
    expect(() => merge(text(lock({ '': root })), lock({ '': root, 'node_modules/a': entry('a', '1.0.0', { funding: `${INSIDE}/x` }) }))).toThrow(expect.objectContaining({ code: 'setup.fetch_failed', message: expect.stringContaining('address') }));
  });

  it.each<[string, unknown]>([['nothing', ''], ['no JSON', '{'], ['a list', []], ['version 1', { lockfileVersion: 1, packages: {} }], ['no packages', { lockfileVersion: 3 }], ['entries that are texts', { lockfileVersion: 3, packages: { 'node_modules/a': 'x' } }]])('is refused when it is %s', (_, made) => {
    expect(() => merge(text(lock({ '': root })), made)).toThrow(expect.objectContaining({ code: 'setup.fetch_failed' }));
  });

  it('takes names of prototypes for what they are', () => {
    const before = text(lock({ '': root, 'node_modules/constructor': entry('constructor', '1.0.0') }));
    const made = `{"lockfileVersion":3,"packages":{"":{},"node_modules/constructor":${JSON.stringify(entry('constructor', '1.0.1'))},"node_modules/toString":${JSON.stringify(entry('toString', '1.0.0'))},"__proto__":{"version":"6.6.6"}}}`;
    expect(merge(before, made)).toBe(text(lock({ '': root, 'node_modules/constructor': entry('constructor', '1.0.1'), 'node_modules/toString': entry('toString', '1.0.0') })));
    expect(({} as Entry)['version']).toBeUndefined();
  });

  it('is made in good time when it is large', () => {
    const packages: Record<string, Entry> = { '': root };
    for (let i = 0; i < 10_000; i++) packages[`node_modules/p${i}`] = from(OLD_HOST, `p${i}`, '1.0.0', { dependencies: { [`p${i + 1}`]: '1' } });
    const after = { ...packages, 'node_modules/p5000': from(OLD_HOST, 'p5000', '1.0.1') };
    expect(merge(text(lock(packages)), lock(after))).toBe(text(lock(after)));
  });
});

describe('the lockfile that npm gets', () => {
  it('lacks what is replaced, with what lies below it, and the older form', () => {
    const before = text(lock({ '': root, 'node_modules/a': entry('a', '1.0.0'), 'node_modules/a/node_modules/x': entry('x', '1.0.0'), 'node_modules/ab': entry('ab', '1.0.0') }, { lockfileVersion: 2, dependencies: { a: {} } }));
    expect(JSON.parse(pruneLockfile(before, (path) => path === 'node_modules/a'))).toEqual({ name: 'p', version: '1.0.0', lockfileVersion: 2, requires: true, packages: { '': root, 'node_modules/ab': entry('ab', '1.0.0') } });
  });
});

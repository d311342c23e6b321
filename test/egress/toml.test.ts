import { describe, expect, it } from 'vitest';
import { parseToml } from '../../src/egress/toml.js';

const plain = (text: string): unknown => JSON.parse(JSON.stringify(parseToml(text)));

describe('TOML', () => {
  it('is read in all its forms', () => {
    expect(plain(`# a comment
title = "a \\"b\\" \\u00e9" # and another
literal = 'C:\\path'
long = """
one
two \\
   three"""
raw = '''
it''s'''
"quoted key".'and' . bare = 1_000
numbers = [ -1, 3.5e3, 0xff, true,
  # between
  1979-05-27T07:32:00Z, 07:32:00, ]
inline = { a.b = "c", list = [ { x = 1 }, { x = 2 } ] }
[table.below]
a = 1
[table]
b = 2
[[list]]
name = "one"
[list.more]
c = 3
[[list.files]]
f = "x"
[[list]]
name = "two"\r
`)).toEqual({
      title: 'a "b" é', literal: 'C:\\path', long: 'one\ntwo three', raw: "it''s", 'quoted key': { and: { bare: 1000 } }, numbers: [-1, 3500, 255, true, '1979-05-27T07:32:00Z', '07:32:00'],
      inline: { a: { b: 'c' }, list: [{ x: 1 }, { x: 2 }] }, table: { below: { a: 1 }, b: 2 }, list: [{ name: 'one', more: { c: 3 }, files: [{ f: 'x' }] }, { name: 'two' }],
    });
  });

  it('cannot reach what all objects have', () => {
    const read = parseToml('[__proto__]\npolluted = 1\n[constructor.prototype]\npolluted = 1\n');
    expect([Object.keys(read), ({} as Record<string, unknown>)['polluted'], Object.getPrototypeOf(read)]).toEqual([['__proto__', 'constructor'], undefined, null]);
  });

  it.each([
    'a = 1\na = 2', '[a]\n[a]', 'a = { b = 1 }\n[a.c]', 'a = [1]\n[[a]]', 'a = 1\n[a]', 'a', 'a =', 'a = "x', 'a = [1', 'a = { b = 1', '[a', 'a = "\\x"', 'a = 1 b = 2', 'a = what', '= 1', 'a = "\\uD83D\\uZZZZ"', `a = ${'['.repeat(100)}`,
  ])('%j is refused with its line', (text) => {
    expect(() => parseToml(`\n${text}`)).toThrow(/^line \d+: /);
  });
});

import { expect, it } from 'vitest';
import { fitsGlob } from '../../src/protocol/glob.js';

it.each<[string, readonly string[], readonly string[]]>([
  ['test/security/*.js', ['test/security/a.js', 'test/security/.js'], ['test/security/a/b.js', 'x/test/security/a.js', 'test/security/a.jsx']],
  ['**/abuse/**', ['abuse/a', 'x/abuse/a/b', 'abuse'], ['x/abuses/a']],
  ['test/**/guard.test.ts', ['test/guard.test.ts', 'test/a/b/guard.test.ts'], ['guard.test.ts', 'test/guard.test.tsx']],
  ['*_abuse_test.py', ['a_abuse_test.py', 'x/y/a_abuse_test.py'], ['a_abuse_test.pyc']],
  ['test/?.js', ['test/a.js'], ['test/ab.js', 'test/.js']],
  ['./test/a.js', ['test/a.js'], ['a.js']],
  ['**', ['a', 'a/b/c'], []],
  ['a[b].js', ['a[b].js'], ['ab.js']],
  ['(x+)+$', ['(x+)+$'], ['xxxx']],
])('%s', (pattern, fit, unfit) => {
  expect({ fit: fit.filter((p) => fitsGlob(pattern, p)), unfit: unfit.filter((p) => fitsGlob(pattern, p)) }).toEqual({ fit, unfit: [] });
});

it('answers a hostile path at once', () => {
  expect(fitsGlob(`${'*a'.repeat(140)}b`, 'a'.repeat(4000))).toBe(false);
  expect(fitsGlob(`${'**/a/'.repeat(50)}b`, 'a/'.repeat(2000))).toBe(false);
});

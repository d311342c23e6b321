import { describe, expect, it } from 'vitest';
import { parseGoMod, parseGoSum, wantedModules } from '../../../src/egress/locks/go-mod.js';

const H = `h1:${'A'.repeat(43)}=`;
const OTHER = `h1:${'B'.repeat(43)}=`;

describe('go.sum', () => {
  it('has a digest of the files and one of go.mod alone', () => {
    expect(parseGoSum(`example.com/A v1.0.0 ${H}\r\nexample.com/A v1.0.0/go.mod ${OTHER}\n\nexample.com/A v1.0.0 h2:new\nexample.com/A v1.0.0 ${H}\n`)).toEqual({ zips: new Map([['example.com/A@v1.0.0', H]]), mods: new Map([['example.com/A@v1.0.0', OTHER]]) });
  });

  it.each([
    ['example.com/a v1.0.0', 'line 1 is not a module with its version and digest'], [`example.com/a v1.0.0 ${H} more`, 'line 1 is not'], [`example.com/a 1.0.0 ${H}`, 'line 1 is not'], [`a v1.0.0 ${H}`, 'line 1 is not'],
    [`example.com/../a v1.0.0 ${H}`, 'line 1 is not'], [`\n-x.y v1.0.0 ${H}`, 'line 2 is not'], ['example.com/a v1.0.0 h1:short=', 'line 1 has a digest that is none'], [`example.com/a v1.0.0 ${H}\nexample.com/a v1.0.0 ${OTHER}`, 'two digests of example.com/a@v1.0.0'],
  ])('is refused as %j', (text, why) => {
    expect(() => parseGoSum(text)).toThrow(why);
  });
});

describe('go.mod', () => {
  it('names modules in lines and blocks, with comments, quotes and replacements', () => {
    expect(parseGoMod(`module "example.com/p" // of ours
go 1.21.3
toolchain go1.22.0
require example.com/a v1.0.0
require ( // more
\texample.com/b v0.1.0 // indirect
\t"example.com/c" v2.0.0+incompatible
)
exclude example.com/a v0.9.0
retract [v1.0.0, v1.1.0]
replace (
\texample.com/a => ./a
\texample.com/b v0.1.0 => example.com/fork/b v0.1.1
)
`)).toEqual({
      minor: 21, requires: [{ path: 'example.com/a', version: 'v1.0.0' }, { path: 'example.com/b', version: 'v0.1.0' }, { path: 'example.com/c', version: 'v2.0.0+incompatible' }],
      replaces: [{ path: 'example.com/a', version: null, by: null }, { path: 'example.com/b', version: 'v0.1.0', by: { path: 'example.com/fork/b', version: 'v0.1.1' } }],
    });
  });

  it.each([
    ['require example.com/a', 'line 1 is not a module with an exact version'], ['require example.com/a main', 'line 1 is not a module'], ['require (\nexample.com/a v1.0.0\n', '"require (" is not closed'], ['require "example.com/a v1.0.0', 'line 1 is not of quoted and plain words'],
    ['go one', 'line 1 is not a version of the language'], ['replace example.com/a', 'line 1 is not a replacement'], ['replace example.com/a => b', 'line 1 is not a replacement'], ['replace example.com/a => example.com/b main', 'line 1 is not a replacement'],
    ['replace example.com/a => ../a', 'which is outside of the tree'], ['replace example.com/a => /etc', 'which is outside of the tree'], ['replace example.com/a => ./b/../../c', 'which is outside of the tree'],
  ])('is refused as %j', (text, why) => {
    expect(() => parseGoMod(text)).toThrow(why);
  });

  it('wants what is built and what go.sum does not know, and for old ones all of go.sum', () => {
    const mod = 'require (\nexample.com/a v1.0.0\nexample.com/b v1.0.0\nexample.com/c v1.0.0\nexample.com/d v1.0.0\nexample.com/e v1.0.0\n)\nreplace example.com/d => ./d\nreplace example.com/e => example.com/f v3.0.0\n';
    const sums = parseGoSum(`example.com/a v1.0.0 ${H}\nexample.com/b v1.0.0/go.mod ${H}\nexample.com/old v1.0.0 ${H}\nexample.com/f v3.0.0 ${H}\n`);
    const names = (go: string): string[] => wantedModules(parseGoMod(`go ${go}\n${mod}`), sums).map((m) => `${m.path}@${m.version}`);
    expect([names('1.17'), names('1.16')]).toEqual([['example.com/a@v1.0.0', 'example.com/c@v1.0.0', 'example.com/f@v3.0.0'], ['example.com/a@v1.0.0', 'example.com/c@v1.0.0', 'example.com/f@v3.0.0', 'example.com/old@v1.0.0']]);
  });
});

import { describe, expect, it } from 'vitest';
import { modHash, zipHash } from '../../src/egress/go-hash.js';
import { goFront, parseGoTarget } from '../../src/egress/go-front.js';
import { strToU8, zipSync } from 'fflate';

const [MOD, ZIP] = ['h1:NeOsx/KTizj35klXP3wYh3O0751aAtYrRoX+a6YAye8=', 'h1:fYA6qb0OitN9a9h+A1gHOJzSAbrrzMtHIPBSMeEUDlo='];
const module = { path: 'example.com/BurntSushi/toml', version: 'v1.2.3-RC1+incompatible' };

describe('targets of a module proxy', () => {
  it.each([
    ['/example.com/!burnt!sushi/toml/@v/v1.2.3-!r!c1+incompatible.zip', { kind: 'zip', module }],
    ['/example.com/%21burnt%21sushi/toml/@v/v1.2.3-%21r%21c1%2Bincompatible.info', { kind: 'info', module }],
    ['/example.com/a/@v/v1.0.0.mod', { kind: 'mod', module: { path: 'example.com/a', version: 'v1.0.0' } }],
    ['/example.com/a/@v/list', { kind: 'choice', path: 'example.com/a' }],
    ['/example.com/a/@latest', { kind: 'choice', path: 'example.com/a' }],
    ['/example.com/a/@v/main.info', { kind: 'choice', path: 'example.com/a' }],
    ['/example.com/A/@v/v1.0.0.mod', null], ['/example.com/!A/@v/v1.0.0.mod', null], ['/example.com/a!/@v/v1.0.0.mod', null],
    ['/example.com/../a/@v/v1.0.0.mod', null], ['/example.com/%2e%2e/a/@v/v1.0.0.mod', null], ['/example.com//a/@v/v1.0.0.mod', null], ['/plain/@v/v1.0.0.mod', null],
    ['/example.com/a/@v/v1.0.0.ziphash', null], ['/example.com/a/@v/', null], ['/example.com/a/@v/v1.0.0.mod?x=1', null], ['/example.com/a/@v/v1.0.0.mod%', null], ['/sumdb/sum.example/supported', null], ['/', null],
  ])('reads %s', (target, expected) => {
    expect(parseGoTarget(target)).toEqual(expected);
  });
});

describe('what is kept from a proxy', () => {
  const front = (withheld: readonly string[]) => goFront({ registry: { url: 'http://127.0.0.1:9', authorization: null, withheld }, sums: { zips: new Map([['git.example/team/a@v1.0.0', 'h1:x']]), mods: new Map() } });
  it.each([['git.example', 'private-module'], ['*.example/team', 'private-module'], ['git.example/te?m/a', 'private-module'], ['git.example/te', 'lockfile'], ['git.example/team/a/b', 'lockfile'], ['git-example', 'lockfile'], ['', 'lockfile']])('knows the pattern "%s"', (pattern, rule) => {
    expect(front([pattern]).ask('/git.example/team/a/@v/v1.0.0.zip', '')?.verdict).toEqual({ allow: rule === 'lockfile', rule });
  });
});

describe('digests of modules', () => {
  it('are those that sha256sum gives of the sorted list', () => {
    expect([modHash(strToU8('module example.com/a\n')), zipHash(zipSync({ 'a@v1/b': strToU8('two\n'), 'a@v1/a': strToU8('one\n') }))]).toEqual([MOD, ZIP]);
  });

  it('are not taken of an archive that is cut off, that says a name twice, or that is none', () => {
    const zip = zipSync({ 'a@v1/a': strToU8('one\n'), 'a@v1/b': strToU8('two\n') }, { level: 0 });
    const twice = Buffer.from(zip);
    for (let at = twice.indexOf('a@v1/b'); at !== -1; at = twice.indexOf('a@v1/b')) twice.write('a@v1/a', at);
    expect([zipHash(zip.subarray(0, zip.length - 30)), zipHash(twice), zipHash(strToU8('x')), zipHash(zipSync({ 'a\nb': strToU8('x') }))]).toEqual([null, null, null, null]);
  });
});

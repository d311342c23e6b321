import { describe, expect, it } from 'vitest';
import { parseLockfile } from '../../src/egress/lockfile.js';
import { integrityHolds } from '../../src/egress/integrity.js';
import { parseTarget } from '../../src/egress/npm-front.js';
import { createHash } from 'node:crypto';

const SHA = 'sha512-AAAA';
const lock = (packages: Record<string, unknown>, lockfileVersion = 3): string => JSON.stringify({ lockfileVersion, packages });

describe('package-lock.json', () => {
  it('gives name, version and integrity of what must be fetched, and of nothing else', () => {
    expect(parseLockfile(lock({
      '': { name: 'project', version: '1.0.0' },
      'packages/own': { version: '1.0.0' },
      'node_modules/own': { resolved: 'packages/own', link: true },
      'node_modules/a': { version: '1.0.0', integrity: SHA },
      'node_modules/@s/b': { version: '2.0.0-rc.1+build', resolved: 'https://example.com/x.tgz', integrity: SHA },
      'node_modules/a/node_modules/c': { version: '3.0.0', integrity: 'sha1-x sha512-BBBB' },
      'node_modules/a/node_modules/inside': { version: '1.0.0', inBundle: true },
      'node_modules/alias': { name: 'real', version: '4.0.0', integrity: SHA },
      'packages/own/node_modules/d': { version: '5.0.0', integrity: SHA, optional: true, os: ['win32'] },
    }))).toEqual([
      { name: 'a', version: '1.0.0', integrity: SHA }, { name: '@s/b', version: '2.0.0-rc.1+build', integrity: SHA }, { name: 'c', version: '3.0.0', integrity: 'sha1-x sha512-BBBB' },
      { name: 'real', version: '4.0.0', integrity: SHA }, { name: 'd', version: '5.0.0', integrity: SHA },
    ]);
  });

  it.each<[string, string]>([
    ['not JSON', '{'],
    ['null', 'null'],
    ['version 1', JSON.stringify({ lockfileVersion: 1, dependencies: { a: { version: '1.0.0', integrity: SHA } } })],
    ['packages that is a list', JSON.stringify({ lockfileVersion: 3, packages: [] })],
    ['an entry that is no object', lock({ 'node_modules/a': 'x' })],
    ['git', lock({ 'node_modules/a': { version: '1.0.0', resolved: 'git+ssh://git@example.com/x.git#abc', integrity: SHA } })],
    ['a local tarball', lock({ 'node_modules/a': { version: '1.0.0', resolved: 'file:../x.tgz', integrity: SHA } })],
    ['no integrity', lock({ 'node_modules/a': { version: '1.0.0' } })],
    ['md5 alone', lock({ 'node_modules/a': { version: '1.0.0', integrity: 'md5-AAAA' } })],
    ['no version', lock({ 'node_modules/a': { integrity: SHA } })],
    ['a version that is a URL', lock({ 'node_modules/a': { version: 'https://example.com', integrity: SHA } })],
    ['a version with a path', lock({ 'node_modules/a': { version: '1.0.0/../../x', integrity: SHA } })],
    ['the name __proto__', '{"lockfileVersion":3,"packages":{"node_modules/__proto__":{"version":"1.0.0","integrity":"sha512-AAAA"}}}'],
    ['the alias ../x', lock({ 'node_modules/a': { name: '../x', version: '1.0.0', integrity: SHA } })],
    ['a name with a newline', lock({ 'node_modules/a\nb': { version: '1.0.0', integrity: SHA } })],
    ['the folder alone', lock({ 'node_modules/': { version: '1.0.0', integrity: SHA } })],
  ])('is refused with a clear error: %s', (_, text) => {
    expect(() => parseLockfile(text)).toThrow(expect.objectContaining({ code: 'setup.fetch_failed' }));
  });
});

describe('what the client asks for', () => {
  it.each<[string, ReturnType<typeof parseTarget>]>([
    ['/a', { kind: 'metadata', name: 'a' }],
    ['/@s%2fb', { kind: 'metadata', name: '@s/b' }],
    ['/@s%2Fb', { kind: 'metadata', name: '@s/b' }],
    ['/@s/b', { kind: 'metadata', name: '@s/b' }],
    ['/a/-/a-1.0.0.tgz', { kind: 'tarball', name: 'a', version: '1.0.0' }],
    ['/@s/b/-/b-2.0.0-rc.1.tgz', { kind: 'tarball', name: '@s/b', version: '2.0.0-rc.1' }],
    ['/@s%2fb/-/b-2.0.0%2bx.tgz', { kind: 'tarball', name: '@s/b', version: '2.0.0+x' }],
    ['/a/-/b-1.0.0.tgz', null],
    ['/@s/b/-/@s/b-1.0.0.tgz', null],
    ['/a?x=1', null], ['/a#x', null], ['/', null], ['', null], ['//a', null], ['/%', null], ['/a%00', null], ['/a%0a', null], ['/.a', null], ['/_a', null],
    ['/..', null], ['/%2e%2e', null], ['/a/../b', null], ['/a%2f..%2fb', null], ['/%252e%252e', null], ['/a\\b', null], ['/a%5cb', null],
    ['/-/v1/search', null], ['/-/npm/v1/security/advisories/bulk', null], ['/a/1.0.0', null], ['/@s', null], ['http://example.com/a', null],
  ])('%j', (target, expected) => {
    expect(parseTarget(target)).toEqual(expected);
  });
});

describe('integrity', () => {
  const body = Buffer.from('body');
  const digest = (kind: string, of: Buffer = body): string => `${kind}-${createHash(kind).update(of).digest('base64')}`;
  const other = Buffer.from('other');
  it.each<[string, string, boolean]>([
    ['the digest', digest('sha512'), true],
    ['weaker but strong enough', digest('sha256'), true],
    ['with options', `${digest('sha512')}?x`, true],
    ['one of two of the same strength', `${digest('sha512', other)} ${digest('sha512')}`, true],
    ['another', digest('sha512', other), false],
    ['the strongest is wrong and a weaker one right', `${digest('sha256')} ${digest('sha512', other)}`, false],
    ['sha1 where there is nothing stronger', digest('sha1'), true],
    ['another sha1', digest('sha1', other), false],
    ['md5', digest('md5'), false],
    ['sha1 beside a wrong one', `${digest('sha1')} ${digest('sha384', other)}`, false],
    ['empty', '', false],
    ['cut', digest('sha512').slice(0, -10), false],
    ['garbage', 'sha512', false],
  ])('%s', (_, integrity, holds) => {
    expect(integrityHolds(body, integrity)).toBe(holds);
  });
});

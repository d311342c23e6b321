import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { cargoFront, parseCargoTarget } from '../../src/egress/cargo-front.js';
import type { Asking } from '../../src/egress/front.js';

const BODY = Buffer.from('a crate');
const SUM = createHash('sha256').update(BODY).digest('hex');
const LOCKED = [{ name: 'Serde_x', version: '1.0.0', checksum: SUM }];
const asking: Asking = { signal: new AbortController().signal, vetting: { needsTime: false, admit: () => null, keptOut: () => null }, reach: async () => '192.0.2.1', learn: async () => undefined };

/** A front whose registry answers with these; what was asked is noted with its credential. */
function front(answers: Readonly<Record<string, string | Buffer>>) {
  const asked: string[] = [];
  const made = cargoFront({
    registry: { url: 'https://crates.example/index', authorization: 'a-secret-token' }, locked: LOCKED, insideUrl: 'http://127.0.0.1:1/cargo', pauses: [],
    fetch: async (url, init) => {
      asked.push(`${String(url)} ${new Headers(init?.headers).get('authorization')}`);
      const body = answers[String(url)];
      return new Response(body === undefined ? null : new Uint8Array(Buffer.from(body)), { status: body === undefined ? 404 : 200 });
    },
  });
  return { asked, get: async (target: string) => (await made.ask(target, '')?.answer(asking))?.body.toString() };
}
const config = (dl: string): Record<string, string> => ({ 'https://crates.example/index/config.json': JSON.stringify({ dl, api: 'https://crates.example', 'auth-required': true }) });

describe('targets of a sparse registry', () => {
  it.each([
    ['/config.json', { kind: 'config' }], ['/1/a', { kind: 'index', name: 'a' }], ['/2/ab', { kind: 'index', name: 'ab' }], ['/3/a/abc', { kind: 'index', name: 'abc' }], ['/ab/cd/abcd', { kind: 'index', name: 'abcd' }], ['/se/rd/serde_x', { kind: 'index', name: 'serde_x' }],
    ['/dl/Serde_x/1.0.0+b/download', { kind: 'crate', name: 'Serde_x', version: '1.0.0+b' }], ['/dl/a/1.0.0%2Bb/download', { kind: 'crate', name: 'a', version: '1.0.0+b' }],
    ['/ab/cd/abce/../abcd', null], ['/xx/cd/abcd', null], ['/Ab/cd/Abcd', null], ['/abcd', null], ['/dl/a/1.0/download', null], ['/dl/../1.0.0/download', null], ['/dl/a/1.0.0/download?x', null], ['/dl/a/1.0.0', null], ['/me', null], ['/api/v1/crates', null], ['/', null],
  ])('reads %s', (target, expected) => {
    expect(parseCargoTarget(target)).toEqual(expected);
  });
});

describe('a registry of crates', () => {
  it('shows locked versions with the digest of the lockfile, and no other line', async () => {
    const line = (vers: string, cksum: string, name = 'Serde_x'): string => JSON.stringify({ name, vers, cksum, deps: [], features: {}, yanked: false, v: 2 });
    const good = line('1.0.0', SUM);
    const { get } = front({ 'https://crates.example/index/se/rd/serde_x': ['not json', '', '[]', line('1.0.0', '0'.repeat(64)), line('0.9.0', SUM), line('1.0.0', SUM, 'other'), '{"name":"Serde_x","vers":1}', good].join('\n') });
    expect([await get('/se/rd/serde_x'), await get('/config.json')]).toEqual([`${good}\n`, '{"dl":"http://127.0.0.1:1/cargo/dl"}']);
  });

  it.each([
    ['https://crates.example/files/{prefix}/{lowerprefix}/{crate}-{version}-{sha256-checksum}', `https://crates.example/files/Se/rd/se/rd/Serde_x-1.0.0-${SUM}`, 'a-secret-token'],
    ['https://crates.example/api', 'https://crates.example/api/Serde_x/1.0.0/download', 'a-secret-token'], ['https://static.example/{crate}.crate', 'https://static.example/Serde_x.crate', 'null'],
  ])('has its files at %s, and no other host gets the credential', async (dl, at, credential) => {
    const { asked, get } = front({ ...config(dl), [at]: BODY });
    expect([await get('/dl/Serde_x/1.0.0/download'), asked]).toEqual(['a crate', ['https://crates.example/index/config.json a-secret-token', `${at} ${credential}`]]);
  });

  it.each([['http://static.example/', 'refused'], ['https://192.0.2.7/', 'refused'], ['https://user:password@crates.example/', 'refused'], ['/relative', 'refused'], ['', 'refused']])('is not asked for files at %j', async (dl, rule) => {
    const { asked, get } = front(config(dl));
    await expect(get('/dl/Serde_x/1.0.0/download')).rejects.toMatchObject({ rule });
    expect(asked).toEqual(['https://crates.example/index/config.json a-secret-token']);
  });

  it('hands on no file with another digest', async () => {
    const { get } = front({ ...config('https://crates.example/f'), 'https://crates.example/f/Serde_x/1.0.0/download': 'another' });
    await expect(get('/dl/Serde_x/1.0.0/download')).rejects.toMatchObject({ rule: 'integrity' });
  });

  it('knows no other crate and no other version', () => {
    const made = cargoFront({ registry: { url: 'https://crates.example', authorization: null }, locked: LOCKED, insideUrl: 'x' });
    expect(['/ot/he/other', '/dl/Serde_x/1.0.1/download', '/dl/serde_x/1.0.0/download', '/dl/Serde_x/1.0.0/download'].map((target) => made.ask(target, '')?.verdict.rule)).toEqual(['not-in-lockfile', 'not-in-lockfile', 'not-in-lockfile', 'lockfile']);
  });
});

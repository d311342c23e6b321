import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readVersions, type VersionsOptions } from '../../src/egress/versions.js';
import { MemoryJournal } from '../support/journal.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';

const TOKEN = 'Bearer npm_very_secret_token_value';
let registry: FakeRegistry;
let journal: MemoryJournal;
beforeEach(async () => {
  journal = new MemoryJournal();
  registry = await startRegistry([{ name: 'a', version: '1.10.0' }, { name: 'a', version: '1.9.0', manifest: { deprecated: 'old' } }, { name: 'a', version: '2.0.0-rc.1' }, { name: '@s/b', version: '1.0.0' }, { name: 'a', version: 'nonsense' }], TOKEN);
});
afterEach(() => registry[Symbol.asyncDispose]());
const ask = (name: string, more: Partial<VersionsOptions> = {}) => readVersions(name, { registry: { url: registry.url, authorization: TOKEN }, journal, signal: new AbortController().signal, ...more });

describe('the versions of a package', () => {
  it('come in order, with what is deprecated, and stand on the log', async () => {
    expect(await ask('a')).toEqual([{ version: '1.9.0', deprecated: true }, { version: '1.10.0' }, { version: '2.0.0-rc.1' }]);
    expect(await ask('@s/b')).toEqual([{ version: '1.0.0' }]);
    expect(journal.of('egress.requested').map(({ bytes, ...e }) => [e, bytes > 0])).toEqual(['/npm/a', '/npm/@s%2fb'].map((target) => [{ sandbox: 'host', method: 'GET', target, verdict: 'allow', rule: 'version-list', status: 200 }, true]));
    expect(journal.text).not.toContain('secret');
  });

  it('of a package that nobody knows are null', async () => {
    expect([await ask('none'), journal.of('egress.requested').map((e) => [e.rule, e.status])]).toEqual([null, [['upstream-failed', 404]]]);
  });

  it.each<[string, FakeRegistry['intercept'], string]>([
    ['fails', (_, __, response) => response.writeHead(500).end(), 'allow upstream-failed'],
    ['sends garbage', (_, __, response) => response.end('<html>'), 'allow upstream-failed'],
    ['redirects elsewhere', (_, __, response) => response.writeHead(302, { location: 'http://127.0.0.2:1/a' }).end(), 'deny redirect'],
    ['says nothing', () => true, 'allow upstream-failed'],
  ])('cannot be had when the registry %s', async (_, intercept, event) => {
    registry.intercept = intercept;
    await expect(ask('a', { timeout: 300 })).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect(journal.of('egress.requested').map((e) => `${e.verdict} ${e.rule}`)).toEqual([event]);
  });

  it.each(['../x', 'a/b', '__proto__', '', 'A b', `${'x'.repeat(300)}`])('are not asked for under the name %j', async (name) => {
    await expect(ask(name)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect([registry.requests, journal.of('egress.requested').map((e) => e.rule)]).toEqual([[], ['not-a-package']]);
  });

  it('are not used when the log is gone', async () => {
    journal.fail = () => new Error('the log is gone');
    await expect(ask('a')).rejects.toThrow('the log is gone');
  });
});

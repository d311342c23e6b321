import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cargoRegistry, type GoVariables, goProxy, pythonIndex } from '../../src/main/registry.js';

let folder: string;
let learned: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spr-'));
  learned = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program of the PATH that does this. */
function program(name: string, script: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return `${bin}:/usr/bin:/bin`;
}
const pip = (script: string): string => program('pip3', script);
const ask = (path: string, given: string | null = null) => pythonIndex(folder, path, given, (value) => learned.push(value))();

describe('the index of Python packages', () => {
  it('is what pip says', async () => {
    const path = pip('[ "$*" = "config get global.index-url" ] && [ "$HOME" != / ] && echo https://index.example/simple');
    expect([await ask(path), learned]).toEqual([{ url: 'https://index.example/simple', authorization: null }, []]);
  });

  it('is what a variable says before that, without the credential in it', async () => {
    expect(await ask(pip('exit 1'), 'https://user:pa%2Fss-word@index.example/simple/')).toEqual({ url: 'https://index.example/simple/', authorization: `Basic ${Buffer.from('user:pa/ss-word').toString('base64')}` });
    expect(learned).toEqual(['pa/ss-word', 'pa%2Fss-word', Buffer.from('user:pa/ss-word').toString('base64')]);
  });

  it('may have a token in place of the user', async () => {
    expect([await ask(pip('exit 1'), 'https://token-value@index.example/simple'), learned]).toEqual([{ url: 'https://index.example/simple', authorization: `Basic ${Buffer.from('token-value:').toString('base64')}` }, ['token-value', Buffer.from('token-value:').toString('base64')]]);
  });

  it.each<[string, () => string, string | null]>([
    ['pip says nothing', () => pip('echo "no such key" >&2; exit 1'), null], ['there is no pip', () => join(folder, 'none'), null], ['it is a folder', () => pip('echo file:///srv/index'), null], ['it is no address', () => pip('exit 1'), 'index'],
  ])('cannot be had when %s, and the hint says what to do', async (_, path, given) => {
    await expect(ask(path(), given)).rejects.toMatchObject({ code: 'setup.fetch_failed', hint: expect.stringContaining('pip config set global.index-url URL') });
  });
});

describe('the module proxy of Go', () => {
  const go = (path: string, given: GoVariables = {}) => goProxy(folder, path, given, (value) => learned.push(value))();
  const SAYS = '[ "$*" = "env GOPROXY GONOPROXY" ] && [ "$GOTOOLCHAIN" = local ] || exit 1; [ -n "$GONOPROXY" ] || GONOPROXY=$GOPRIVATE; printf "%s\\n%s\\n" "$GOPROXY" "$GONOPROXY"';

  it('is the first address that go has, and names are withheld that go would withhold', async () => {
    expect(await go(program('go', SAYS), { GOPROXY: 'file:///srv/go|https://user:pass-word@proxy.example/go,direct', GOPRIVATE: '*.corp.example,git.example/team' })).toEqual({
      url: 'https://proxy.example/go', authorization: `Basic ${Buffer.from('user:pass-word').toString('base64')}`, withheld: ['*.corp.example', 'git.example/team'],
    });
    expect(learned).toContain('pass-word');
    expect(await go(program('go', SAYS), { GOPROXY: 'https://proxy.example', GONOPROXY: 'none', GOPRIVATE: 'x' })).toEqual({ url: 'https://proxy.example/', authorization: null, withheld: [] });
  });

  it('is what the variables say where there is no go', async () => {
    expect(await go(join(folder, 'none'), { GOPROXY: 'https://proxy.example/', GOPRIVATE: 'git.example' })).toEqual({ url: 'https://proxy.example/', authorization: null, withheld: ['git.example'] });
  });

  it('is nobody where go does not answer: what is private may stand in its own files', async () => {
    await expect(go(program('go', 'echo "bad configuration" >&2; exit 2'), { GOPROXY: 'https://proxy.example/' })).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('ended with 2: bad configuration') });
  });

  it.each<[string, GoVariables]>([['none is named', {}], ['only version control is left', { GOPROXY: 'direct' }], ['it is off', { GOPROXY: 'off' }], ['it is a folder', { GOPROXY: 'file:///srv' }], ['patterns cannot be read', { GOPROXY: 'https://proxy.example', GOPRIVATE: 'git.[a-z]' }]])('cannot be had when %s', async (_, given) => {
    await expect(go(program('go', SAYS), given)).rejects.toMatchObject({ code: 'setup.fetch_failed', hint: expect.stringContaining('go env') });
  });
});

describe('the registry of crates', () => {
  const cargo = (given: string | null = null) => cargoRegistry(folder, given, (value) => learned.push(value))();
  const says = (text: string, name = 'config.toml'): void => writeFileSync(join(folder, name), text);

  it('is what the variable says, without the credential in it', async () => {
    says('[source.crates-io]\nreplace-with = "other"\n');
    expect([await cargo('sparse+https://user:pass-word@crates.example/'), learned]).toEqual([{ url: 'https://crates.example/', authorization: `Basic ${Buffer.from('user:pass-word').toString('base64')}` }, expect.arrayContaining(['pass-word'])]);
  });

  it('is what stands in for crates-io in the configuration of cargo, with its token', async () => {
    says('[source.crates-io]\nreplace-with = "near"\n[source.near]\nreplace-with = "far"\n[source.far]\nregistry = "sparse+https://crates.example/index/"\n');
    says('[registries.far]\ntoken = "a-secret-token"\n[registries.near]\ntoken = "no"\n', 'credentials.toml');
    expect([await cargo(), learned]).toEqual([{ url: 'https://crates.example/index/', authorization: 'a-secret-token' }, ['a-secret-token']]);
  });

  it('may be one of the registries that have a name', async () => {
    says('[source.crates-io]\nreplace-with = "mine"\n[registries.mine]\nindex = "sparse+https://crates.example/"\n', 'config');
    expect(await cargo()).toEqual({ url: 'https://crates.example/', authorization: null });
  });

  it.each([
    ['there is no configuration', null], ['nothing stands in for it', '[registries.mine]\nindex = "sparse+https://crates.example/"\n'], ['it goes round in circles', '[source.crates-io]\nreplace-with = "a"\n[source.a]\nreplace-with = "crates-io"\n'],
    ['it is a repository of git', '[source.crates-io]\nreplace-with = "a"\n[source.a]\nregistry = "https://git.example/index"\n'], ['it is a folder', '[source.crates-io]\nreplace-with = "a"\n[source.a]\ndirectory = "vendor"\n'], ['it is no address', '[source.crates-io]\nreplace-with = "a"\n[source.a]\nregistry = "sparse+file:///srv"\n'],
  ])('cannot be had when %s, and the hint says what to do', async (_, text) => {
    if (text !== null) says(text);
    await expect(cargo()).rejects.toMatchObject({ code: 'setup.fetch_failed', hint: expect.stringContaining('SALLYPORT_CARGO_REGISTRY=URL') });
  });
});

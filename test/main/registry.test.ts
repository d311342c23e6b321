import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pythonIndex } from '../../src/main/registry.js';

let folder: string;
let learned: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spr-'));
  learned = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A pip3 of the PATH that prints this. */
function pip(script: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'pip3'), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, 'pip3'), 0o755);
  return `${bin}:/usr/bin:/bin`;
}
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

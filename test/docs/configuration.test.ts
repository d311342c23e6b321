import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Environments } from '../../src/main/environments.js';
import { readConfig } from '../../src/main/config.js';
import { Models } from '../../src/main/models.js';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/configuration.md'), 'utf8');

describe('docs/configuration.md', () => {
  it('lists every variable that src/main reads, and no other', () => {
    expect(rows('| variable |')).toEqual(read('src/main', /\benv\[['"](\w+)['"]\]|(?<!['"`])\benv\.(\w+)/g));
  });

  it('lists every variable that the scripts read, and no other', () => {
    expect(rows('| script variable |')).toEqual(read('scripts', /\bprocess\.env\.(\w+)|\bprocess\.env\[['"](\w+)['"]\]/g));
  });

  it('has an environments.yaml that is accepted as it stands', async () => {
    const home = mkdtempSync(join(tmpdir(), 'sallyport-docs-'));
    try {
      writeFileSync(join(home, 'environments.yaml'), /```yaml\n(repositories:[\s\S]*?)```/.exec(page)?.[1] ?? '');
      const found = await Environments.load(home, { SHOP_LICENCE: 'value-of-it' });
      expect([await found.secret('https://forge.example/team/shop', 'LICENCE'), found.root('ci'), found.toolchains('node')]).toEqual(['value-of-it', { kind: 'image', ref: 'localhost/ci:1' }, ['/opt/node-22']]);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  it('has a models.yaml that is accepted as it stands', async () => {
    const home = mkdtempSync(join(tmpdir(), 'sallyport-docs-'));
    try {
      writeFileSync(join(home, 'models.yaml'), /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
      const models = await Models.load(readConfig({ SALLYPORT_HOME: home }, 1000, 'me'), {});
      expect(models.list().map(({ name, protocol, model, key, default: chosen }) => ({ name, protocol, model, key, chosen }))).toEqual([
        { name: 'local', protocol: 'chat', model: 'qwen3', key: null, chosen: true },
        { name: 'big', protocol: 'messages', model: 'big-1', key: 'env:BIG_KEY', chosen: false },
      ]);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });
});

/** Names in the first column of the table whose head begins so. */
function rows(head: string): string[] {
  const table = page.slice(page.indexOf(head)).split('\n\n')[0] ?? '';
  return [...table.matchAll(/^\| `(\w+)` \|/gm)].map((m) => m[1] as string).sort();
}

/** Variables that the files of a folder read. */
function read(folder: string, pattern: RegExp): string[] {
  const files = readdirSync(join(root, folder)).filter((name) => /\.(ts|mjs)$/.test(name));
  const text = files.map((name) => readFileSync(join(root, folder, name), 'utf8')).join('\n');
  return [...new Set([...text.matchAll(pattern)].map((m) => (m[1] ?? m[2]) as string))].sort();
}

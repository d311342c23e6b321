import { mkdirSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../src/process/spawn.js';

const SCRIPT = join(import.meta.dirname, '../../scripts/pg-symlinks.mjs');
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sp-link-'));
  mkdirSync(join(root, 'native/lib'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function make(list: unknown): Promise<string> {
  writeFileSync(join(root, 'native/pg-symlinks.json'), JSON.stringify(list));
  const { stdout, stderr } = await run([process.execPath, '--input-type=module', '-e', `import { makePgSymlinks as m } from ${JSON.stringify(SCRIPT)}; console.log(m(${JSON.stringify(root)}));`]);
  return `${stdout}${stderr}`;
}

describe('pg-symlinks', () => {
  it('makes what is missing, mends what is wrong, and does nothing the second time', async () => {
    const list = [{ source: 'native/lib/a.so.1.2', target: 'native/lib/a.so.1' }, { source: 'native/lib/a.so.1.2', target: 'native/lib/a.so' }];
    symlinkSync('elsewhere', join(root, 'native/lib/a.so'));
    expect([await make(list), await make(list)]).toEqual(['2\n', '0\n']);
    expect(['a.so', 'a.so.1'].map((name) => readlinkSync(join(root, 'native/lib', name)))).toEqual(['a.so.1.2', 'a.so.1.2']);
  });

  it('refuses a path that leaves the package', async () => {
    expect(await make([{ source: 'native/lib/a', target: '../evil' }])).toContain('outside the package');
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskArtifacts } from '../../src/artifacts/disk.js';
import { sha256 } from '../../src/attest/digest.js';
import { run } from '../../src/process/spawn.js';

const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sp-art-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
function files(): string[] {
  return (readdirSync(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name));
}

describe('bodies on disk', () => {
  it('come back as they were, under their digest, readable by their owner only', async () => {
    const store = diskArtifacts(folder);
    const ref = await store.put('grüße', { blind: false, media: 'text/plain' });
    expect(ref).toEqual({ digest: sha256('grüße'), bytes: 7, blind: false, media: 'text/plain' });
    expect((await store.get(ref)).toString()).toBe('grüße');
    expect(files().map((f) => (statSync(f).mode & 0o777).toString(8))).toEqual(['600']);
  });

  it('are stored once however often they are put, also at once', async () => {
    const store = diskArtifacts(folder);
    const refs = await Promise.all(Array.from({ length: 10 }, () => store.put('same', { blind: false, media: 'text/plain' })));
    expect(new Set(refs.map((r) => r.digest)).size).toBe(1);
    expect(files()).toHaveLength(1);
  });

  it('have digests that tell nothing when they are blind: nonce first, digest over both', async () => {
    const store = diskArtifacts(folder);
    const [a, b] = [await store.put('yes', { blind: true, media: 'text/plain' }), await store.put('yes', { blind: true, media: 'text/plain' })];
    expect(a.digest).not.toBe(b.digest);
    expect([a.bytes, (await store.get(a)).toString(), (await store.get(b)).toString()]).toEqual([3, 'yes', 'yes']);
    const file = readFileSync(files().find((f) => f.replaceAll('/', '').endsWith(a.digest.slice(7))) ?? '');
    expect([file.length, sha256(file), file.subarray(32).toString()]).toEqual([35, a.digest, 'yes']);
  });

  it('are refused when they were altered, and mended by the next put', async () => {
    const store = diskArtifacts(folder);
    const ref = await store.put('good', { blind: false, media: 'text/plain' });
    writeFileSync(files()[0] as string, 'evil');
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'artifact.missing', message: expect.stringContaining(sha256('evil')) });
    expect(await store.check(ref)).toBe('altered');
    await store.put('good', { blind: false, media: 'text/plain' });
    expect((await store.get(ref)).toString()).toBe('good');
  });

  it('are gone after erase, and a second erase is no error', async () => {
    const store = diskArtifacts(folder);
    const ref = await store.put('x', { blind: true, media: 'text/plain' });
    await store.erase(ref);
    await store.erase(ref);
    await expect(store.get(ref)).rejects.toMatchObject({ code: 'artifact.missing' });
    expect([await store.check(ref), files()]).toEqual(['missing', []]);
  });

  it('are never looked for under something that is no digest', async () => {
    const ref = { digest: 'sha256:../../../../etc/passwd', bytes: 1, blind: false, media: 'text/plain' };
    await expect(diskArtifacts(folder).get(ref)).rejects.toThrow();
  });

  it('say that the disk is full, and leave nothing half written', async (context) => {
    const small = join(folder, 'small');
    await run(['mkdir', small], { env: ENV });
    const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small], { env: ENV });
    if (mounted.exit !== 0) return context.skip('mounting needs root');
    try {
      const store = diskArtifacts(small);
      await expect(store.put(Buffer.alloc(1_000_000, 7), { blind: false, media: 'application/octet-stream' })).rejects.toMatchObject({ code: 'disk.full', exitCode: 7 });
      expect(files()).toEqual([]);
    } finally {
      await run(['umount', small], { env: ENV });
    }
  });
});

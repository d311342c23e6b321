import { existsSync } from 'node:fs';
import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { collectGarbage, noteUse } from '../../src/workflow/garbage.js';
import { foldersOf } from '../../src/workflow/folders.js';
import { remove, scratch } from '../support/sandbox.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const HOUR = 3600 * 1000;
const KIB = 1024;
let home: string;
beforeEach(() => {
  home = scratch();
});
afterEach(() => remove(home));

/** A snapshot or tree of 100 KiB whose last use was that long ago. */
async function thing(kind: 'snapshots' | 'trees', digit: string, age: number): Promise<string> {
  const name = kind === 'trees' ? digit.repeat(40) : `snap_${digit.repeat(32)}`;
  const path = join(home, kind, name);
  await mkdir(join(path, 'in'), { recursive: true });
  await writeFile(join(path, 'in/file'), Buffer.alloc(100 * KIB, 1));
  await writeFile(`${path}.used`, '');
  await utimes(`${path}.used`, new Date(NOW - age), new Date(NOW - age));
  return path;
}
const collect = (limit: number) => collectGarbage({ folders: foldersOf(home), limit, now: NOW });

describe('garbage collection', () => {
  it('removes the longest unused first, until the rest is within the limit', async () => {
    const [oldest, old, young] = [await thing('snapshots', 'a', 50 * HOUR), await thing('trees', 'b', 40 * HOUR), await thing('snapshots', 'c', 30 * HOUR)];
    const { removed, kept } = await collect(250 * KIB);
    expect([removed.map((r) => r.path), [oldest, old, young].map(existsSync), existsSync(`${oldest}.used`)]).toEqual([[oldest], [false, true, true], false]);
    expect(kept).toBeLessThan(250 * KIB);
    expect((await collect(250 * KIB)).removed).toEqual([]);
  });

  it('leaves what a run lies on, also a stopped one, and what was used within the hour', async () => {
    const [used, stale, fresh] = [await thing('snapshots', 'a', 50 * HOUR), await thing('trees', 'b', 40 * HOUR), await thing('trees', 'c', HOUR / 2)];
    await mkdir(join(home, 'runs/run_1'), { recursive: true });
    await noteUse(foldersOf(home), join(home, 'runs/run_1'), 'snapshots', `snap_${'a'.repeat(32)}`, new Date(NOW - 50 * HOUR));
    expect((await collect(0)).removed.map((r) => r.path)).toEqual([stale]);
    expect([used, fresh].map(existsSync)).toEqual([true, true]);
    await remove(join(home, 'runs/run_1'));
    expect((await collect(0)).removed.map((r) => r.path)).toEqual([used]);
  });

  it('counts what lies on the disk, not the holes of an image, and touches nothing of another name', async () => {
    const at = join(home, 'snapshots', `snap_${'d'.repeat(32)}`, 'fetch');
    await mkdir(at, { recursive: true });
    await writeFile(join(at, 'disk.img'), '');
    await truncate(join(at, 'disk.img'), 2 ** 33);
    await mkdir(join(home, 'snapshots/.draft-x'), { recursive: true });
    const { removed, kept } = await collect(100 * KIB);
    expect([removed, kept < 100 * KIB, existsSync(join(home, 'snapshots/.draft-x'))]).toEqual([[], true, true]);
    expect(await collectGarbage({ folders: foldersOf(join(home, 'nowhere')), limit: 0, now: NOW })).toEqual({ removed: [], kept: 0 });
  });
});

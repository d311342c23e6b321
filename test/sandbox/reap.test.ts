import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reapGroups, sweepGroups } from '../../src/sandbox/stage/reap.js';
import { newId } from '../../src/protocol/ids.js';
import { makeLayer } from '../../src/sandbox/layer.js';
import { cgroupsOf, remove, scratch, testDriver, testOwner, tree } from '../support/sandbox.js';

let folder: string;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => remove(folder));

describe('sandboxes that their worker lost', () => {
  it.runIf(process.getuid?.() === 0)('are ended by their ids, whatever runs in them, and their groups are gone', async () => {
    const driver = testDriver(join(folder, 'state'));
    await mkdir(join(folder, 'state'));
    const id = newId('sb');
    await makeLayer(join(folder, 'layer'), testOwner());
    const sandbox = await driver.open({ id, phase: 'agent', demanded: [], workspace: { lowers: [tree(join(folder, 'lower'), { a: '' })], layer: join(folder, 'layer') }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 1 }, variables: {} });
    const running = sandbox.exec({ argv: ['/bin/sh', '-c', 'setsid sleep 300 & sleep 300'], timeout: 60_000, maxOutput: 1000 }).catch((error: Error) => error);
    expect(cgroupsOf([id]).length).toBeGreaterThan(0);
    await driver.reap([id, newId('sb'), '../../etc']);
    expect(cgroupsOf([id])).toEqual([]);
    expect(await running).toMatchObject({});
    await sandbox.close();
  });
});

describe('groups that killed workers left', () => {
  const group = async (name: string, procs: string, age: number): Promise<string> => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    if (procs !== '') await writeFile(join(path, 'cgroup.procs'), procs);
    await utimes(path, new Date(Date.now() - age), new Date(Date.now() - age));
    return path;
  };

  it('are removed when they are empty and old; a filled, a fresh and a foreign one stay', async () => {
    const dead = [await group('memory/sallyport-sb_1', '', 120_000), await group('sallyport-sb_2', '', 120_000)];
    const kept = [await group('pids/sallyport-sb_3', `${process.pid}\n`, 120_000), await group('cpu/sallyport-sb_4', '', 1000), await group('memory/other', '', 120_000)];
    expect(await sweepGroups(60_000, Date.now(), folder)).toEqual(dead);
    expect([...dead, ...kept].map(existsSync)).toEqual([false, false, true, true, true]);
  });

  it('ids that are gone, or that are no ids, are no error', async () => {
    await group('other', '', 0);
    await reapGroups(['sb_gone', '../other', 'other'], folder);
    expect(existsSync(join(folder, 'other'))).toBe(true);
  });
});

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import type { SandboxSpec } from '../../src/sandbox/sandbox.js';
import { sandboxContract } from '../contract/sandbox.js';
import { until } from '../fixtures/database.js';
import { ociDriver, ociMissing } from '../support/oci.js';
import { busyboxMissing, busyboxRoot } from '../support/rootfs.js';
import { cgroupsOf, remove, ROOT, scratch, testPrivilege, tree } from '../support/sandbox.js';

const missing = ociMissing('podman', 'catatonit', 'runc') ?? busyboxMissing();

if (missing === null) sandboxContract('podman with runc', (folder) => ociDriver(folder, 'runc'));
else it.skip(`podman with runc: ${missing}`);

describe.skipIf(missing !== null)('podman', () => {
  let folder: string;
  beforeAll(() => {
    folder = scratch();
  });
  afterAll(() => remove(folder));
  const spec = (lower: string): SandboxSpec => ({ id: newId('sb'), phase: 'scan', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: null }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 256, pids: 64, cpus: 1 }, variables: {} });

  it('takes a root file system of a folder or of an image, writes nothing to it, and keeps to its programs', async () => {
    const root = busyboxRoot(join(folder, 'rootfs'));
    const ref = `localhost/sallyport-test:${process.pid}`;
    execFileSync('/bin/sh', ['-c', 'tar -C "$1" -c . | podman import - "$2"', 'sh', root, ref], { stdio: 'pipe' });
    try {
      for (const image of [{ kind: 'dir', path: root }, { kind: 'image', ref }] as const) {
        const driver = ociDriver(join(folder, 'state'), 'runc', image);
        const { result } = await driver.once(spec(tree(join(folder, 'lower'), { a: 'a\n' })), { argv: ['/bin/sh', '-c', 'cat /etc/motd a; id -u; ls /lib 2>/dev/null || echo no library'], timeout: 20_000, maxOutput: 1000 });
        expect([image.kind, result.exit, result.stdout.toString(), result.stderr.toString()]).toEqual([image.kind, 0, 'own\na\n1000\nno library\n', '']);
        await using session = await driver.open({ ...spec(join(folder, 'lower')), workspace: { lowers: [join(folder, 'lower')], layer: null, fresh: true } });
        const shown = await session.exec({ argv: ['/bin/sh', '-c', 'stty size'], terminal: { columns: 90, rows: 20 }, timeout: 20_000, maxOutput: 1000 });
        expect(shown.stdout.toString()).toBe('20 90\r\n');
        await session.close();
        await driver.close();
      }
    } finally {
      execFileSync('podman', ['image', 'rm', ref], { stdio: 'pipe' });
    }
  }, 60_000);

  it('tells the exit codes of a command from the same of the engine', async () => {
    const driver = ociDriver(join(folder, 'state'), 'runc');
    const lower = tree(join(folder, 'codes'), { a: '' });
    const codes = await Promise.all([125, 126, 127].map(async (code) => (await driver.once(spec(lower), { argv: ['/bin/sh', '-c', `exit ${code}`], timeout: 20_000, maxOutput: 1000 })).result.exit));
    expect(codes).toEqual([125, 126, 127]);
    await expect(driver.once({ ...spec(lower), mounts: [{ source: lower, target: '/usr/no/such' }] }, { argv: ['/usr/bin/true'], timeout: 20_000, maxOutput: 1000 })).rejects.toMatchObject({ code: 'sandbox.failed' });
    await driver.close();
  });

  it('refuses an image that is not on this machine, and pulls nothing', async () => {
    const driver = ociDriver(join(folder, 'state'), 'runc', { kind: 'image', ref: 'sallyport.invalid/none:1' });
    await expect(driver.probe()).rejects.toMatchObject({ code: 'sandbox.unavailable', hint: expect.stringContaining('Nothing is pulled') });
  });

  it('ends every container when whoever holds it is killed', async () => {
    const id = newId('sb');
    const program = join(folder, 'holder.mjs');
    const at = join(folder, 'held');
    mkdirSync(at, { mode: 0o755 });
    writeFileSync(program, `
      import { createOciDriver } from '${ROOT}/dist/sandbox/oci/driver.js';
      import { runtimeFiles } from '${ROOT}/dist/main/installation.js';
      const driver = createOciDriver({ folder: '${at}', privilege: ${JSON.stringify(testPrivilege())}, toolchains: [], arch: process.arch, runtime: runtimeFiles(), engine: 'podman', ociRuntime: 'runc' });
      const sandbox = await driver.open(${JSON.stringify({ ...spec(tree(join(folder, 'held-lower'), { a: '' })), id })});
      sandbox.exec({ argv: ['/bin/sh', '-c', 'setsid sleep 4711 & sleep 4711'], timeout: 60000, maxOutput: 1000 });
      setTimeout(() => console.log('held'), 300);`);
    const holder = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    const inside = (): string => execFileSync('/bin/sh', ['-c', 'pgrep -fx "sleep 4711" || true'], { encoding: 'utf8' });
    expect(inside().trim().split('\n').length).toBe(2);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await until(() => inside() === '', 'nothing runs any more', 5000);
    const driver = ociDriver(at, 'runc');
    await driver.reap([id]);
    expect(cgroupsOf([id])).toEqual([]);
  });
});

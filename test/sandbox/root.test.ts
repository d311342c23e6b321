import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { createBwrapDriver } from '../../src/sandbox/bwrap/driver.js';
import { PROBE_ARGV, PROBES, readProbes } from '../../src/sandbox/probes.js';
import type { SandboxDriver, SandboxSpec } from '../../src/sandbox/sandbox.js';
import { busyboxMissing, busyboxRoot } from '../support/rootfs.js';
import { driverOptions, remove, scratch, tree, watched } from '../support/sandbox.js';

const missing = busyboxMissing();

describe.skipIf(missing !== null)(`a root of its own${missing === null ? '' : `: ${missing}`}`, () => {
  let folder: string;
  let root: string;
  let driver: SandboxDriver;
  beforeAll(() => {
    folder = scratch();
    root = busyboxRoot(join(folder, 'rootfs'));
    driver = watched(createBwrapDriver({ ...driverOptions(join(folder, 'state')), root: { kind: 'dir', path: root } }));
  });
  afterAll(async () => {
    await driver.close();
    await remove(folder);
  });
  const spec = (): SandboxSpec => ({
    id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers: [tree(join(folder, 'lower'), { a: 'a\n' })], layer: null, fresh: true }, mounts: [{ source: tree(join(folder, 'tool'), { it: 'tool\n' }), target: '/opt/some/tool' }],
    egressSocket: null, scratch: null, limits: { memory: 256, pids: 64, cpus: 1 }, variables: { OWN: 'yes' },
  });

  it('is seen in place of the host\'s /usr, though it has neither Node nor Perl nor a C library', async () => {
    await using sandbox = await driver.open(spec());
    const run = async (script: string): Promise<string> => { const r = await sandbox.exec({ argv: ['/bin/sh', '-c', script], timeout: 20_000, maxOutput: 10_000 }); return r.stdout.toString() + r.stderr.toString(); };
    expect(await run('cat /etc/motd /workspace/a /opt/some/tool/it; echo $OWN; id -u; ls /usr/bin /lib /usr/lib 2>/dev/null; echo b > /workspace/b && cat b')).toBe('own\na\ntool\nyes\n1000\n/usr/bin:\nb\n');
    expect(await run('(echo x > /etc/x) 2>/dev/null || echo read-only; cat /etc/passwd | head -1')).toBe('read-only\nroot:x:0:0:root:/nonexistent:/usr/sbin/nologin\n');
    expect(await run('readlink -f /proc/self/exe')).toBe('/bin/busybox\n');
    const probes = readProbes(await sandbox.exec({ argv: PROBE_ARGV, bare: true, timeout: 20_000, maxOutput: 100_000 }));
    expect(probes.filter((p) => !p.ok)).toEqual([]);
    expect(probes.map((p) => p.id).sort()).toEqual([...PROBES].sort());
  });

  it('enforces what the host\'s /usr enforces', async () => {
    const plain = createBwrapDriver(driverOptions(join(folder, 'state')));
    expect((await driver.probe()).enforced).toEqual((await plain.probe()).enforced);
    await plain.close();
  });

  it('says that the server can be read where its program can be, on either root', async () => {
    const options = driverOptions(join(folder, 'open'));
    for (const own of [{}, { root: { kind: 'dir', path: root } as const }]) {
      const open = createBwrapDriver({ ...options, ...own, runtime: options.runtime.map((file) => ({ ...file, sealed: false })) });
      expect((await open.probe()).missing.map((m) => m.guarantee)).toContain('sealed_server');
      await open.close();
    }
  });

  it('has terminals, and single commands without a server', async () => {
    await using sandbox = await driver.open(spec());
    const shown = await sandbox.exec({ argv: ['/bin/sh', '-c', 'stty size; tty; exit 7'], terminal: { columns: 100, rows: 30 }, timeout: 20_000, maxOutput: 1000 });
    expect([shown.exit, shown.stdout.toString() + shown.stderr.toString()]).toEqual([7, '30 100\r\n/dev/pts/0\r\n']);
    const { result } = await driver.once(spec(), { argv: ['/bin/sh', '-c', 'cat /etc/motd; exit 3'], timeout: 20_000, maxOutput: 1000 });
    expect([result.exit, result.stdout.toString()]).toEqual([3, 'own\n']);
  });

  it('one that is not there, or is the host\'s own root, is refused by name', async () => {
    const of = (path: string): SandboxDriver => createBwrapDriver({ ...driverOptions(join(folder, 'state')), root: { kind: 'dir', path } });
    await expect(of(join(folder, 'none')).probe()).rejects.toMatchObject({ code: 'sandbox.unavailable', message: expect.stringContaining('is not there') });
    await expect(of('/').probe()).rejects.toMatchObject({ code: 'input.invalid' });
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newId } from '../../src/protocol/ids.js';
import { createOciDriver } from '../../src/sandbox/oci/driver.js';
import { sandboxContract } from '../contract/sandbox.js';
import { ociDriver, ociMissing } from '../support/oci.js';
import { busyboxMissing, busyboxRoot } from '../support/rootfs.js';
import { driverOptions, remove, scratch, tree } from '../support/sandbox.js';

const missing = ociMissing('runc');

if (missing === null) sandboxContract('Docker\'s runtime as it is', (folder) => ociDriver(folder, 'runc', undefined, 'docker'));
else it.skip(`docker with runc: ${missing}`);

describe.skipIf((missing ?? busyboxMissing()) !== null)('docker', () => {
  it('takes a root file system of a folder, and tells its exit codes from the runtime\'s', async () => {
    const folder = scratch();
    try {
      const driver = ociDriver(join(folder, 'state'), 'runc', { kind: 'dir', path: busyboxRoot(join(folder, 'rootfs')) }, 'docker');
      const lower = tree(join(folder, 'lower'), { a: 'a\n' });
      const once = async (argv: readonly string[], target = '/opt/some') => await driver.once({ id: newId('sb'), phase: 'scan', demanded: [], workspace: { lowers: [lower], layer: null }, mounts: [{ source: lower, target }], egressSocket: null, scratch: null, limits: { memory: 256, pids: 64, cpus: 1 }, variables: {} }, { argv, timeout: 20_000, maxOutput: 1000 });
      const { result } = await once(['/bin/sh', '-c', 'cat /etc/motd a /opt/some/a; id -u']);
      expect([result.exit, result.stdout.toString(), result.stderr.toString()]).toEqual([0, 'own\na\na\n1000\n', '']);
      const codes = await Promise.all([1, 125, 126, 127].map(async (code) => (await once(['/bin/sh', '-c', `exit ${code}`])).result.exit));
      expect(codes).toEqual([1, 125, 126, 127]);
      await expect(once(['/bin/true'], '/proc/no/such')).rejects.toMatchObject({ code: 'sandbox.failed' });
      await driver.close();
    } finally {
      await remove(folder);
    }
  });

  it('is for root only', () => {
    expect(() => createOciDriver({ ...driverOptions('/nowhere', { kind: 'user' }), engine: 'docker', ociRuntime: 'runc' })).toThrow(/needs root/);
  });
});

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { sandboxContract } from '../contract/sandbox.js';
import { ociDriver, ociMissing } from '../support/oci.js';
import { remove, scratch, tree } from '../support/sandbox.js';

const missing = ociMissing('podman', 'catatonit', 'runsc');
const old = missing === null && /~2022/.test(execFileSync('runsc', ['--version'], { encoding: 'utf8' }));

if (missing === null) sandboxContract('podman with gVisor', (folder) => ociDriver(folder, 'runsc'), old ? { terminal: 'gVisor of 2022 makes no terminals' } : {});
if (missing === null) sandboxContract('gVisor without an engine', (folder) => ociDriver(folder, 'runsc', undefined, 'docker'), old ? { terminal: 'gVisor of 2022 makes no terminals' } : {});
else it.skip(`podman with gVisor: ${missing}`);

describe.skipIf(missing !== null)('gVisor', () => {
  it('is a second kernel, and what the first one traces of it is not told as what was started', async () => {
    const folder = scratch();
    const driver = ociDriver(folder, 'runsc');
    const { enforced, missing } = await driver.probe();
    expect([enforced.includes('second_kernel'), missing.map((m) => m.guarantee)]).toEqual([true, ['exec_audit', 'sealed_server']]);
    await driver.close();
    await remove(folder);
  });

  it.each(['podman', 'docker'] as const)('by %s: the first process is filtered, processes are counted inside, and neither devices nor answers get through', async (engine) => {
    const folder = scratch();
    const driver = ociDriver(join(folder, 'state'), 'runsc', undefined, engine);
    try {
      const lower = tree(join(folder, 'lower'), { a: 'a\n' });
      const shown = tree(join(folder, 'shown'), { a: 'a\n' });
      execFileSync('/usr/bin/mknod', ['-m', '666', join(shown, 'zero'), 'c', '1', '5']);
      await using sandbox = await driver.open({
        id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: null }, mounts: [{ source: shown, target: '/opt/shown' }], egressSocket: null, scratch: null,
        limits: { memory: 512, pids: 40, cpus: 2 }, variables: {},
      });
      const said = async (...argv: string[]): Promise<readonly [string, number | null, string]> => {
        const { reason, exit, stdout } = await sandbox.exec({ argv, timeout: 20_000, maxOutput: 10_000 });
        return [reason, exit, stdout.toString('utf8')];
      };
      // Into the server's standard output, which is one of podman's pipes: what is sent is in the form of the answer that is due.
      expect(await said('/bin/sh', '-c', `echo '{"id":"c0","exit":0,"signal":null}' 2>/dev/null > /proc/2/fd/1; exit 9`)).toEqual(['exited', 9, '']);
      expect(await said('/bin/grep', '^Seccomp:', '/proc/1/status')).toEqual(['exited', 0, 'Seccomp:\t2\n']);
      expect(await said('/bin/sh', '-c', 'cat /opt/shown/a; head -c 4 /opt/shown/zero 2>/dev/null || echo refused')).toEqual(['exited', 0, 'a\nrefused\n']);
      const forks = 'my @p; for (1 .. $ARGV[0]) { my $pid = fork // last; if (!$pid) { sleep 20; exit } push @p, $pid } print scalar(@p) == $ARGV[0] ? "all" : "fewer"; kill 9, @p';
      expect(await said('/usr/bin/perl', '-e', forks, '20')).toEqual(['exited', 0, 'all']);
      expect(await said('/usr/bin/perl', '-e', forks, '60')).toEqual(['exited', 0, 'fewer']);
    } finally {
      await driver.close();
      await remove(folder);
    }
  });
});

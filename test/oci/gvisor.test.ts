import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { sandboxContract } from '../contract/sandbox.js';
import { ociDriver, ociMissing } from '../support/oci.js';
import { remove, scratch } from '../support/sandbox.js';

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
});

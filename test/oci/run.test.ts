import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Home, openHome } from '../support/cli.js';
import { ociMissing } from '../support/oci.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

const missing = ociMissing('podman', 'catatonit', 'runc');

describe.skipIf(missing !== null)('with podman in place of bubblewrap', () => {
  let home: Home;
  let repo: string;
  beforeAll(() => {
    home = openHome();
    repo = join(home.folder, 'shop');
    makeRepo(repo, SHOP);
  });
  afterAll(() => home[Symbol.asyncDispose]());
  const env = { SALLYPORT_SANDBOX: 'podman' };

  it('a run goes the whole way, and the log says what held', async () => {
    const ran = await home.sally(['run', 'x', '--model', home.model([shell(MEND), finish()])], { env, cwd: repo });
    expect({ code: ran.code, stderr: ran.code === 0 ? '' : ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('red → green');
    const started = (await home.events()).flatMap((e) => (e.type === 'sandbox.started' ? [e.data] : []));
    expect([...new Set(started.map((s) => `${s.driver}: without ${s.missing.join() || 'nothing'}`))]).toEqual(['podman+runc: without nothing']);
    expect(execFileSync('/bin/sh', ['-c', 'find /sys/fs/cgroup -maxdepth 3 -name "sallyport-*" -path "*$1*" | wc -l', 'sh', started[0]?.sandbox ?? ''], { encoding: 'utf8' }).trim()).toBe('0');
  });

  it('doctor tries it, and a guarantee that an installation demands and does not get starts nothing', async () => {
    const doctor = await home.sally(['doctor', '--json'], { env });
    expect((doctor.json as { sandbox: { driver: string } }).sandbox.driver).toBe('podman+runc');
    const ran = await home.sally(['run', 'x', '--model', home.model([finish()])], { env: { ...env, SALLYPORT_SANDBOX_DEMANDS: 'second_kernel' }, cwd: repo });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 4, stderr: expect.stringMatching(/demands second_kernel[\s\S]*SALLYPORT_SANDBOX_RUNTIME=runsc/) });
    const wrong = await home.sally(['doctor'], { env: { SALLYPORT_SANDBOX: 'chroot' } });
    expect([wrong.code, wrong.stderr]).toEqual([expect.any(Number), expect.stringContaining('SALLYPORT_SANDBOX is "chroot", expected one of bwrap, podman')]);
  });
});

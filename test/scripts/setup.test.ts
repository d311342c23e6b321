import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { remove, ROOT, scratch } from '../support/sandbox.js';

let folder: string;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => remove(folder));
const PATH = '/usr/local/bin:/usr/bin:/bin';
const script = join(ROOT, 'scripts/setup.mjs');

describe('the set-up script', () => {
  it('finds everything on a second call, says so and changes nothing', () => {
    const ran = spawnSync('/usr/bin/env', ['node', script], { encoding: 'utf8', env: { PATH, HOME: folder } });
    expect([ran.status, ran.stderr]).toEqual([0, 'setup: ready\n']);
  });

  it('runs the command under a Node that is new enough, whatever the default is', () => {
    const ran = spawnSync('/usr/bin/env', ['node', script, '--', 'node', '-p', 'process.versions.node.split(".")[0] >= 22'], { encoding: 'utf8', env: { PATH, HOME: folder } });
    expect([ran.status, ran.stdout]).toEqual([0, 'true\n']);
  });

  it('hands on the exit code of the command', () => {
    expect(spawnSync('/usr/bin/env', ['node', script, '--', 'node', '-e', 'process.exit(5)'], { env: { PATH, HOME: folder } }).status).toBe(5);
  });

  it('installs nothing when that is forbidden, and names the one command instead', (context) => {
    if (process.getuid?.() !== 0) return context.skip('hiding a program needs root, in a private mount namespace');
    const [upper, work] = [join(folder, 'upper'), join(folder, 'work')];
    mkdirSync(upper);
    mkdirSync(work);
    execFileSync('mknod', [join(upper, 'bwrap'), 'c', '0', '0']); // a whiteout: the file is gone in the merged view
    const hide = `mount -t overlay -o lowerdir=/usr/bin,upperdir=${upper},workdir=${work} overlay /usr/bin && exec "$@"`;
    const ran = spawnSync('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', hide, 'sh', 'env', 'node', script], { encoding: 'utf8', env: { PATH, HOME: folder, SALLYPORT_NO_INSTALL: '1' } });
    expect([ran.status, ran.stderr]).toEqual([4, 'setup: missing Debian packages. Run this as root, then try again:\n  apt-get install -y --no-install-recommends bubblewrap\n']);
  });
});

it('the launcher runs from any folder, an empty home and the default Node', () => {
  const ran = spawnSync('/usr/bin/env', [join(ROOT, 'sally'), '--version'], { encoding: 'utf8', cwd: '/', env: { PATH, HOME: folder } });
  expect([ran.status, ran.stderr, /^\d+\.\d+\.\d+\n$/.test(ran.stdout)]).toEqual([0, '', true]);
});

// Podman with runc, and with runsc, as hardened as `true` allows: what people would use otherwise.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../dist/process/spawn.js';
import { must } from './ground.mjs';

const ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };

/** `{ value: { bodies, close, runscWhy } }`, or `{ value: null, why }`. */
export async function containers({ folder }) {
  if (!existsSync('/usr/bin/podman') || !(existsSync('/usr/sbin/runc') || existsSync('/usr/bin/runc'))) return { value: null, why: 'podman and runc are not installed: apt-get install podman runc' };
  const rootfs = join(folder, 'rootfs');
  for (const name of ['', 'usr', 'proc', 'dev', 'sys', 'tmp', 'etc', 'run', 'var']) mkdirSync(join(rootfs, name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64', 'sbin']) symlinkSync(`usr/${name}`, join(rootfs, name));
  const storage = ['--root', join(folder, 'podman'), '--runroot', join(folder, 'podman-run'), '--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs', '--events-backend', 'none'];
  const options = ['--network', 'none', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', '256', '--memory', '1g', '--ulimit', 'nofile=10000:10000', '--ulimit', 'nproc=2000:2000', '--read-only', '-v', '/usr:/usr:ro'];
  const podman = (runtime, command, ...args) => ['/usr/bin/podman', ...storage, '--runtime', runtime, ...runtimeFlags(runtime), command, ...args];
  const once = (runtime) => () => must(podman(runtime, 'run', '--rm', ...options, '--rootfs', rootfs, '/usr/bin/true'), { env: ENV });
  try {
    await once('runc')();
  } catch (error) {
    return { value: null, why: `podman does not run here: ${error.message.slice(0, 200)}` };
  }
  const name = `sallyport-bench-${process.pid}`;
  await must(podman('runc', 'run', '-d', '--name', name, ...options, '--rootfs', rootfs, '/usr/bin/sleep', '3600'), { env: ENV });
  const bodies = { podman: once('runc'), exec: () => must(podman('runc', 'exec', name, '/usr/bin/true'), { env: ENV }) };
  let runscWhy = existsSync('/usr/bin/runsc') ? undefined : 'runsc is not installed: apt-get install runsc';
  if (runscWhy === undefined) {
    const tried = await once('/usr/bin/runsc')().catch((error) => error);
    if (tried instanceof Error) runscWhy = `runsc does not run here: ${tried.message.slice(0, 200)}`;
    else bodies.runsc = once('/usr/bin/runsc');
  }
  return { value: { bodies, runscWhy, close: async () => void (await run(podman('runc', 'rm', '-f', '-t', '0', name), { env: ENV, timeout: 30_000 })) } };
}

function runtimeFlags(runtime) {
  return runtime.endsWith('runsc') ? ['--runtime-flag', 'platform=ptrace', '--runtime-flag', 'network=none', '--runtime-flag', 'ignore-cgroups'] : [];
}

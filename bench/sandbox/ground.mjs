// What the parts of bench:sandbox work with: a folder of their own, drivers, specifications. Removed at the end.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runtimeFiles } from '../../dist/main/installation.js';
import { newId } from '../../dist/protocol/ids.js';
import { createBwrapDriver } from '../../dist/sandbox/bwrap/driver.js';
import { removeTree } from '../../dist/sandbox/layer.js';
import { run, start } from '../../dist/process/spawn.js';

export const LIMITS = { memory: 1024, pids: 256, cpus: 2 };

export function openGround() {
  const root = process.getuid() === 0;
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  chmodSync(folder, 0o755);
  const user = root ? sandboxUser() : null;
  const privilege = root ? { kind: 'root', ...user } : { kind: 'user' };
  const options = { folder, privilege, runtime: runtimeFiles(), toolchains: [], arch: process.arch };
  const [warm, cold] = [createBwrapDriver(options), createBwrapDriver({ ...options, warm: 0 })];
  const lower = join(folder, 'lower');
  mkdirSync(lower);
  writeFileSync(join(lower, 'a.txt'), 'a\n');
  return {
    folder, user, privilege, warm, cold, lower,
    spec: (workspace = { lowers: [lower], layer: null, fresh: true }) => ({
      id: newId('sb'), phase: 'agent', demanded: [], workspace, mounts: [], egressSocket: null, scratch: null, limits: LIMITS, variables: {},
    }),
    async [Symbol.asyncDispose]() {
      await warm.close();
      await cold.close();
      await removeTree(folder);
    },
  };
}

function sandboxUser() {
  const [, , uid, gid] = readFileSync('/etc/passwd', 'utf8').split('\n').find((l) => l.startsWith('sallyport-sbx:')).split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

export const TRUE = { argv: ['/usr/bin/true'], timeout: 20_000, maxOutput: 1000 };

/** Runs a program to its end; throws what it said when it failed. */
export async function must(argv, options = {}) {
  const result = await run(argv, { timeout: 600_000, env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' }, ...options });
  if (result.exit !== 0) throw new Error(`${argv.slice(0, 3).join(' ')}: ${result.stderr.toString().slice(0, 300)}`);
  return result.stdout.toString();
}

/** Starts a program and waits for its end, as plainly as Node can. */
export async function spawned(argv, user) {
  const child = await start(argv, { cwd: '/', env: {}, stdio: 'ignore', ...(user === null ? {} : { uid: user.uid, gid: user.gid }) });
  await new Promise((resolve) => child.exitCode !== null || child.signalCode !== null ? resolve() : child.once('exit', resolve));
}

/** The least that makes a sandbox of bubblewrap: own namespaces, /usr, and nothing of what this product adds. */
export const BARE_BWRAP = ['/usr/bin/bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64', '--proc', '/proc', '--dev', '/dev', '/usr/bin/true'];

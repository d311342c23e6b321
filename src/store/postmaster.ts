import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** What runs on a data folder. `absent` covers a stale `postmaster.pid`. */
export type Postmaster =
  | { readonly state: 'absent'; readonly stalePid: number | null }
  | { readonly state: 'starting' | 'ready' | 'stopping'; readonly pid: number; readonly socketFolder: string };

/**
 * Reads `postmaster.pid` (lines: pid, data folder, start time, port, socket folder, listen address, shared memory, status). The pid counts only
 * when that process works in the data folder, which a postmaster always does: a reused pid or a zombie does not. `data` is a real path.
 */
export function readPostmaster(data: string): Postmaster {
  const lines = readSmall(join(data, 'postmaster.pid'))?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid < 2) return { state: 'absent', stalePid: null };
  if (!worksIn(pid, data)) return { state: 'absent', stalePid: pid };
  const status = lines[7]?.trim();
  return { state: status === 'ready' ? 'ready' : status === 'stopping' ? 'stopping' : 'starting', pid, socketFolder: lines[4] ?? '' };
}

/** Processes that work in the data folder (a real path): the postmaster and its backends, also orphaned ones. */
export function processesIn(data: string): number[] {
  return readdirSync('/proc').map(Number).filter((pid) => Number.isInteger(pid) && worksIn(pid, data));
}

/** True while the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const stat = readSmall(`/proc/${pid}/stat`);
  return stat !== null && !/\) [ZX] /.test(stat);
}

/** `folder` may have been removed under the process: the kernel then says so behind its path. */
function worksIn(pid: number, folder: string): boolean {
  try {
    const at = readlinkSync(`/proc/${pid}/cwd`);
    return at === folder || at === `${folder} (deleted)`;
  } catch {
    return false; // ended, a zombie, or another account's process, which ours never is
  }
}

/**
 * Why root cannot see what processes of the database account do, or null. Without CAP_SYS_PTRACE (proc(5), /proc/PID/cwd), as in containers, a postmaster that lives would look like one that is gone, and a second
 * would be started on its data. `status` is /proc/self/status.
 */
export function blindRoot(status: string): string | null {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  if (effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_SYS_PTRACE) & 1n) === 1n) return null;
  return 'this process is root without CAP_SYS_PTRACE, as in a container, and cannot see what the database\'s processes do';
}

export const BLIND_HINT = 'Start the container with --cap-add SYS_PTRACE (docs/ci.md), or give Sallyport a database by DATABASE_URL.';
const CAP_SYS_PTRACE = 19n;

/** The folder belongs to the database account: a link or a FIFO laid there must not lead this process astray or stop it. */
function readSmall(path: string): string | null {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) return null;
    const buffer = Buffer.alloc(4096);
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch {
    return null;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

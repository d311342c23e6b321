import { readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../layer.js';
import { CGROUPS, ownGroup, PREFIX } from './delegation.js';

const ATTEMPTS = 200;

/** Folders in which sandbox groups are made: the controllers of v1 (`devices` by OCI runtimes only), the root and our own subtree of v2. */
async function places(root: string): Promise<string[]> {
  const own = await ownGroup();
  return [...['memory', 'pids', 'cpu', 'devices'].map((c) => join(root, c)), root, ...(own === null || own === '/' ? [] : [join(root, own)])];
}

/**
 * Kills whatever is left in the groups of these sandboxes and removes the groups. What dies with its worker is dead already; this is for a
 * worker that hangs, while another one takes its task and its layer over. Throws when something does not die.
 */
export async function reapGroups(ids: readonly string[], root = CGROUPS): Promise<void> {
  const known = ids.filter((id) => /^sb_[0-9a-z]+$/.test(id));
  for (const place of await places(root)) for (const id of known) await end(join(place, PREFIX + id));
}

async function end(group: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    await writeFile(join(group, 'cgroup.kill'), '1').catch(() => undefined); // v2 only: no fork can outrun it
    for (const pid of await members(group)) kill(pid);
    for (const inner of await groupsIn(group)) await end(inner);
    try {
      return await rmdir(group);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return;
      if (code !== 'EBUSY' || attempt >= ATTEMPTS) throw error;
    }
    await sleep(10);
  }
}

/**
 * Removes groups that have no process and are older than `age` ms: a killed worker left them. A group that is being set up is filled within
 * moments, one with a process is somebody's. Returns what was removed.
 */
export async function sweepGroups(age: number, now: number, root = CGROUPS): Promise<string[]> {
  const removed: string[] = [];
  for (const place of await places(root)) {
    const names = (await readdir(place).catch((): string[] => [])).filter((n) => n.startsWith(PREFIX));
    for (const group of names.map((n) => join(place, n))) {
      const made = (await stat(group).catch(() => null))?.mtimeMs;
      if (made === undefined || now - made < age || (await filled(group))) continue;
      if (await removeGroup(group)) removed.push(group); // another worker was first, or it has a process now
    }
  }
  return removed;
}

/** Removes layers that were to vanish with their sandbox and are older than `age` ms: their worker was killed. Returns what was removed. */
export async function sweepLayers(folder: string, age: number, now: number): Promise<string[]> {
  const removed: string[] = [];
  for (const name of (await readdir(folder).catch((): string[] => [])).filter((n) => n.startsWith('fresh-'))) {
    const path = join(folder, name);
    const made = (await stat(path).catch(() => null))?.mtimeMs;
    if (made === undefined || now - made < age) continue;
    if (await removeTree(path).then(() => true, () => false)) removed.push(path);
  }
  return removed;
}

/** A group and those that an OCI runtime made in it. False when it was not there, or has a process. */
export async function removeGroup(group: string): Promise<boolean> {
  for (const inner of await groupsIn(group)) await removeGroup(inner);
  return await rmdir(group).then(() => true, () => false);
}

async function filled(group: string): Promise<boolean> {
  if ((await members(group)).length > 0) return true;
  for (const inner of await groupsIn(group)) if (await filled(inner)) return true;
  return false;
}

/** The groups right below one. */
export async function groupsIn(group: string): Promise<string[]> {
  const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isDirectory()).map((e) => join(group, e.name));
}

async function members(group: string): Promise<number[]> {
  const text = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  return text.split('\n').map(Number).filter((pid) => pid > 1);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

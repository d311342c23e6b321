import { access, constants, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where every system shows its cgroups. */
export const CGROUPS = '/sys/fs/cgroup';
/** All groups of ours begin like this, and are swept by it. */
export const PREFIX = 'sallyport-';
/** In a group that was divided: the leaf with the processes that are in no sandbox, Sallyport's own among them. */
const HOST = `${PREFIX}host`;
const CONTROLLERS = ['memory', 'pids', 'cpu'] as const;
const ATTEMPTS = 200;

/** What is in the way, and the remedy where it is not the usual one. */
export interface Blocked {
  readonly why: string;
  readonly hint?: string;
}

/** The folder in which sandboxes' groups of version 2 are made. */
export type Delegated = { readonly base: string } | Blocked;

/** A group of version 2, as its files tell. */
export interface GroupState {
  readonly name: string;
  /** `cgroup.type`, which the kernel's own root group does not have. */
  readonly type: string | null;
  readonly controllers: string;
  readonly subtree: string;
  /** Whether groups can be made in it and processes moved to them. */
  readonly ours: boolean;
  /** Whether `cgroup.subtree_control` can be written. */
  readonly divisible: boolean;
}

/**
 * What has to be done before groups with limits can be made in a group. `divide`: a group that hands controllers on has no process of its own
 * ("no internal processes", cgroup-v2), so they move to a leaf first. The kernel's root group is free of that rule: `enable`.
 */
export type Step = { readonly to: 'use' | 'enable' | 'divide' } | { readonly to: 'leave'; readonly blocked: Blocked };

/** The group to which a process's sandboxes belong, from the text of /proc/PID/cgroup: its own, or the one that was divided. Null when there is none of version 2 to be seen. */
export function groupIn(text: string): string | null {
  const own = /^0::(\/.*)$/m.exec(text)?.[1];
  if (own === undefined || own.split('/').includes('..')) return null; // outside of the namespace that is seen here
  return basename(own) === HOST ? dirname(own) : own;
}

export function stepFor(group: GroupState): Step {
  const lackingIn = (text: string): string[] => CONTROLLERS.filter((c) => !text.split(/\s+/).includes(c));
  const leave = (why: string, hint?: string): Step => ({ to: 'leave', blocked: hint === undefined ? { why } : { why, hint } });
  if (!group.ours) return leave(`the group "${group.name}" belongs to another user, or is read-only`);
  if (lackingIn(group.subtree).length === 0) return { to: 'use' };
  const lacking = lackingIn(group.controllers);
  if (lacking.length > 0) {
    return leave(`the group "${group.name}" has no ${lacking.join(', ')} to hand on`, 'Run as root, or in a delegated scope whose parents hand the controllers on: systemctl edit user@.service, with [Service] and Delegate=cpu memory pids.');
  }
  if (!group.divisible) return leave(`the controllers of the group "${group.name}" are another user's to hand on`);
  if (group.type === null) return { to: 'enable' };
  return group.type === 'domain' ? { to: 'divide' } : leave(`the group "${group.name}" is ${group.type}`);
}

/** Finds a group of version 2 in which memory, pids and cpu can be bounded: the root's where it hands them on, else the caller's own, which is divided where that is needed and allowed. */
export async function delegatedGroup(): Promise<Delegated> {
  const root = await stateOf(CGROUPS, '/');
  if (stepFor(root).to === 'use' && (await divides(CGROUPS))) return { base: CGROUPS };
  const own = await ownGroup();
  if (own === null) return { why: 'this process is in no cgroup of version 2' };
  const base = own === '/' ? CGROUPS : join(CGROUPS, own);
  const step = stepFor(await stateOf(base, own));
  if (step.to === 'leave') return step.blocked;
  try {
    if (step.to === 'enable') await handOn(base);
    if (step.to === 'divide') await divide(base);
  } catch (error) {
    return { why: `the group "${own}" cannot be divided: ${error instanceof Error ? error.message : String(error)}` };
  }
  return (await divides(base)) ? { base } : { why: `no group can be made in "${own}"` };
}

/** The group of this process's sandboxes, from the root of what is seen. */
export async function ownGroup(): Promise<string | null> {
  return groupIn(await readFile('/proc/self/cgroup', 'utf8').catch(() => ''));
}

async function stateOf(folder: string, name: string): Promise<GroupState> {
  const text = (file: string): Promise<string | null> => readFile(join(folder, file), 'utf8').catch(() => null);
  const writable = (file: string): Promise<boolean> => access(join(folder, file), constants.W_OK).then(() => true, () => false);
  return {
    name, type: (await text('cgroup.type'))?.trim() ?? null, controllers: (await text('cgroup.controllers')) ?? '', subtree: (await text('cgroup.subtree_control')) ?? '',
    ours: (await writable('.')) && (await writable('cgroup.procs')), divisible: await writable('cgroup.subtree_control'),
  };
}

/** Makes and removes a group, to be sure. */
async function divides(base: string): Promise<boolean> {
  const name = join(base, `${PREFIX}probe-${process.pid}`);
  return await mkdir(name).then(() => rmdir(name)).then(() => true, () => false);
}

/** All three at once: the kernel takes all or none. */
async function handOn(base: string): Promise<void> {
  await writeFile(join(base, 'cgroup.subtree_control'), CONTROLLERS.map((c) => `+${c}`).join(' '));
}

/**
 * Another process may do the same at the same time: both use one leaf, and whoever comes later finds the group divided. It stays so, since nobody can know
 * that no other Sallyport counts on it: the leaf, and the process in it, end with the group, which systemd removes whole.
 */
async function divide(base: string): Promise<void> {
  const leaf = join(base, HOST);
  for (let attempt = 0; ; attempt++) {
    try {
      await mkdir(leaf).catch(unless('EEXIST'));
      await move(base, leaf);
      return await handOn(base);
    } catch (error) {
      // EBUSY: a process was started in between. ENOENT: another removed the leaf while it was empty.
      if (attempt < ATTEMPTS && ['EBUSY', 'ENOENT'].includes(codeOf(error))) {
        await sleep(attempt < 20 ? 0 : 5);
        continue;
      }
      await move(leaf, base).catch(() => undefined);
      await rmdir(leaf).catch(() => undefined);
      throw error;
    }
  }
}

/** Moves every process. One that ends meanwhile needs no group. */
async function move(from: string, to: string): Promise<void> {
  const pids = (await readFile(join(from, 'cgroup.procs'), 'utf8')).split('\n').filter((line) => line !== '');
  if (pids.includes('0')) throw new Error('it has processes that are not seen from here');
  for (const pid of pids) await writeFile(join(to, 'cgroup.procs'), pid).catch(unless('ESRCH'));
}

function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (codeOf(error) !== code) throw error;
  };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

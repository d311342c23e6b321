import { access, mkdir, readFile, rename, rmdir, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SallyportError } from '../../protocol/errors.js';
import type { Guarantee } from '../../protocol/guarantee.js';
import type { Limits, MissingGuarantee, Usage } from '../sandbox.js';
import { CGROUPS, delegatedGroup, PREFIX } from './delegation.js';
import { groupsIn, removeGroup } from './reap.js';

const MIB = 1024 * 1024;

/** Which kind of cgroups this process may make, found by trying. `base` is the folder below which groups are made. */
export type CgroupSupport = { readonly version: 1 } | { readonly version: 2; readonly base: string } | { readonly version: 0; readonly why: string; readonly hint?: string };

/** The groups of one sandbox. */
export interface Cgroup {
  /** Gives the groups the sandbox's name and limits; after this the process that was put in, and whatever it starts, is bounded. */
  claim(id: string, limits: Limits): Promise<void>;
  usage(): Promise<Usage>;
  oomKills(): Promise<number>;
  remove(): Promise<void>;
}

/** What a cgroup enforces, all or nothing. */
export const LIMITS: readonly Guarantee[] = ['memory_limit', 'pids_limit', 'cpu_limit'];

/** Looks for version 2 where it is mounted alone, else tries the controllers of version 1. Makes and removes a group to be sure. */
export async function detectCgroups(): Promise<CgroupSupport> {
  if (await access(`${CGROUPS}/cgroup.controllers`).then(() => true, () => false)) {
    const found = await delegatedGroup();
    return 'base' in found ? { version: 2, base: found.base } : { version: 0, ...found };
  }
  const name = `${PREFIX}probe-${process.pid}`;
  try {
    for (const controller of ['memory', 'pids', 'cpu']) {
      await mkdir(`${CGROUPS}/${controller}/${name}`);
      await rmdir(`${CGROUPS}/${controller}/${name}`);
    }
    return { version: 1 };
  } catch (error) {
    return { version: 0, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What limits of a process (prlimit) do in their place. */
const WEAKER: Readonly<Partial<Record<Guarantee, string>>> = {
  memory_limit: '; weaker: each process alone is bounded, not all together', pids_limit: '; weaker: a limit of the process bounds their number, and what was refused is not counted',
};

/** What is missing without cgroups, for `doctor`. */
export function missingLimits(support: CgroupSupport): MissingGuarantee[] {
  if (support.version !== 0) return [];
  return LIMITS.map((guarantee) => ({
    guarantee, why: `no cgroup can be made (${support.why})${WEAKER[guarantee] ?? ''}`,
    hint: support.hint ?? 'Run as root, or in a scope with delegation: systemd-run --user --scope -p Delegate=yes -- sallyport …',
  }));
}

/**
 * Groups for a process that waits to become a sandbox. v1: made and joined now, since the first attachment waits for the kernel (10 to 30 ms);
 * `claim` renames them. v2 cannot rename and attaches quickly: made and joined by `claim`. Null without cgroups.
 */
export async function prepareCgroup(support: CgroupSupport, name: string, pid: number): Promise<Cgroup | null> {
  if (support.version === 0) return null;
  return support.version === 1 ? await version1(name, pid) : version2(support.base, pid);
}

async function version1(name: string, pid: number): Promise<Cgroup> {
  let current = name;
  const at = (controller: string, id = current): string => `${CGROUPS}/${controller}/${PREFIX}${id}`;
  const controllers = ['memory', 'pids', 'cpu'];
  const remove = async (): Promise<void> => {
    await removeAll(controllers.map((c) => at(c)));
    await removeGroup(at('devices')); // an OCI runtime's own, empty with the others
  };
  try {
    for (const controller of controllers) await mkdir(at(controller));
    for (const controller of controllers) await writeFile(`${at(controller)}/cgroup.procs`, String(pid));
  } catch (error) {
    await remove();
    throw error;
  }
  const oomKills = (): Promise<number> => counter(`${at('memory')}/memory.oom_control`, /oom_kill (\d+)/);
  return {
    oomKills, remove,
    async claim(id, limits) {
      await writeFile(`${at('memory')}/memory.limit_in_bytes`, String(limits.memory * MIB));
      await writeFile(`${at('memory')}/memory.memsw.limit_in_bytes`, String(limits.memory * MIB)).catch(() => undefined); // absent without swap accounting
      await writeFile(`${at('pids')}/pids.max`, String(limits.pids));
      await writeFile(`${at('cpu')}/cpu.cfs_period_us`, '100000');
      await writeFile(`${at('cpu')}/cpu.cfs_quota_us`, String(Math.round(limits.cpus * 100_000)));
      // The folder `memory` goes first: should the worker die in between, its group is found by either name, empty, and swept.
      for (const controller of controllers) await rename(at(controller), at(controller, id));
      current = id;
    },
    usage: async () => ({
      oomKills: await oomKills().catch(() => 0), // another worker may have reaped the group: these are only shown
      pidsRefused: await field(`${at('pids')}/pids.events`, /max (\d+)/),
      peakBytes: await field(`${at('memory')}/memory.max_usage_in_bytes`, /(\d+)/),
      cpuMs: null,
    }),
  };
}

function version2(base: string, pid: number): Cgroup {
  let folder: string | null = null;
  const oomKills = (): Promise<number> => counter(`${folder}/memory.events`, /oom_kill (\d+)/);
  return {
    oomKills,
    async claim(id, limits) {
      folder = `${base}/${PREFIX}${id}`;
      await mkdir(folder);
      await writeFile(`${folder}/memory.max`, String(limits.memory * MIB));
      await writeFile(`${folder}/memory.swap.max`, '0').catch(() => undefined); // absent without swap accounting
      await writeFile(`${folder}/pids.max`, String(limits.pids));
      await writeFile(`${folder}/cpu.max`, `${Math.round(limits.cpus * 100_000)} 100000`);
      await writeFile(`${folder}/cgroup.procs`, String(pid));
    },
    usage: async () => ({
      oomKills: await oomKills().catch(() => 0),
      pidsRefused: await refusedIn(folder ?? ''),
      peakBytes: await field(`${folder}/memory.peak`, /(\d+)/),
      cpuMs: Math.round((await field(`${folder}/cpu.stat`, /usage_usec (\d+)/)) / 1000),
    }),
    remove: async () => (folder === null ? undefined : await removeAll([folder])),
  };
}

/** A counter that decides how a command ended. One that cannot be read is an error: taken as 0, a kill would pass for the command's own end. */
async function counter(file: string, pattern: RegExp): Promise<number> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SallyportError('sandbox.failed', `Cannot read the counter "${basename(file)}" of a sandbox's cgroup`, { cause });
  });
  const value = pattern.exec(text)?.[1];
  if (value === undefined) throw new SallyportError('sandbox.failed', `The counter "${basename(file)}" of a sandbox's cgroup has no ${pattern.source}`);
  return Number(value);
}

/** A figure that is only shown; not every kernel has each. */
async function field(file: string, pattern: RegExp): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return Number(pattern.exec(text)?.[1] ?? 0);
}

/** Kernels before 6.11 count a refusal in the group of the process that was refused, which an OCI runtime may have made below the one with the limit. */
async function refusedIn(folder: string): Promise<number> {
  const inner = await Promise.all((await groupsIn(folder)).map(refusedIn));
  return inner.reduce((sum, n) => sum + n, await field(`${folder}/pids.events`, /max (\d+)/));
}

/** The kernel lets a group go only after its last process is reaped, which takes a moment. */
async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for (let attempt = 0; ; attempt++) {
      try {
        await rmdir(folder);
        break;
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === 'ENOENT') break;
        if (code !== 'EBUSY' || attempt >= 400) throw error;
        for (const inner of await groupsIn(folder)) await removeGroup(inner); // an OCI runtime's own
        await sleep(attempt < 20 ? 1 : 10);
      }
    }
  }
}

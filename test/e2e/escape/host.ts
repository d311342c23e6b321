import { type Dirent, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type ChildProcess, killGroup, start } from '../../../src/process/spawn.js';
import { held, type Outcome, type Room, unclear, worked } from './row.js';

/**
 * What the host sees of a sandbox that has a kernel of its own (gVisor). What runs inside has no process of the host's that shows its command line: the kernel inside is a program,
 * each address space below it is one more process, and a third kind opens files for it. They are found by the sandbox's groups.
 */
export interface HostProcess {
  readonly pid: number;
  readonly part: 'kernel' | 'code' | 'files' | 'other';
  /** A field of /proc/PID/status. */
  status(field: string): string;
  /** A field of /proc/PID/stat by its number in proc(5), from 3 on, of each of its threads. */
  stat(number: number): number[];
  /** A small file of /proc/PID. */
  text(name: string): string;
  namespace(kind: string): string;
  /** Devices that it has open, but those that everybody may: null, zero, full, random, urandom. */
  devices(): string[];
}

/** A complaint about a process, or null. */
export type Complaint = (process: HostProcess) => string | null;

const GROUPS = '/sys/fs/cgroup';
/** null, zero, full, random, urandom. */
const HARMLESS = [3, 5, 7, 8, 9].map((minor) => `1:${minor}`);

/** The groups of a sandbox, wherever this machine has them. */
function groupsOf(id: string): string[] {
  const places = [GROUPS, ...folders(GROUPS).map((name) => `${GROUPS}/${name}`)];
  return places.map((place) => `${place}/sallyport-${id}`).filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

/** A number in a file of the sandbox's groups; 0 where there is no such file. */
export function counter(room: Pick<Room, 'sandbox'>, name: string, pattern: RegExp): number {
  for (const group of groupsOf(room.sandbox.id)) {
    const text = reading(() => readFileSync(`${group}/${name}`, 'utf8'));
    if (text !== null) return Number(pattern.exec(text)?.[1] ?? 0);
  }
  return 0;
}

/** Processes of a sandbox's groups and those below them. */
export function processesOf(id: string): HostProcess[] {
  const pids = new Set(groupsOf(id).flatMap(membersOf));
  return [...pids].flatMap((pid) => reading(() => lookAt(pid)) ?? []);
}

function membersOf(group: string): number[] {
  const own = (reading(() => readFileSync(`${group}/cgroup.procs`, 'utf8')) ?? '').split('\n').filter((line) => line !== '').map(Number);
  return [...own, ...folders(group).flatMap((name) => membersOf(`${group}/${name}`))];
}

function lookAt(pid: number): HostProcess {
  const at = `/proc/${pid}`;
  const text = (name: string): string => readFileSync(`${at}/${name}`, 'utf8');
  return {
    pid, text, part: partOf(pid),
    status: (field) => new RegExp(`^${field}:\\s+(.*)$`, 'm').exec(text('status'))?.[1] ?? '',
    stat: (number) => folders(`${at}/task`).flatMap((thread) => reading(() => Number(text(`task/${thread}/stat`).replace(/^.*\) /s, '').split(' ')[number - 3])) ?? []),
    namespace: (kind) => readlinkSync(`${at}/ns/${kind}`),
    devices: () => readdirSync(`${at}/fd`).flatMap((fd) => {
      const info = reading(() => statSync(`${at}/fd/${fd}`));
      if (info === null || !(info.isCharacterDevice() || info.isBlockDevice())) return [];
      const number = `${(info.rdev >> 8) & 0xfff}:${info.rdev & 0xff}`;
      return info.isCharacterDevice() && HARMLESS.includes(number) ? [] : [`${readlinkSync(`${at}/fd/${fd}`)} (${number})`];
    }),
  };
}

/** gVisor starts itself anew as `boot` and as `gofer`; an address space is a fork of the first, and its command line is empty. */
function partOf(pid: number): HostProcess['part'] {
  if (basename(readlinkSync(`/proc/${pid}/exe`)) !== 'runsc') return 'other';
  const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  if (argv.includes('boot')) return 'kernel';
  if (argv.includes('gofer')) return 'files';
  return argv.every((a) => a === '') ? 'code' : 'other';
}

/** Looks at every process that has a part in what runs inside. Where the kernel inside or the code is not seen, nothing was looked at. */
export function seenOutside(room: Pick<Room, 'sandbox'>, complaint: Complaint): Outcome {
  const all = processesOf(room.sandbox.id).filter((p) => p.part !== 'other');
  for (const part of ['kernel', 'code'] as const) if (!all.some((p) => p.part === part)) return unclear(`the host sees no ${part} of the sandbox`);
  const found = all.flatMap((p) => {
    const said = reading(() => complaint(p));
    return said === null ? [] : [`${p.part} ${p.pid}: ${said}`];
  })[0];
  return found === undefined ? held(`${all.length} processes as the host sees them`) : worked(found);
}

/** The same look at a program of the host's own, to show that it would be seen. It prints a line when it is ready. */
export async function seenBeside(argv: readonly string[], complaint: Complaint): Promise<Outcome> {
  return await beside(argv, async (child) => {
    const said = complaint(lookAt(child.pid as number));
    return said === null ? held('nothing is seen of it') : worked(said);
  });
}

async function beside(argv: readonly string[], body: (child: ChildProcess) => Promise<Outcome>): Promise<Outcome> {
  const child = await start(argv, { env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', () => reject(new Error(`${argv[0]} ended before it was looked at`)));
    });
    return await body(child);
  } finally {
    killGroup(child);
  }
}

/** A process by its number and when it began: the number may be given to another one later. */
export interface Seen {
  readonly pid: number;
  readonly began: number;
}

/** Those of a sandbox that still run. */
export function stillRunning(seen: readonly Seen[]): number[] {
  return seen.filter(({ pid, began }) => reading(() => {
    const now = lookAtStat(pid);
    return now.began === began && !/[ZX]/.test(now.state);
  }) === true).map(({ pid }) => pid);
}

export function seenNow(id: string): Seen[] {
  return processesOf(id).flatMap(({ pid }) => {
    const now = reading(() => lookAtStat(pid));
    return now === null ? [] : [{ pid, began: now.began }];
  });
}

function lookAtStat(pid: number): { state: string; began: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ');
  return { state: fields[0] ?? '', began: Number(fields[19]) };
}

/** All of several that must each have been noticed. */
export function each(...outcomes: readonly Outcome[]): Outcome {
  return outcomes.find((o) => o.worked !== true) ?? worked(outcomes.map((o) => o.detail).join(', '));
}

function folders(path: string): string[] {
  return (reading(() => readdirSync(path, { withFileTypes: true })) ?? ([] as Dirent[])).filter((e) => e.isDirectory()).map((e) => e.name);
}

/** Null where a process or a group ended while it was read. */
function reading<T>(body: () => T): T | null {
  try {
    return body();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV' || code === 'ENOTDIR' || code === 'EINVAL') return null;
    throw error;
  }
}

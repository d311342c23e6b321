import { appendFile, lstat, opendir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../sandbox/layer.js';
import type { Folders } from './folders.js';

/** What can be made anew when it is gone. */
const KINDS = ['snapshots', 'trees'] as const;
type Kind = (typeof KINDS)[number];

/** File of a run's folder that names what the run lies on, a line each. It vanishes with the run. */
const USES = 'uses';
/** Beside each thing: its time says when it was last used. */
const MARK = '.used';
/** Whatever was used within this time stays, also what no run names yet: it may just be being taken. */
const YOUNG_MS = 3600 * 1000;

/** GiB that frozen setups and laid-out trees may take together, where nothing else is said. */
export const DEFAULT_CACHE_GIB = 20;

/** Says that a run lies on something, before it does. `name` is that of a folder below `folders[kind]`. */
export async function noteUse(folders: Folders, runFolder: string, kind: Kind, name: string, now: Date = new Date()): Promise<void> {
  await appendFile(join(runFolder, USES), `${kind}/${name}\n`);
  const mark = join(folders[kind], `${name}${MARK}`);
  await writeFile(mark, '', { flag: 'a' });
  await utimes(mark, now, now);
}

export interface Collected {
  readonly removed: readonly { readonly path: string; readonly bytes: number }[];
  /** Bytes on disk of what is left. */
  readonly kept: number;
}

export interface GarbageOptions {
  readonly folders: Folders;
  /** Bytes on disk that may be kept; what is in use is kept beyond it. */
  readonly limit: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Removes frozen setups and laid-out trees, the longest unused first, until the rest is within the limit. Nothing that a run names is touched, also when the run is
 * stopped and may be resumed. What cannot be removed stays for the next time.
 */
export async function collectGarbage({ folders, limit, now }: GarbageOptions): Promise<Collected> {
  const used = await usedByRuns(folders);
  const found = (await Promise.all(KINDS.map((kind) => listed(folders, kind)))).flat();
  let kept = found.reduce((sum, thing) => sum + thing.bytes, 0);
  const removed: { path: string; bytes: number }[] = [];
  for (const thing of found.sort((a, b) => a.at - b.at)) {
    if (kept <= limit) break;
    if (used.has(thing.name) || now - thing.at < YOUNG_MS) continue;
    if (await taken(folders, thing, now)) continue;
    if (!(await removeTree(thing.path).then(() => true, () => false))) continue;
    await rm(`${thing.path}${MARK}`, { force: true });
    kept -= thing.bytes;
    removed.push({ path: thing.path, bytes: thing.bytes });
  }
  return { removed, kept };
}

/** Looked at again right before it goes: a run may have named it since. */
async function taken(folders: Folders, thing: Thing, now: number): Promise<boolean> {
  const at = (await stat(`${thing.path}${MARK}`).catch(() => null))?.mtimeMs ?? thing.at;
  return now - at < YOUNG_MS || (await usedByRuns(folders)).has(thing.name);
}

async function usedByRuns(folders: Folders): Promise<Set<string>> {
  const runs = await readdir(folders.runs).catch((): string[] => []);
  const texts = await Promise.all(runs.map((run) => readFile(join(folders.runs, run, USES), 'utf8').catch(() => '')));
  return new Set(texts.flatMap((text) => text.split('\n')).filter((line) => line !== ''));
}

interface Thing {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** When it was last used, in milliseconds since the epoch. */
  readonly at: number;
}

async function listed(folders: Folders, kind: Kind): Promise<Thing[]> {
  const names = (await readdir(folders[kind]).catch((): string[] => [])).filter((n) => /^(snap_[0-9a-f]{32}|[0-9a-f]{40,64})$/.test(n));
  return await Promise.all(names.map(async (name) => {
    const path = join(folders[kind], name);
    const mark = (await stat(`${path}${MARK}`).catch(() => null)) ?? (await stat(path).catch(() => null));
    return { name: `${kind}/${name}`, path, bytes: await sizeOf(path), at: mark?.mtimeMs ?? 0 };
  }));
}

/** Bytes on disk, holes of images left out. Looks at every entry and opens none. */
async function sizeOf(path: string): Promise<number> {
  const info = await lstat(path).catch(() => null);
  if (info === null) return 0;
  if (!info.isDirectory()) return info.blocks * 512;
  let bytes = info.blocks * 512;
  for await (const entry of await opendir(path)) bytes += await sizeOf(join(path, entry.name));
  return bytes;
}

import { lstat, readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { removeTree } from '../sandbox/layer.js';
import type { Task } from '../store/store.js';
import type { Folders } from './folders.js';

/** A laying-out or a setup takes minutes and ends with its worker; what is this old was left by one that was killed. */
const DRAFT_MS = 24 * 3600 * 1000;
const DRAFT = /^(\.draft-|\.probe-|index-|fast_import_crash_|tmp_)/;

export interface SweepOptions {
  readonly folders: Folders;
  /** Null when there is no such task. */
  readonly task: (id: string) => Promise<Pick<Task, 'state' | 'lease'> | null>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Removes what killed workers left in the state directory, and only what is certainly dead: drafts older than a day, sockets that nobody
 * listens on, folders of runs whose task has ended and that nobody works on. Returns the paths. What cannot be removed stays for the
 * next worker: tidying up never fails a task.
 */
export async function sweep(options: SweepOptions): Promise<string[]> {
  const found = [...(await oldDrafts(options)), ...(await deadSockets(options.folders.sockets)), ...(await endedRuns(options))];
  const removed: string[] = [];
  for (const path of found) if (await removeTree(path).then(() => true, () => false)) removed.push(path);
  return removed;
}

async function oldDrafts({ folders, now }: SweepOptions): Promise<string[]> {
  const mirrors = (await namesIn(folders.mirrors)).filter((n) => n.endsWith('.git')).map((n) => join(folders.mirrors, n));
  const places = [folders.trees, folders.snapshots, folders.mirrors, join(folders.sandbox, 'runtime'), ...mirrors.flatMap((m) => [m, join(m, 'objects/pack')])];
  const drafts = (await Promise.all(places.map(async (place) => (await namesIn(place)).filter((n) => DRAFT.test(n)).map((n) => join(place, n))))).flat();
  const old = await Promise.all(drafts.map(async (path) => now - ((await lstat(path).catch(() => null))?.mtimeMs ?? now) > DRAFT_MS));
  return drafts.filter((_, i) => old[i]);
}

async function deadSockets(place: string): Promise<string[]> {
  const sockets = (await namesIn(place)).filter((n) => /^e-.*\.sock$/.test(n)).map((n) => join(place, n));
  const dead = await Promise.all(sockets.map(refused));
  return sockets.filter((_, i) => dead[i]);
}

/** True when nobody listens: the process that did is gone, and nobody can take the name over. */
function refused(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(false)).once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    socket.once('connect', () => socket.destroy());
  });
}

async function endedRuns({ folders, task, now }: SweepOptions): Promise<string[]> {
  const ended: string[] = [];
  for (const run of (await namesIn(folders.runs)).filter((n) => /^run_[0-9a-z]+$/.test(n))) {
    const of = await task(run.replace(/^run_/, 'task_'));
    if (of !== null && ['done', 'refused', 'failed'].includes(of.state) && (of.lease === null || Date.parse(of.lease.until) < now)) ended.push(join(folders.runs, run));
  }
  return ended;
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((): string[] => []); // not made yet
}

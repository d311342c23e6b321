import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChangeEntry, importChange } from '../../../src/git/change.js';
import { type Mirror, openMirror, resolveRef, updateMirror } from '../../../src/git/mirror.js';
import type { Skipped } from '../../../src/git/tree.js';
import { applyChange } from '../../../src/git/worktree.js';
import { extractChange } from '../../../src/sandbox/extract.js';
import { makeRepo, write } from '../../support/repo.js';
import type { Room } from './row.js';

/** What became of a change on its whole way: out of the layer, into the mirror, into a person's working tree. */
export interface Left {
  /** Code of the error that refused it, or null. */
  readonly refused: string | null;
  readonly entries: readonly ChangeEntry[];
  readonly skipped: readonly Skipped[];
  /** Paths in the person's tree afterwards, its own `.git` left out. */
  readonly tree: readonly string[];
  readonly patch: string;
  /** What must never be, whatever the change is. Null when nothing of it is. */
  readonly alarm: string | null;
}

const BASE = { 'a.txt': 'base\n', 'dir/b.txt': 'b\n', writable: '' };
let base: Promise<{ mirror: Mirror; commit: string }> | undefined;
let changes = 0;

/** The mirror of the tree that all rooms have, made once. */
export function mirrorOf(folder: string): Promise<{ mirror: Mirror; commit: string }> {
  return (base ??= (async () => {
    const repo = join(folder, 'base-repository');
    makeRepo(repo, BASE);
    const mirror = await openMirror(join(folder, 'mirrors'), repo);
    await updateMirror(mirror, { kind: 'folder', path: repo });
    return { mirror, commit: (await resolveRef(mirror, 'HEAD')).commit };
  })());
}

/** Where what was planted would leave its mark, if the host ran it. */
export const markerOf = (room: Room): string => join(room.folder, 'marker');

/** Ends the room's sandbox and takes its change all the way to a person's tree, as a run and `apply` do. */
export async function leave(room: Room): Promise<Left> {
  const { mirror, commit } = await mirrorOf(room.outer.folder);
  await room.sandbox.close();
  const person = join(room.folder, 'person/tree');
  mkdirSync(join(person, '.git/hooks'), { recursive: true });
  writeFileSync(join(person, '.git/config'), 'a person\'s own\n');
  write(person, BASE);
  writeFileSync(join(room.folder, 'person/beside'), 'beside\n');
  let entries: readonly ChangeEntry[] = [];
  let skipped: readonly Skipped[] = [];
  let patch = '';
  let refused: string | null = null;
  try {
    const taken = await extractChange({ driver: room.target.driver, layer: room.layer, lowers: [room.lower], baseTree: room.lower, excluded: ['node_modules'], journal: room.journal });
    ({ entries, skipped } = taken);
    const change = await importChange(mirror, commit, entries, `refs/sallyport/escape/${room.n}-${changes++}`);
    skipped = [...skipped, ...change.skipped];
    patch = change.patch.toString('utf8');
    await applyChange(mirror, person, commit, change.commit, change.files);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    refused = code;
  }
  return { refused, entries, skipped, patch, tree: treeOf(person), alarm: alarmOf(room, person) };
}

/** Follows no link: what a change links to is none of the tree. */
function treeOf(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((e) => {
    const path = below === '' ? e.name : `${below}/${e.name}`;
    if (path === '.git') return [];
    return e.isDirectory() ? [path, ...treeOf(folder, path)] : [path];
  });
}

function alarmOf(room: Room, person: string): string | null {
  if (existsSync(markerOf(room))) return 'something of the change ran on the host';
  if (readFileSync(join(person, '.git/config'), 'utf8') !== 'a person\'s own\n' || readdirSync(join(person, '.git')).sort().join() !== 'config,hooks' || readdirSync(join(person, '.git/hooks')).length > 0) return 'the person\'s .git was written to';
  if (readdirSync(join(room.folder, 'person')).sort().join() !== 'beside,tree' || readFileSync(join(room.folder, 'person/beside'), 'utf8') !== 'beside\n') return 'something beside the tree was written';
  for (const path of treeOf(person)) {
    const info = lstatSync(join(person, path));
    if (!info.isFile() && !info.isDirectory() && !info.isSymbolicLink()) return `${path} is neither file, folder nor link`;
    if ((info.mode & 0o7000) !== 0 && !info.isSymbolicLink()) return `${path} has mode ${info.mode.toString(8)}`;
  }
  return null;
}

import { join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import type { Dependencies } from '../sandbox/sandbox.js';
import { dependenciesIn } from './dependencies.js';
import type { DependencyPart } from './ecosystems/plan.js';

/** A frozen result of setup: layers that lie over the tree, topmost first. */
export interface Snapshot {
  readonly id: string | null;
  /** Topmost first. */
  readonly parts: readonly ('build' | 'fetch')[];
  /** What its dependency folder holds; left out where it has none. */
  readonly dependencies?: readonly DependencyPart[];
  /** What maintenance was run on, and lies below it. */
  readonly over?: Snapshot;
}

/** Where a snapshot's layers lie below `folder`. The id comes from a durable step, so its form is checked before it becomes a path. */
export function layersOf(folder: string, snapshot: Snapshot): string[] {
  const at = placeOf(folder, snapshot);
  const own = at === null ? [] : snapshot.parts.map((part) => join(at, part === 'build' ? 'build/upper' : 'fetch/upper'));
  return snapshot.over === undefined ? own : [...own, ...layersOf(folder, snapshot.over)];
}

function placeOf(folder: string, { id }: Pick<Snapshot, 'id'>): string | null {
  if (id !== null && !/^snap_[0-9a-f]{32}$/.test(id)) throw new SallyportError('internal.bug', `"${id}" is not the id of a snapshot`);
  return id === null ? null : join(folder, id);
}

/** The dependency folder of a snapshot, which a sandbox gets besides its layers; null where there is none. */
export function dependenciesOf(folder: string, snapshot: Snapshot): Dependencies | null {
  if (snapshot.over !== undefined) return dependenciesOf(folder, snapshot.over);
  const at = placeOf(folder, snapshot);
  return at === null ? null : dependenciesIn(join(at, 'deps/upper'), snapshot.dependencies ?? []);
}

/** The ids of everything that a snapshot lies on, itself first. */
export function idsOf(snapshot: Snapshot): string[] {
  return [...(snapshot.id === null ? [] : [snapshot.id]), ...(snapshot.over === undefined ? [] : idsOf(snapshot.over))];
}

import type { Edit } from './edits.js';
import { overridesFor } from './overrides.js';
import type { Affected, NodeProject, Refused, Way } from './model.js';
import { changeRange } from './ranges.js';

/** How a version gets into a project of the npm registry: by the ranges of its package.json, by its lockfile alone, or by overrides for those who would not allow it. */
export function nodeWay(project: Pick<NodeProject, 'manifest' | 'inventory' | 'overrides' | 'client'>, affected: Affected, to: string): Way | Refused {
  const notes: string[] = [];
  const edits: Edit[] = [];
  const follow = new Map<string, Edit>();
  const own = affected.instances.flatMap((i) => i.requiredBy).filter((r) => r.by === '');
  for (const as of new Set(own.map((r) => r.as))) {
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
      const range = Object.hasOwn(project.manifest[group], as) ? project.manifest[group][as] : undefined;
      if (range === undefined) continue;
      const change = changeRange(range, to);
      if (change.kind === 'refused') return { reason: `package.json: ${change.reason}` };
      if (change.kind === 'kept') {
        notes.push(`package.json already allows ${to} (${range})`);
        continue;
      }
      edits.push({ kind: 'range', group, name: as, range: change.range });
      // npm refuses an override of a direct dependency unless it says the same as its range: where it did, it goes along.
      if (project.client.name === 'npm' && project.manifest.overrides[as] === range) follow.set(as, { kind: 'override', path: [as], version: change.range });
    }
  }
  const overrides = overridesFor(project, affected, to);
  if ('reason' in overrides) return overrides;
  const more = overrides.edits.filter((e) => e.path.length > 1 || !follow.has(e.path[0] as string));
  edits.push(...follow.values(), ...more);
  if (own.length > 0 && more.length > 0) notes.push(`also overrides what ${more.map((e) => e.path.join(' > ')).join(', ')} asks for`);
  return { how: own.length > 0 ? 'direct' : more.length > 0 ? 'override' : 'lock', edits, notes };
}

import type { InstalledPackage } from '../../egress/inventory.js';
import { SallyportError } from '../../protocol/errors.js';

interface Change {
  readonly package: string;
  readonly from: readonly string[];
  readonly to: string;
}
type Packages = readonly Pick<InstalledPackage, 'path' | 'name' | 'version' | 'requiredBy'>[];

/**
 * Why a lockfile that was made for some upgrades is not the smallest one; null when it is: the upgraded versions are exchanged, what only they need came or
 * went, and everybody else gets the versions that they had.
 */
export function movedBeyond(before: Packages, after: Packages, upgrades: readonly Change[]): string | null {
  const key = (p: { readonly name: string; readonly version: string }): string => `${p.name}@${p.version}`;
  const from = new Map(upgrades.flatMap((u) => u.from.map((version) => [`${u.package}@${version}`, `${u.package}@${u.to}`])));
  const to = new Set(from.values());
  const [was, now] = [new Set(before.map(key)), new Set(after.map(key))];
  const left = [...from.keys()].find((k) => now.has(k));
  if (left !== undefined) return `${left} is still in it`;
  const missing = [...to].find((k) => !now.has(k));
  if (missing !== undefined) return `${missing} is not in it`;
  const [reached, unneeded] = [below(after, to), below(before, new Set(from.keys()))];
  const added = [...now].find((k) => !was.has(k) && !reached.has(k));
  if (added !== undefined) return `it also brings ${added}`;
  const gone = [...was].find((k) => !now.has(k) && !unneeded.has(k));
  if (gone !== undefined) return `it also takes ${gone} away`;
  const [old, fresh] = [edges(before), edges(after)];
  for (const [edge, targets] of old) {
    const { by, as } = JSON.parse(edge) as { by: string; as: string };
    const next = fresh.get(edge);
    if (next === undefined || (from.has(by) && !now.has(by))) continue;
    const changed = [...next].find((target) => !targets.has(target) && ![...targets].some((t) => from.get(t) === target));
    if (changed !== undefined) return `it also gives ${changed} to ${by === '' ? 'the project' : by}, which had ${[...targets].join(', ')} as ${as}`;
  }
  return null;
}

/** Throws where it is not: no change of a lockfile is kept that nobody asked for. */
export function refuseMoved(client: string, before: Packages, after: Packages, upgrades: readonly Change[]): void {
  const why = movedBeyond(before, after, upgrades);
  if (why !== null) throw new SallyportError('setup.fetch_failed', `Cannot upgrade ${upgrades.map((u) => `${u.package} to ${u.to}`).join(', ')}: ${client} made a lockfile, but ${why}`);
}

/** Who gets what: key = who asks and by which name. */
function edges(packages: Packages): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  const named = askers(packages);
  for (const p of packages) {
    for (const { by, as } of p.requiredBy) {
      const edge = JSON.stringify({ by: named(by), as });
      found.set(edge, (found.get(edge) ?? new Set()).add(`${p.name}@${p.version}`));
    }
  }
  return found;
}

/** Who asks, by `name@version`: the same package may lie in several places. */
function askers(packages: Packages): (by: string) => string {
  const names = new Map(packages.map((p) => [p.path, `${p.name}@${p.version}`]));
  return (by) => names.get(by) ?? by;
}

/** These and all that they need, by `name@version`. */
function below(packages: Packages, roots: ReadonlySet<string>): Set<string> {
  const needs = new Map<string, string[]>();
  const named = askers(packages);
  for (const p of packages) {
    for (const { by } of p.requiredBy) {
      const known = needs.get(named(by)) ?? [];
      known.push(`${p.name}@${p.version}`);
      needs.set(named(by), known);
    }
  }
  const found = new Set(roots);
  for (const one of found) for (const needed of needs.get(one) ?? []) found.add(needed);
  return found;
}

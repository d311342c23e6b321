import type { Origin } from '../../egress/locks/origin.js';
import type { Dependency } from '../../protocol/dependencies.js';
import type { Ecosystem } from '../../protocol/ecosystem.js';

/** Packages of one side in one ecosystem. */
export interface Packages {
  readonly ecosystem: Ecosystem;
  readonly origins: readonly Origin[];
  readonly direct: ReadonlySet<string>;
}

/** What one version of a package became, with every entry of either side that speaks of it. */
export interface Moved {
  readonly state: Dependency['state'];
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  readonly from: readonly string[];
  readonly direct: boolean;
  /** At the head; of what was removed, at the base. */
  readonly origins: readonly Origin[];
  /** The same version on the base. */
  readonly before: readonly Origin[];
}

/** Base against head, version by version: what is the same on both sides in all that lockfiles say of it is left out. */
export function comparePackages(ecosystem: Ecosystem, base: Packages | undefined, head: Packages | undefined): Moved[] {
  const [before, after] = [byName(base), byName(head)];
  const found: Moved[] = [];
  for (const [name, versions] of after) {
    const known = before.get(name);
    const gone = [...(known?.keys() ?? [])].filter((version) => !versions.has(version));
    for (const [version, origins] of versions) {
      const same = known?.get(version) ?? [];
      const state = known === undefined ? 'added' : same.length === 0 ? 'moved' : isSame(same, origins) ? null : 'altered';
      if (state === null) continue;
      const from = state !== 'moved' ? [] : gone.length > 0 ? gone : [...(known?.keys() ?? [])];
      found.push({ state, ecosystem, name, version, from: from.slice(0, 20), direct: head?.direct.has(name) === true, origins, before: same });
    }
  }
  for (const [name, versions] of before) {
    const left = after.get(name);
    // A version that another one took the place of is told with that one.
    const replaced = left !== undefined && [...left.keys()].some((version) => !versions.has(version));
    for (const [version, origins] of versions) {
      if (left?.has(version) !== true && !replaced) found.push({ state: 'removed', ecosystem, name, version, from: [], direct: base?.direct.has(name) === true, origins, before: origins });
    }
  }
  return found;
}

function byName(side: Packages | undefined): Map<string, Map<string, Origin[]>> {
  const found = new Map<string, Map<string, Origin[]>>();
  for (const origin of side?.origins ?? []) {
    const versions = found.get(origin.name) ?? new Map<string, Origin[]>();
    const origins = versions.get(origin.version) ?? [];
    origins.push(origin);
    found.set(origin.name, versions.set(origin.version, origins));
  }
  return found;
}

/** A copy more or less of what was there is no other package. */
function isSame(before: readonly Origin[], after: readonly Origin[]): boolean {
  const known = new Set(before.map(textOf));
  return after.every((origin) => known.has(textOf(origin)));
}

function textOf({ source, address, digests, pinned, scripts, licence }: Origin): string {
  return JSON.stringify([source, address, [...digests].sort(), pinned, scripts, licence]);
}

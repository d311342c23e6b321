import semver from 'semver';
import type { InstalledPackage } from '../../egress/inventory.js';
import type { ReleasedVersion } from '../../egress/versions.js';
import { type AdvisoryIndex, type Hit, indexAdvisories } from '../../scan/advisories/match.js';
import type { OsvRecord } from '../../scan/advisories/osv.js';
import type { Edit } from './edits.js';
import { overridesFor } from './overrides.js';
import type { NpmProject } from './project.js';
import { changeRange } from './ranges.js';

/** One upgrade that can be tried alone. */
export interface Upgrade {
  /** `name@to/how`, the same for the same plan. */
  readonly id: string;
  readonly package: string;
  /** Installed versions that it replaces, smallest first. */
  readonly from: readonly string[];
  readonly to: string;
  /** Ids of the advisories that it is for. */
  readonly advisories: readonly string[];
  /**
   * `direct`: package.json names the package; `lock`: only the lockfile moves; `override`: who asks for it would not allow the version, so
   * package.json gets an entry in `overrides`. A direct one may need overrides for others who ask, which the note says.
   */
  readonly how: 'direct' | 'lock' | 'override';
  /** What a person should know of it; empty when there is nothing. */
  readonly note: string;
  readonly edits: readonly Edit[];
}

export interface Impossible {
  readonly package: string;
  readonly version: string;
  readonly advisories: readonly string[];
  readonly reason: string;
}

export interface PlanInput {
  readonly project: NpmProject;
  /** The advisories that are to be mended. */
  readonly hits: readonly Hit[];
  /** All that are known: no version that one of them names is chosen. */
  readonly advisories: { readonly records: readonly OsvRecord[] };
  /** What the registry has, by name. */
  readonly versions: ReadonlyMap<string, readonly ReleasedVersion[]>;
}

export interface UpgradePlan {
  readonly upgrades: readonly Upgrade[];
  readonly impossible: readonly Impossible[];
}

/**
 * For each affected version the smallest release above it that no known advisory names, and how it gets in. Releases of the same
 * major version come first, then later ones; a deprecated release is taken only when there is no other, a prerelease never.
 */
export function planUpgrades(input: PlanInput): UpgradePlan {
  const index = indexAdvisories(input.advisories.records);
  const upgrades = new Map<string, Upgrade>();
  const impossible: Impossible[] = [];
  for (const affected of affectedOf(input)) {
    const planned = planOne(input, index, affected);
    if ('reason' in planned) impossible.push({ package: affected.name, version: affected.version, advisories: affected.advisories, reason: planned.reason });
    else upgrades.set(planned.id, merge(upgrades.get(planned.id), planned));
  }
  return { upgrades: [...upgrades.values()], impossible };
}

interface Affected {
  readonly name: string;
  readonly version: string;
  readonly advisories: readonly string[];
  readonly instances: readonly InstalledPackage[];
}

/** What is hit and really installed, by name and version. */
function affectedOf({ hits, project }: PlanInput): Affected[] {
  const found = new Map<string, { name: string; version: string; ids: Set<string> }>();
  for (const hit of hits) {
    const key = `${hit.package}\0${hit.version}`;
    const known = found.get(key) ?? { name: hit.package, version: hit.version, ids: new Set() };
    found.set(key, known);
    known.ids.add(hit.id);
  }
  return [...found.values()].map(({ name, version, ids }) => ({ name, version, advisories: [...ids].sort(), instances: project.inventory.packages.filter((p) => p.name === name && p.version === version) }))
    .filter((a) => a.instances.length > 0).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : semver.compareLoose(a.version, b.version)));
}

function planOne(input: PlanInput, index: AdvisoryIndex, affected: Affected): Upgrade | { readonly reason: string } {
  const { name, version, instances } = affected;
  const bundled = instances.find((i) => i.bundled);
  if (bundled !== undefined) return { reason: `it comes inside another package (${bundled.path}), which must be upgraded` };
  const choice = choose(index, name, version, input.versions.get(name));
  if ('reason' in choice) return choice;
  const { to } = choice;
  const notes = [...choice.notes];
  const edits: Edit[] = [];
  const follow = new Map<string, Edit>();
  const own = instances.flatMap((i) => i.requiredBy).filter((r) => r.by === '');
  for (const as of new Set(own.map((r) => r.as))) {
    for (const group of ['dependencies', 'devDependencies', 'optionalDependencies'] as const) {
      const range = Object.hasOwn(input.project.manifest[group], as) ? input.project.manifest[group][as] : undefined;
      if (range === undefined) continue;
      const change = changeRange(range, to);
      if (change.kind === 'refused') return { reason: `package.json: ${change.reason}` };
      if (change.kind === 'kept') {
        notes.push(`package.json already allows ${to} (${range})`);
        continue;
      }
      edits.push({ kind: 'range', group, name: as, range: change.range });
      // npm refuses an override of a direct dependency unless it says the same as its range: where it did, it goes along.
      if (input.project.manifest.overrides[as] === range) follow.set(as, { kind: 'override', path: [as], version: change.range });
    }
  }
  const overrides = overridesFor(input.project, affected, to);
  if ('reason' in overrides) return overrides;
  const more = overrides.edits.filter((e) => e.path.length > 1 || !follow.has(e.path[0] as string));
  edits.push(...follow.values(), ...more);
  if (own.length > 0 && more.length > 0) notes.push(`also overrides what ${more.map((e) => e.path.join(' > ')).join(', ')} asks for`);
  const how = own.length > 0 ? 'direct' : more.length > 0 ? 'override' : 'lock';
  return { id: `${name}@${to}/${how}`, package: name, from: [version], to, advisories: affected.advisories, how, note: notes.join('; '), edits };
}

function choose(index: AdvisoryIndex, name: string, from: string, released: readonly ReleasedVersion[] | undefined): { readonly to: string; readonly notes: readonly string[] } | { readonly reason: string } {
  const at = semver.parse(from, { loose: true });
  if (at === null) return { reason: `"${from.slice(0, 50)}" is not a version of the registry` };
  if (released === undefined || released.length === 0) return { reason: 'the registry does not know the package' };
  const later = released.filter((r) => semver.valid(r.version) !== null && semver.prerelease(r.version) === null && semver.gt(r.version, at)).sort((a, b) => semver.compare(a.version, b.version));
  const free = later.filter((r) => index.hits({ name, version: r.version }).length === 0);
  if (free.length === 0) return { reason: later.length === 0 ? 'no later version is released' : 'every later version is affected by a known advisory' };
  const same = (r: ReleasedVersion): boolean => semver.major(r.version) === at.major;
  const good = free.filter((r) => r.deprecated !== true);
  const chosen = good.find(same) ?? good[0] ?? free.find(same) ?? (free[0] as ReleasedVersion);
  const notes = [
    ...(same(chosen) ? [] : [`a new major version: ${from} → ${chosen.version}`]),
    ...(same(chosen) && at.major === 0 && semver.minor(chosen.version) !== at.minor ? [`below 1.0 a new minor version may break: ${from} → ${chosen.version}`] : []),
    ...(chosen.deprecated === true ? [`${chosen.version} is deprecated; no other is free of known advisories`] : []),
  ];
  return { to: chosen.version, notes };
}

/** Two installed versions that go to the same one by the same way are one upgrade. */
function merge(known: Upgrade | undefined, next: Upgrade): Upgrade {
  if (known === undefined) return next;
  const edits = new Map([...known.edits, ...next.edits].map((e) => [JSON.stringify(e), e]));
  const notes = new Set([known.note, next.note].filter((n) => n !== ''));
  return { ...known, from: [...known.from, ...next.from], advisories: [...new Set([...known.advisories, ...next.advisories])].sort(), note: [...notes].join('; '), edits: [...edits.values()] };
}

import type { ReleasedVersion } from '../../egress/versions.js';
import { type AdvisoryIndex, type Hit, indexAdvisories } from '../../scan/advisories/match.js';
import type { OsvRecord } from '../../scan/advisories/osv.js';
import type { Ecosystem } from '../../protocol/event.js';
import type { Edit, Specifier } from './edits.js';
import type { Affected, Refused, Releases, UpgradeProject } from './model.js';

/** One upgrade that can be tried alone. */
export interface Upgrade {
  /** `name@to/how`, the same for the same plan. */
  readonly id: string;
  readonly ecosystem: Ecosystem;
  readonly package: string;
  /** Installed versions that it replaces, smallest first. */
  readonly from: readonly string[];
  readonly to: string;
  /** Ids of the advisories that it is for. */
  readonly advisories: readonly string[];
  /**
   * `direct`: the project's manifest names the package; `lock`: only the lockfile moves; `override`: who asks for it would not allow the version, so
   * the project says otherwise for them. A direct one may need overrides for others who ask, which the note says.
   */
  readonly how: 'direct' | 'lock' | 'override';
  /** What a person should know of it; empty when there is nothing. */
  readonly note: string;
  readonly edits: readonly Edit[];
  /** Changes of pyproject.toml; left out where there are none. */
  readonly specifiers?: readonly Specifier[];
}

export interface Impossible {
  readonly package: string;
  readonly version: string;
  readonly advisories: readonly string[];
  readonly reason: string;
}

export interface PlanInput {
  readonly project: UpgradeProject;
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
    .filter((a) => a.instances.length > 0).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : project.releases.compare(a.version, b.version)));
}

function planOne(input: PlanInput, index: AdvisoryIndex, affected: Affected): Upgrade | Refused {
  const { project } = input;
  const { name, version, instances } = affected;
  const bundled = instances.find((i) => i.bundled);
  if (bundled !== undefined) return { reason: `it comes inside another package (${bundled.path}), which must be upgraded` };
  const choice = choose(project.releases, index, name, version, input.versions.get(name));
  if ('reason' in choice) return choice;
  const { to } = choice;
  const way = project.way(affected, to);
  if ('reason' in way) return way;
  const mark = project.ecosystem === 'npm' ? '' : `${project.ecosystem}:`;
  return { id: `${mark}${name}@${to}/${way.how}`, ecosystem: project.ecosystem, package: name, from: [version], to, advisories: affected.advisories, how: way.how, note: [...choice.notes, ...way.notes].join('; '), edits: way.edits, ...(way.specifiers === undefined ? {} : { specifiers: way.specifiers }) };
}

function choose(releases: Releases, index: AdvisoryIndex, name: string, from: string, released: readonly ReleasedVersion[] | undefined): { readonly to: string; readonly notes: readonly string[] } | Refused {
  if (!releases.valid(from)) return { reason: `"${from.slice(0, 50)}" is not a version of the registry` };
  if (released === undefined || released.length === 0) return { reason: 'the registry does not know the package' };
  const later = released.filter((r) => releases.valid(r.version) && releases.final(r.version) && releases.compare(r.version, from) > 0).sort((a, b) => releases.compare(a.version, b.version));
  const free = later.filter((r) => index.hits({ name, version: r.version, ecosystem: releases.osv }).length === 0);
  if (free.length === 0) return { reason: later.length === 0 ? 'no later version is released' : 'every later version is affected by a known advisory' };
  const same = (r: ReleasedVersion): boolean => releases.major(r.version) === releases.major(from);
  const good = free.filter((r) => r.deprecated !== true);
  const chosen = good.find(same) ?? good[0] ?? free.find(same) ?? (free[0] as ReleasedVersion);
  const notes = [
    ...(same(chosen) ? [] : [`a new major version: ${from} → ${chosen.version}`]),
    ...(same(chosen) && releases.major(from) === 0 && releases.minor(chosen.version) !== releases.minor(from) ? [`below 1.0 a new minor version may break: ${from} → ${chosen.version}`] : []),
    ...(chosen.deprecated === true ? [`${chosen.version} is ${releases.withdrawn}; no other is free of known advisories`] : []),
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

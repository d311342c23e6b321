import semver from 'semver';
import type { Verdict } from './front.js';
import type { NamedPackage } from './lockfile.js';
import { isDeprecated, type Manifest, type Metadata, type Packument } from './packument.js';

export type FrontRequest = { readonly kind: 'metadata'; readonly name: string } | { readonly kind: 'tarball'; readonly name: string; readonly version: string };

/** What of the registry a client may see. Pure but for what it learned from the metadata that it was shown. */
export interface FrontRules {
  readonly metadata: Metadata;
  /** Names whose metadata the rules must see before the first request. */
  readonly first: readonly string[];
  /** True where the client chooses among the versions that it is shown; left out where each is pinned already. */
  readonly resolves?: boolean;
  judge(request: FrontRequest): Verdict;
  /** The versions of a package that the client gets to see. */
  visible(name: string, packument: Packument): readonly string[];
  /** The integrity that a tarball must have; undefined: what the registry announced. */
  integrity(name: string, version: string): string | undefined;
}

/** Only what the lockfile names, at its versions and with its integrity. */
export function lockedRules(locked: readonly NamedPackage[]): FrontRules {
  const versions = versionsOf(locked);
  return {
    metadata: 'short', first: [],
    judge: (request) => {
      const known = versions.get(request.name);
      return known !== undefined && (request.kind === 'metadata' || known.has(request.version)) ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-in-lockfile' };
    },
    visible: (name, packument) => Object.keys(packument.versions).filter((v) => versions.get(name)?.has(v)),
    integrity: (name, version) => versions.get(name)?.get(version),
  };
}

/** A client that is fetched to fetch with: one version of it, by the integrity that somebody pinned or the registry announces. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  readonly integrity?: string;
}

/** Lets a tool through beside what the rules let through. */
export function withTool(rules: FrontRules, tool: Tool): FrontRules {
  return {
    ...rules,
    judge: (request) => (request.name === tool.name && (request.kind === 'metadata' || request.version === tool.version) ? { allow: true, rule: 'tool' } : rules.judge(request)),
    visible: (name, packument) => [...new Set([...rules.visible(name, packument), ...(name === tool.name && Object.hasOwn(packument.versions, tool.version) ? [tool.version] : [])])],
    integrity: (name, version) => (name === tool.name && version === tool.version && tool.integrity !== undefined ? tool.integrity : rules.integrity(name, version)),
  };
}

/** Whatever the client resolves: an environment must allow that by name. */
export function openRules(): FrontRules {
  return { metadata: 'short', first: [], resolves: true, judge: () => ({ allow: true, rule: 'resolution-allowed' }), visible: (_, packument) => Object.keys(packument.versions), integrity: () => undefined };
}

export interface UpgradeRulesOptions {
  /** What the old lockfile names. */
  readonly locked: readonly NamedPackage[];
  readonly upgrades: readonly { readonly package: string; readonly from: readonly string[]; readonly to: string }[];
  /** The client cannot make a lockfile without the packages themselves: those that are visible are handed out. */
  readonly tarballs?: boolean;
  /** Versions that are better not taken, where there is another. */
  readonly avoid?: (name: string, version: string) => boolean;
}

/**
 * For making a new lockfile: packages keep their locked versions; the upgraded ones show their new version in place of the old. A package, or
 * another version of one, that a newly visible version needs and that no locked version satisfies becomes visible as the registry has it,
 * within the range that was asked for. No tarball where the client's lockfile needs none.
 */
export function upgradeRules(options: UpgradeRulesOptions): FrontRules {
  const locked = versionsOf(options.locked);
  const targets = new Map<string, { to: Set<string>; from: Set<string> }>();
  for (const upgrade of options.upgrades) {
    const target = targets.get(upgrade.package) ?? { to: new Set(), from: new Set() };
    target.to.add(upgrade.to);
    for (const version of upgrade.from) target.from.add(version);
    targets.set(upgrade.package, target);
  }
  /** Ranges that newly visible versions ask for, by package. */
  const admitted = new Map<string, Set<string>>();
  /** Versions of such that were shown, by package. */
  const shown = new Map<string, ReadonlySet<string>>();
  const kept = (name: string): readonly string[] => {
    const target = targets.get(name);
    const old = [...(locked.get(name)?.keys() ?? [])].filter((v) => target?.from.has(v) !== true);
    return [...old, ...(target?.to ?? [])];
  };
  const admit = (name: string, spec: string): void => {
    const wanted = wantedBy(name, spec);
    if (wanted === null || kept(wanted.name).some((v) => semver.satisfies(v, wanted.range))) return;
    admitted.set(wanted.name, (admitted.get(wanted.name) ?? new Set()).add(wanted.range));
  };
  return {
    metadata: 'full', first: [...targets.keys()], resolves: true,
    judge: (request) => {
      if (request.kind === 'tarball' && options.tarballs !== true) return { allow: false, rule: 'no-tarballs' };
      if (request.kind === 'tarball' && !kept(request.name).includes(request.version) && shown.get(request.name)?.has(request.version) !== true) return { allow: false, rule: 'not-needed' };
      if (targets.has(request.name)) return { allow: true, rule: 'upgrade' };
      if (admitted.has(request.name)) return { allow: true, rule: 'new-dependency' };
      return locked.has(request.name) ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-needed' };
    },
    visible: (name, packument) => {
      const present = (versions: Iterable<string>): string[] => [...versions].filter((v) => Object.hasOwn(packument.versions, v));
      const fresh = present(fitting(packument, admitted.get(name) ?? [], (version) => options.avoid?.(name, version) === true));
      for (const version of [...present(targets.get(name)?.to ?? []), ...fresh]) {
        for (const [needed, spec] of needsOf(packument.versions[version] as Manifest)) admit(needed, spec);
      }
      shown.set(name, new Set(fresh));
      return [...new Set([...present(kept(name)), ...fresh])];
    },
    integrity: (name, version) => locked.get(name)?.get(version),
  };
}

/** For each range the versions that satisfy it: without deprecated ones and those to avoid, where that leaves any. */
function fitting(packument: Packument, ranges: Iterable<string>, avoid: (version: string) => boolean): Set<string> {
  const found = new Set<string>();
  for (const range of ranges) {
    const all = Object.keys(packument.versions).filter((v) => semver.satisfies(v, range));
    const good = all.filter((v) => !avoid(v));
    const best = (good.length > 0 ? good : all).filter((v) => !isDeprecated(packument.versions[v] as Manifest));
    for (const version of best.length > 0 ? best : good.length > 0 ? good : all) found.add(version);
  }
  return found;
}

function needsOf(manifest: Manifest): [string, string][] {
  return [manifest.dependencies, manifest.optionalDependencies, manifest.peerDependencies].flatMap((group) => Object.entries(group ?? {}));
}

/** `^1.0.0`, or `npm:other@^1.0.0`; null for what does not come from the registry by range. */
function wantedBy(name: string, spec: string): { readonly name: string; readonly range: string } | null {
  const alias = /^npm:((?:@[^/@]+\/)?[^@]+)(?:@(.*))?$/.exec(spec);
  const range = semver.validRange(alias === null ? spec : (alias[2] ?? '*'));
  return range === null ? null : { name: alias?.[1] ?? name, range };
}

function versionsOf(locked: readonly NamedPackage[]): Map<string, Map<string, string | undefined>> {
  const found = new Map<string, Map<string, string | undefined>>();
  for (const { name, version, integrity } of locked) found.set(name, (found.get(name) ?? new Map<string, string | undefined>()).set(version, integrity));
  return found;
}

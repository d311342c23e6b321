import semver from 'semver';
import { type Affected, type OsvRecord, type Severity, severityOf } from './osv.js';
import type { AdvisorySet } from './source.js';

/** An advisory that applies to one installed version. */
export interface AdvisoryHit {
  readonly id: string;
  readonly aliases: string[];
  readonly package: string;
  readonly version: string;
  readonly severity: Severity | null;
  readonly summary: string;
  readonly fixed: string[];
}

export interface Installed {
  readonly ecosystem: string;
  readonly name: string;
  readonly version: string;
}

/** Every advisory of a set that applies to one of the packages, each (advisory, package, version) once. */
export function matchAdvisories(set: AdvisorySet, packages: readonly Installed[]): AdvisoryHit[] {
  const wanted = new Map<string, Set<string>>();
  for (const { ecosystem, name, version } of packages) {
    const key = `${ecosystem}\0${name}`;
    wanted.set(key, (wanted.get(key) ?? new Set<string>()).add(version));
  }
  return set.records.flatMap((record) => record.affected.flatMap((affected) => {
    const at = affected.package;
    const versions = at === undefined ? undefined : wanted.get(`${at.ecosystem}\0${at.name}`);
    if (at === undefined || versions === undefined) return [];
    return [...versions].filter((v) => isAffected(v, affected)).map((version) => hitOf(record, affected, at.name, version));
  }));
}

function hitOf(record: OsvRecord, affected: Affected, name: string, version: string): AdvisoryHit {
  const fixed = affected.ranges.flatMap((r) => r.events.flatMap((e) => e.fixed ?? []));
  return { id: record.id, aliases: record.aliases, package: name, version, severity: severityOf(record), summary: record.summary, fixed: [...new Set(fixed)].slice(0, 100) };
}

/**
 * True when the record says that the version is affected (the evaluation algorithm of the OSV schema): it is listed, or it lies in a range
 * of SEMVER (or of npm's ECOSYSTEM, which is the same order). What cannot be compared is not affected by a range, only by the list.
 */
export function isAffected(version: string, { ranges, versions, package: at }: Affected): boolean {
  if (versions.includes(version)) return true;
  if (semver.valid(version) === null) return false;
  return ranges.some((range) => (range.type === 'SEMVER' || (range.type === 'ECOSYSTEM' && at?.ecosystem === 'npm')) && inRange(version, range.events));
}

function inRange(version: string, events: Affected['ranges'][number]['events']): boolean {
  const points = events.flatMap((e) => [
    ...(e.introduced === undefined ? [] : [{ at: e.introduced === '0' ? '0.0.0-0' : e.introduced, is: 'in' as const }]),
    ...(e.fixed === undefined ? [] : [{ at: e.fixed, is: 'out' as const }]),
    ...(e.last_affected === undefined ? [] : [{ at: e.last_affected, is: 'last' as const }]),
  ]).filter((p) => semver.valid(p.at) !== null).sort((a, b) => semver.compare(a.at, b.at));
  let affected = false;
  for (const { at, is } of points) {
    const order = semver.compare(version, at);
    if (is === 'in' && order >= 0) affected = true;
    if (is === 'out' && order >= 0) affected = false;
    if (is === 'last' && order > 0) affected = false;
  }
  return affected;
}

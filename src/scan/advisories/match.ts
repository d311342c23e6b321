import semver from 'semver';
import { comparePep440, type Pep440, parsePep440 } from '../../protocol/pep440.js';
import { baseScore, ratingOf, type Severity } from './cvss.js';
import type { OsvAffected, OsvEvent, OsvRange, OsvRecord } from './osv.js';

/** Something that is installed. */
export interface PackageVersion {
  readonly name: string;
  readonly version: string;
  /** As OSV spells it. Default `npm`. */
  readonly ecosystem?: string;
}

/** A known advisory that names an installed version. */
export interface Hit {
  readonly id: string;
  readonly aliases: readonly string[];
  readonly package: string;
  readonly version: string;
  readonly severity: Severity | null;
  readonly summary: string;
  /** Versions that the advisory names as fixed and that are above the installed one, smallest first. */
  readonly fixed: readonly string[];
}

/** Looks advisories up by package. */
export interface AdvisoryIndex {
  /** Advisories that name this version, by id. */
  hits(of: PackageVersion): Hit[];
  /** Ids of advisories that name the package, but do not let one say which versions: neither affected nor clean. */
  unknown(of: PackageVersion): string[];
}

export type Answer = 'yes' | 'no' | 'unknown';

/**
 * Whether a version is affected by one `affected` entry, by the evaluation algorithm of the OSV specification
 * (https://ossf.github.io/osv-schema/#evaluation). Ranges are compared as semver for npm, and where a range says `SEMVER`, by PEP 440 for PyPI; for other
 * ecosystems only the list of versions counts. `unknown` when what is there does not decide it: never taken for "no".
 */
export function isAffected(version: string, affected: OsvAffected): Answer {
  if (affected.versions.includes(version)) return 'yes';
  const ecosystem = affected.package?.ecosystem;
  const pypi = ecosystem === 'PyPI';
  if (pypi && affected.versions.some((one) => orderOf('PyPI').compare(one, version) === 0)) return 'yes';
  const answers = affected.ranges.map((range) => (range.type === 'SEMVER' || ((ecosystem === 'npm' || pypi) && range.type === 'ECOSYSTEM') ? inRange(version, range, orderOf(range.type === 'SEMVER' ? 'npm' : ecosystem)) : range.type === 'ECOSYSTEM' && affected.versions.length > 0 ? 'no' : 'unknown'));
  if (answers.includes('yes')) return 'yes';
  if (affected.versions.length === 0 && affected.ranges.length === 0) return 'unknown';
  // A GIT range stands beside the others and says the same in commits.
  const decisive = answers.filter((_, i) => affected.ranges[i]?.type !== 'GIT');
  return decisive.includes('unknown') || (decisive.length === 0 && affected.versions.length === 0) ? 'unknown' : 'no';
}

/** How versions of an ecosystem stand to each other. NaN where one of them is none. */
interface Order {
  compare(a: string, b: string): number;
  valid(version: string): boolean;
}

const SEMVER: Order = orderBy(parse, semver.compare);
const PEP440: Order = orderBy<Pep440>(parsePep440, comparePep440);

function orderOf(ecosystem: string | undefined): Order {
  return ecosystem === 'PyPI' ? PEP440 : SEMVER;
}

function orderBy<T>(read: (version: string) => T | null, compare: (a: T, b: T) => number): Order {
  return {
    valid: (version) => read(version) !== null,
    compare: (a, b) => {
      const [x, y] = [read(a), read(b)];
      return x === null || y === null ? Number.NaN : compare(x, y);
    },
  };
}

function inRange(version: string, range: OsvRange, { valid, compare }: Order): Answer {
  if (!valid(version)) return 'unknown';
  const points = range.events.flatMap((event) => pointsOf(event, valid));
  if (points.some((p) => p === null)) return 'unknown';
  const known = points.filter((p) => p !== null);
  const limits = known.filter((p) => p.kind === 'limit');
  if (limits.length > 0 && !limits.some((l) => l.version === null || compare(version, l.version) < 0)) return 'no';
  let vulnerable = false;
  for (const point of known.sort((a, b) => byVersion(a, b, compare))) {
    if (point.kind === 'introduced' && (point.version === null || compare(version, point.version) >= 0)) vulnerable = true;
    else if (point.kind === 'fixed' && point.version !== null && compare(version, point.version) >= 0) vulnerable = false;
    else if (point.kind === 'last_affected' && point.version !== null && compare(version, point.version) > 0) vulnerable = false;
  }
  return vulnerable ? 'yes' : 'no';
}

interface Point {
  readonly kind: 'introduced' | 'fixed' | 'last_affected' | 'limit';
  /** Null: before everything (`introduced: "0"`), or without end (`limit: "*"`). */
  readonly version: string | null;
}

const KINDS = ['introduced', 'fixed', 'last_affected', 'limit'] as const;

/** The points of an event: one by the specification, more where an early exporter wrote both ends into it. Null for what cannot be read. */
function pointsOf(event: OsvEvent, valid: Order['valid']): (Point | null)[] {
  const points = KINDS.flatMap((kind): (Point | null)[] => {
    const text = event[kind];
    if (text === undefined) return [];
    if ((kind === 'introduced' && text === '0') || (kind === 'limit' && text === '*')) return [{ kind, version: null }];
    return [valid(text) ? { kind, version: text } : null];
  });
  return points.length === 0 ? [null] : points;
}

/** At the same version a fix comes before a new introduction: whoever is affected again is affected. */
function byVersion(a: Point, b: Point, compare: Order['compare']): number {
  const order = a.version === null ? (b.version === null ? 0 : -1) : b.version === null ? 1 : compare(a.version, b.version);
  return order !== 0 ? order : Number(a.kind === 'introduced') - Number(b.kind === 'introduced');
}

/** A version as semver; advisories also write `1.0` for `1.0.0`. */
function parse(text: string): semver.SemVer | null {
  const padded = /^\d+(\.\d+)?$/.test(text) ? `${text}${text.includes('.') ? '.0' : '.0.0'}` : text;
  return semver.parse(padded, { loose: true });
}

export function indexAdvisories(records: readonly OsvRecord[]): AdvisoryIndex {
  const byPackage = new Map<string, Set<OsvRecord>>();
  for (const record of newestOfEach(records)) {
    for (const { package: named } of record.affected) {
      if (named === null || named === undefined) continue;
      const key = keyOf(named.ecosystem, named.name);
      byPackage.set(key, (byPackage.get(key) ?? new Set()).add(record));
    }
  }
  const answers = (of: PackageVersion): { record: OsvRecord; entries: readonly OsvAffected[]; answer: Answer }[] => {
    const key = keyOf(of.ecosystem ?? 'npm', of.name);
    return [...(byPackage.get(key) ?? [])].map((record) => {
      const entries = record.affected.filter((a) => a.package !== null && a.package !== undefined && keyOf(a.package.ecosystem, a.package.name) === key);
      const each = entries.map((entry) => isAffected(of.version, entry));
      return { record, entries, answer: each.includes('yes') ? 'yes' as const : each.includes('unknown') ? 'unknown' as const : 'no' as const };
    });
  };
  return {
    hits: (of) => answers(of).filter((a) => a.answer === 'yes').map((a) => hitOf(of, a.record, a.entries)).sort((a, b) => (a.id < b.id ? -1 : 1)),
    unknown: (of) => answers(of).filter((a) => a.answer === 'unknown').map((a) => a.record.id).sort(),
  };
}

/** Every known advisory that names one of the packages, by package, version and id. The same package and version twice counts once. */
export function matchAdvisories(set: { readonly records: readonly OsvRecord[] }, packages: Iterable<PackageVersion>): Hit[] {
  const index = indexAdvisories(set.records);
  const distinct = new Map([...packages].map((p) => [`${keyOf(p.ecosystem ?? 'npm', p.name)}\0${p.version}`, p]));
  return [...distinct.values()].flatMap((p) => index.hits(p)).sort((a, b) => order(a.package, b.package) || versionOrder(undefined, a.version, b.version) || order(a.id, b.id));
}

function hitOf(of: PackageVersion, record: OsvRecord, entries: readonly OsvAffected[]): Hit {
  const { compare } = orderOf(of.ecosystem);
  const named = new Set(entries.flatMap((e) => e.ranges.flatMap((r) => r.events.flatMap((event) => event.fixed ?? []))));
  const above = [...named].filter((text) => compare(text, of.version) > 0);
  return { id: record.id, aliases: record.aliases, package: of.name, version: of.version, severity: severityOf(record), summary: record.summary, fixed: above.sort((a, b) => versionOrder(of.ecosystem, a, b)) };
}

function severityOf(record: OsvRecord): Severity | null {
  const said = record.database_specific?.severity?.toLowerCase();
  if (said === 'critical' || said === 'high' || said === 'moderate' || said === 'low') return said;
  if (said === 'medium') return 'moderate';
  const scores = record.severity.filter((s) => s.type === 'CVSS_V3').map((s) => baseScore(s.score)).filter((s) => s !== null);
  return scores.length === 0 ? null : ratingOf(Math.max(...scores));
}

/** A set may hold the same record twice, such as a snapshot beside a mirror: the newer one counts. */
function newestOfEach(records: readonly OsvRecord[]): Iterable<OsvRecord> {
  const newest = new Map<string, OsvRecord>();
  for (const record of records) {
    const known = newest.get(record.id);
    if (known === undefined || Date.parse(record.modified) > Date.parse(known.modified)) newest.set(record.id, record);
  }
  return newest.values();
}

/** Names of PyPI are the same in several spellings (PEP 503); those of npm in one. */
function keyOf(ecosystem: string, name: string): string {
  return `${ecosystem}\0${ecosystem === 'PyPI' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name}`;
}

function versionOrder(ecosystem: string | undefined, a: string, b: string): number {
  return orderOf(ecosystem).compare(a, b) || order(a, b);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

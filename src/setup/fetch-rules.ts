import type { DoorRules } from '../egress/door.js';
import type { Lookup } from '../egress/addresses.js';
import { type DeclaredHost, readHost } from '../egress/hosts.js';
import { packageRules, type PackageVersion } from '../egress/package-rules.js';
import { projectName, sameVersion } from '../egress/pypi-names.js';
import { type EnvironmentSpec, milliseconds } from '../protocol/environment.js';
import { SallyportError } from '../protocol/errors.js';
import type { Ecosystem } from '../protocol/event.js';
import type { Exceptions } from '../policy/addresses.js';
import { indexAdvisories } from '../scan/advisories/match.js';
import type { OsvRecord } from '../scan/advisories/osv.js';

/** What the installation says of every fetch. */
export interface Installation {
  /** Milliseconds that every version must have been public, whatever an environment says. */
  readonly minimumAge: number;
  /** Hosts that may have a private or reserved address. */
  readonly exceptions: Exceptions;
}

export interface FetchRulesInput {
  readonly spec: Pick<EnvironmentSpec, 'hosts' | 'packages'>;
  readonly installation: Installation;
  /** Records of every advisory source that is configured. */
  readonly records: readonly OsvRecord[];
  /** What the protected base locks. */
  readonly base: readonly PackageVersion[];
  readonly now?: () => Date;
  /** In place of the system's resolver. */
  readonly lookup?: Lookup;
}

/** Records of the OpenSSF's malicious-packages; other databases name them as an alias. */
const MALICIOUS = /^MAL-/;
/** Names of ecosystems as advisories write them. */
export const OSV = { npm: 'npm', pypi: 'PyPI', go: 'Go', cargo: 'crates.io' } as const satisfies Readonly<Record<Ecosystem, string>>;

/** What holds for a fetch beside the lockfile. No entry of a repository lifts what is known to be malicious. */
export function fetchRules({ spec, installation, records, base, now = () => new Date(), lookup }: FetchRulesInput): DoorRules {
  const { packages } = spec;
  return {
    hosts: spec.hosts.map(declared), exceptions: installation.exceptions, ...(lookup === undefined ? {} : { lookup }),
    packages: packageRules({
      minimumAge: milliseconds(packages.minimum_age), floor: installation.minimumAge, exempt: packages.exempt, deny: packages.deny, now,
      malicious: maliciousBy(records), fixes: fixedBy(records, base),
    }),
  };
}

function declared(text: string): DeclaredHost {
  const host = readHost(text);
  if (host === null) throw new SallyportError('env.invalid', `Cannot use the host "${text}" of the environment: expected a name in lower case, or name:port`, { hint: 'Addresses of a network and patterns are not taken.' });
  return host;
}

/** The id of a record that calls a version malicious. One that does not let one say which versions it means counts for all of them. */
export function maliciousBy(records: readonly OsvRecord[]): (of: PackageVersion) => string | null {
  const index = indexAdvisories(records.filter((r) => MALICIOUS.test(r.id) || r.aliases.some((alias) => MALICIOUS.test(alias))).map(normalised));
  return (of) => {
    const one = advised(of);
    const named = [...index.hits(one).map((hit) => [hit.id, ...hit.aliases]), ...index.unknown(one).map((id) => [id])][0];
    return named === undefined ? null : (named.find((id) => MALICIOUS.test(id)) ?? named[0] ?? null);
  };
}

/** Ids of the records that name a version as affected, and of those that do not let one say whether they do. */
export function advisoriesBy(records: readonly OsvRecord[]): (of: PackageVersion) => { readonly hits: readonly string[]; readonly unknown: readonly string[] } {
  const index = indexAdvisories(records.map(normalised));
  return (of) => ({ hits: index.hits(advised(of)).map((hit) => hit.id), unknown: index.unknown(advised(of)) });
}

/**
 * A version that an advisory names as the fix of what the base installs, and that none names as affected. Versions between are none: whoever takes over a
 * package could publish one above the fix and call it so.
 */
function fixedBy(records: readonly OsvRecord[], base: readonly PackageVersion[]): (of: PackageVersion) => string | null {
  let index: ReturnType<typeof indexAdvisories> | undefined;
  return (of) => {
    index ??= indexAdvisories(records.map(normalised));
    const one = advised(of);
    if (index.hits(one).length > 0 || index.unknown(one).length > 0) return null;
    for (const installed of base.map(advised).filter((p) => p.ecosystem === one.ecosystem && p.name === one.name)) {
      const hit = index.hits(installed).find(({ fixed }) => fixed.some((version) => version === one.version || (of.ecosystem === 'pypi' && sameVersion(version) === one.version)));
      if (hit !== undefined) return hit.id;
    }
    return null;
  };
}

/** As advisories spell it; of Python the one spelling that stands for all, of Go without the `v`. */
function advised({ ecosystem, name, version }: PackageVersion): { readonly ecosystem: string; readonly name: string; readonly version: string } {
  if (ecosystem === 'pypi') return { ecosystem: OSV.pypi, name: projectName(name) ?? name, version: sameVersion(version) ?? version };
  return { ecosystem: OSV[ecosystem], name, version: ecosystem === 'go' ? version.replace(/^v/, '') : version };
}

function normalised(record: OsvRecord): OsvRecord {
  if (!record.affected.some((a) => a.package?.ecosystem === OSV.pypi)) return record;
  return { ...record, affected: record.affected.map((a) => (a.package?.ecosystem === OSV.pypi ? { ...a, versions: a.versions.map((v) => sameVersion(v) ?? v) } : a)) };
}

import { algorithmOf, hostOf, type Origin, tarballName } from '../../egress/locks/origin.js';
import { projectName } from '../../egress/pypi-names.js';
import type { Dependency, DependencyProblem } from '../../protocol/dependencies.js';
import type { Ecosystem } from '../../protocol/ecosystem.js';
import { fitsGlob } from '../../protocol/glob.js';
import type { Moved, Packages } from './compare.js';
import { licenceFits, type LicenceRules } from './licences.js';
import { knownNames, type KnownNames } from './names.js';
import { POPULAR } from './popular.js';

/** What changes of packages are held against. */
export interface ExamineRules {
  readonly internal: readonly string[];
  /** Hosts that the environment declares. */
  readonly registries: readonly string[];
  /** Host of the registry that this installation asks, by ecosystem; null where it is not known. */
  readonly configured: Readonly<Record<Ecosystem, string | null>>;
  readonly known: readonly string[];
  readonly licences: LicenceRules;
  /** Packages whose install scripts the base's environment lets run. */
  readonly scripts: readonly string[];
  /** The same that the change adds to lists of its own. */
  readonly listedByChange: readonly string[];
  /** Id of a record that calls it malicious; null: none does. */
  readonly malicious: (ecosystem: Ecosystem, name: string, version: string) => string | null;
  /** Ids of advisories that name it, and of those that do not let one say whether they do. */
  readonly advisories: (ecosystem: Ecosystem, name: string, version: string) => { readonly hits: readonly string[]; readonly unknown: readonly string[] };
  /** `NAME@VERSION` that the fetch refused as too young. */
  readonly tooYoung: ReadonlySet<string>;
}

/** Names beyond this number are not held against others, and that is said. */
const MAX_NAMES = 5000;
const MAX_KNOWN = 50_000;

/** Each change with all that is to be said against it. Pure. */
export function examine(changes: readonly Moved[], sides: { readonly base: readonly Packages[]; readonly head: readonly Packages[] }, rules: ExamineRules): Dependency[] {
  const names = namesBy(sides.base, rules);
  const hosts = hostsBy(sides.base, rules);
  const internal = internalNames([...sides.base, ...sides.head], rules.internal);
  let looked = 0;
  return changes.map((change) => {
    const { state, ecosystem, name, version, from, direct, origins } = change;
    const [first] = [...origins].sort((a, b) => Number(a.source === 'registry') - Number(b.source === 'registry'));
    const problems = state === 'removed' ? [] : [
      ...malicious(change, rules), ...advised(change, rules), ...(state === 'added' ? resembling(change, names[ecosystem], ++looked) : []), ...confused(change, internal, rules),
      ...origins.flatMap((origin) => placed(origin, change, hosts[ecosystem])), ...altered(change), ...scripted(change, rules), ...aged(change, rules), ...licensed(change, rules),
    ];
    return {
      state, ecosystem, name: name.slice(0, 300), version: version.slice(0, 300), from: from.map((v) => v.slice(0, 300)), direct, source: first?.source ?? 'unlocked',
      address: first?.address?.slice(0, 300) ?? null, scripts: scriptsOf(change, rules), licence: first?.licence?.slice(0, 300) ?? null, problems: distinct(problems).slice(0, 20),
    };
  });
}

function no(rule: DependencyProblem['rule'], why: string): DependencyProblem {
  return { rule, holds: 'no', why: why.slice(0, 600) };
}

function unknown(rule: DependencyProblem['rule'], why: string): DependencyProblem {
  return { rule, holds: 'unknown', why: why.slice(0, 600) };
}

function distinct(problems: readonly DependencyProblem[]): DependencyProblem[] {
  return [...new Map(problems.map((p) => [JSON.stringify(p), p])).values()];
}

function malicious({ ecosystem, name, version }: Moved, rules: ExamineRules): DependencyProblem[] {
  const record = rules.malicious(ecosystem, name, version);
  return record === null ? [] : [no('malicious', `it is known to be malicious (${record})`)];
}

/** What the versions before it had already is not the change's. */
function advised({ state, ecosystem, name, version, from }: Moved, { advisories }: ExamineRules): DependencyProblem[] {
  if (state !== 'added' && state !== 'moved') return [];
  const before = from.map((old) => advisories(ecosystem, name, old));
  const now = advisories(ecosystem, name, version);
  const fresh = (of: 'hits' | 'unknown'): string[] => now[of].filter((id) => !before.some((old) => old.hits.includes(id) || (of === 'unknown' && old.unknown.includes(id))));
  const [hits, open] = [fresh('hits'), fresh('unknown')];
  return [...(hits.length === 0 ? [] : [no('advisories', `known advisories name it (${hits.slice(0, 8).join(', ')})`)]), ...(open.length === 0 ? [] : [unknown('advisories', `whether advisories mean it is not known (${open.slice(0, 8).join(', ')})`)])];
}

type Names = Readonly<Record<Ecosystem, { readonly popular: KnownNames | null; readonly own: KnownNames; readonly allowed: ReadonlySet<string> }>>;

function namesBy(base: readonly Packages[], rules: ExamineRules): Names {
  const of = (ecosystem: Ecosystem): Names['npm'] => {
    const popular = ecosystem === 'npm' || ecosystem === 'pypi' ? POPULAR[ecosystem] : null;
    const own = new Set(base.flatMap((side) => (side.ecosystem === ecosystem ? side.origins.map((o) => o.name) : [])));
    return { popular: popular === null ? null : knownNames(popular), own: knownNames([...own].slice(0, MAX_KNOWN)), allowed: new Set([...rules.known, ...rules.known.flatMap((name) => (ecosystem === 'pypi' ? (projectName(name) ?? []) : [])), ...own, ...(popular ?? [])]) };
  };
  return { npm: of('npm'), pypi: of('pypi'), go: of('go'), cargo: of('cargo') };
}

/** A name that is new to the project, and that somebody could take for another. */
function resembling({ name }: Moved, { popular, own, allowed }: Names['npm'], nth: number): DependencyProblem[] {
  if (allowed.has(name)) return [];
  if (/[^\x20-\x7e]/.test(name)) return [no('names', 'its name has letters that no registry takes, which look like others')];
  if (nth > MAX_NAMES) return [unknown('names', `more than ${MAX_NAMES} names were added, and this one was not held against others`)];
  const [well, used] = [popular?.resembles(name) ?? null, own.resembles(name)];
  if (used !== null) return [no('names', `its name resembles "${used.name}", which the base uses (${used.how})`)];
  return well === null ? [] : [no('names', `its name resembles "${well.name}", which is well known (${well.how})`)];
}

interface Internal {
  readonly patterns: readonly string[];
  /** Names without their scope, and the names that have them. */
  readonly bare: ReadonlyMap<string, string>;
}

/** Names that fit a pattern, wherever they are used, and patterns that are names themselves. */
function internalNames(sides: readonly Packages[], patterns: readonly string[]): Internal {
  const own = patterns.length === 0 ? [] : sides.flatMap((side) => side.origins.map((o) => o.name)).filter((name) => isInternal(name, patterns));
  const scoped = [...patterns.filter((p) => !p.includes('*')), ...own].filter((name) => name.startsWith('@'));
  return { patterns, bare: new Map(scoped.flatMap((name) => [[name.slice(name.indexOf('/') + 1), name], [name.slice(1).replace('/', '-'), name]] as const)) };
}

function isInternal(name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => name.split('/').length === pattern.split('/').length && fitsGlob(pattern, name));
}

/** An internal name from elsewhere, or a public one that stands in for an internal one. */
function confused({ ecosystem, name, origins }: Moved, internal: Internal, { configured }: ExamineRules): DependencyProblem[] {
  if (internal.patterns.length === 0) return [];
  if (!isInternal(name, internal.patterns)) {
    const other = internal.bare.get(name);
    return other === undefined ? [] : [no('confusion', `its name is that of the internal "${other}" without the scope`)];
  }
  const own = configured[ecosystem];
  return origins.flatMap(({ source, address }): DependencyProblem[] => {
    if (source === 'unlocked') return [unknown('confusion', 'it is internal, and no lockfile says where it comes from')];
    if (source !== 'registry') return [no('confusion', `it is internal, and comes from ${shown(address)}`)];
    if (address === null) return [];
    if (own === null) return [unknown('confusion', 'it is internal, and the registry that this installation asks is not known')];
    return hostOf(address) === own ? [] : [no('confusion', `it is internal, and comes from ${hostOf(address) ?? shown(address)} instead of the configured registry`)];
  });
}

interface Hosts {
  readonly allowed: ReadonlySet<string>;
  /** False: there is nothing to hold an address against. */
  readonly any: boolean;
}

/** Where lockfiles may say that packages come from: what is configured and declared, and the registries of the base. */
function hostsBy(base: readonly Packages[], rules: ExamineRules): Readonly<Record<Ecosystem, Hosts>> {
  const of = (ecosystem: Ecosystem): Hosts => {
    const used = base.flatMap((side) => (side.ecosystem === ecosystem ? side.origins.flatMap((o) => (o.source === 'registry' && o.address !== null ? (hostOf(o.address) ?? []) : [])) : []));
    const configured = rules.configured[ecosystem];
    const allowed = new Set([...used, ...rules.registries, ...(configured === null ? [] : [configured])]);
    return { allowed, any: used.length + rules.registries.length > 0 };
  };
  return { npm: of('npm'), pypi: of('pypi'), go: of('go'), cargo: of('cargo') };
}

const KINDS = { git: 'a git repository', url: 'an address of its own', file: 'a file' } as const;

/** That an entry comes from a registry that may be named, is what it says it is, and is pinned. */
function placed(origin: Origin, { ecosystem, name }: Moved, { allowed, any }: Hosts): DependencyProblem[] {
  const { source, address, digests, pinned } = origin;
  if (source === 'unlocked') return [unknown('sources', 'no lockfile says which version of it is installed')];
  if (source !== 'registry') return [no('sources', `it comes from ${KINDS[source]}${address === null ? '' : ` (${shown(address)})`}, not from a registry`)];
  const found: DependencyProblem[] = [];
  if (address !== null) {
    const host = hostOf(address);
    if (/^http:/.test(address.replace(/^(?:registry|sparse)\+/, '')) && (host === null || !allowed.has(host))) found.push(no('sources', `its address has no TLS (${shown(address)})`));
    if (host === null || !allowed.has(host)) {
      const why = `it comes from ${host ?? shown(address)}, which is neither the configured registry nor one of the base`;
      found.push(any || host === null ? no('sources', why) : unknown('sources', `${why}, which names none; packages.registries of the environment can`));
    }
    const named = ecosystem === 'npm' ? tarballName(address) : null;
    if (named !== null && named !== name) found.push(no('sources', `its address is that of "${named.slice(0, 200)}"`));
  }
  return pinned && digests.length === 0 ? [...found, no('sources', 'the lockfile has no digest of it')] : found;
}

function shown(address: string | null): string {
  return (address ?? 'nowhere').slice(0, 150);
}

/** The same version with another digest is another file. A stronger algorithm beside or instead of a weaker one is none. */
function altered({ state, origins, before }: Moved): DependencyProblem[] {
  if (state !== 'altered') return [];
  const known = new Set(before.flatMap((o) => o.digests));
  const algorithms = new Set([...known].map(algorithmOf));
  const fresh = origins.flatMap((o) => o.digests).filter((digest) => algorithms.has(algorithmOf(digest)) && !known.has(digest));
  if (fresh.length > 0) return [no('sources', 'its digest changed and its version did not')];
  const weaker = algorithms.size > 0 && !algorithms.has('sha1') && origins.some((o) => o.pinned && o.digests.length > 0 && o.digests.every((d) => algorithmOf(d) === 'sha1'));
  return weaker ? [no('sources', 'its digest is of a weaker algorithm than it was')] : [];
}

/** A change does not say which of its own packages may run code when they are installed. */
function scripted({ state, name }: Moved, { listedByChange }: ExamineRules): DependencyProblem[] {
  return state !== 'altered' && listedByChange.includes(name) ? [no('scripts', 'the change that brings it lists it among those whose install scripts run')] : [];
}

function scriptsOf({ origins, name }: Moved, { scripts }: ExamineRules): Dependency['scripts'] {
  if (origins.some((o) => o.scripts === true)) return scripts.includes(name) ? 'listed' : 'off';
  return origins.every((o) => o.scripts === false) ? 'none' : 'unsaid';
}

function aged({ name, version }: Moved, { tooYoung }: ExamineRules): DependencyProblem[] {
  return tooYoung.has(`${name}@${version}`) || tooYoung.has(`${name}@v${version}`) ? [no('age', 'it is younger than the minimum age, or its age is not known, and was not fetched')] : [];
}

function licensed({ origins }: Moved, { licences }: ExamineRules): DependencyProblem[] {
  if (licences.allow.length + licences.deny.length === 0) return [];
  return origins.flatMap(({ licence }): DependencyProblem[] => {
    if (licence === null) return [unknown('licences', 'the lockfile does not say its licence')];
    const fits = licenceFits(licence, licences);
    if (fits === null) return [unknown('licences', `its licence is not understood (${licence.slice(0, 100)})`)];
    return fits ? [] : [no('licences', `its licence is ${licence.slice(0, 100)}, which the environment does not allow`)];
  });
}

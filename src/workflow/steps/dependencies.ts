import { type ExamineRules, examine } from '../../gate/dependencies/examine.js';
import { comparePackages, type Packages } from '../../gate/dependencies/compare.js';
import { algorithmOf, hostOf } from '../../egress/locks/origin.js';
import { sbomOf } from '../../egress/sbom.js';
import { readFileAt } from '../../git/change.js';
import type { Dependencies, Dependency } from '../../protocol/dependencies.js';
import { Ecosystem } from '../../protocol/ecosystem.js';
import { type EnvironmentSpec, milliseconds } from '../../protocol/environment.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Event, EventData, Journal } from '../../protocol/event.js';
import type { BodyRef } from '../../protocol/evidence.js';
import { type Declared, declaredIn, projectFolders, unreadLockfiles } from '../../setup/declared.js';
import { parseEnvironment } from '../../setup/environment.js';
import { advisoriesBy, maliciousBy } from '../../setup/fetch-rules.js';
import { isManifest } from '../../setup/manifest-names.js';
import { scriptsListedBy } from '../../setup/script-lists.js';
import type { RunContext } from '../context.js';
import { advisorySets, manifestsAt } from './advisories.js';
import { environmentOf } from './source.js';

const MAX_CHANGES = 1000;
const MAX_FOLDERS = 50;
const DEFINITION = 'sallyport.yaml';

interface Side {
  readonly manifests: ReadonlyMap<string, Buffer>;
  readonly declared: readonly Declared[];
  readonly problem: string | null;
}

/** What a change does to packages; null where it touches nothing that names any. */
export async function dependenciesOf(context: RunContext, events: readonly Event[], change: EventData<'change.extracted'>, journal: Journal): Promise<Dependencies | null> {
  const changed = change.files.map((f) => f.path);
  if (!changed.some(isManifest)) return null;
  const { spec } = await environmentOf(context);
  const [before, after] = await Promise.all([manifestsAt(context, context.request.baseCommit), manifestsAt(context, change.commit)]);
  const touched = changed.filter(isManifest);
  const folders = projectFolders(touched, [...before.keys(), ...after.keys()]);
  const [base, head] = [sideOf(before, folders, touched), sideOf(after, folders, touched)];
  const rules = await rulesOf(context, spec, events, base, head, change.commit);
  const groups = groupsOf(base, head);
  const found = groups.flatMap(({ before, after, ecosystem }) => examine(comparePackages(ecosystem, before, after), { base: base.declared, head: head.declared }, rules));
  const ordered = [...found].sort((a, b) => weight(b) - weight(a));
  const { licences, advisory_age: advisoryAge, minimum_age: minimumAge } = spec.packages;
  return {
    problem: problemOf(base, head, groups, unreadLockfiles(touched, [...base.declared, ...head.declared])), changes: ordered.slice(0, MAX_CHANGES), more: Math.max(0, ordered.length - MAX_CHANGES),
    locks: groups.map(({ ecosystem, path, before, after }) => ({ ecosystem, path: path.slice(0, 1000), before: before?.origins.length ?? 0, after: after?.origins.length ?? 0 })),
    rules: { minimumAge: Math.max(milliseconds(minimumAge), context.equipment.fetching.minimumAge), advisoryAge: milliseconds(advisoryAge), licences: licences.allow.length + licences.deny.length > 0 },
    sbom: { base: await sbom(journal, context.request.baseCommit, base.declared), head: await sbom(journal, change.commit, head.declared) },
  };
}

function sideOf(manifests: ReadonlyMap<string, Buffer>, folders: readonly string[], touched: readonly string[]): Side {
  if (folders.length > MAX_FOLDERS) return { manifests, declared: [], problem: `it changes projects in ${folders.length} folders, and at most ${MAX_FOLDERS} are looked at` };
  try {
    return { manifests, declared: folders.flatMap((folder) => declaredIn(manifests, folder, touched)), problem: null };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { manifests, declared: [], problem: error.message.slice(0, 900) };
  }
}

interface Group {
  readonly ecosystem: Ecosystem;
  readonly path: string;
  readonly before: Packages | undefined;
  readonly after: Packages | undefined;
}

/** The lists of one project in one ecosystem, though the lockfile may have another name now. */
function groupsOf(base: Side, head: Side): Group[] {
  const keyOf = (d: Declared): string => `${d.ecosystem} ${d.path.slice(0, d.path.lastIndexOf('/') + 1)}`;
  const [before, after] = [new Map(base.declared.map((d) => [keyOf(d), d])), new Map(head.declared.map((d) => [keyOf(d), d]))];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    const one = now ?? old;
    return one === undefined ? [] : [{ ecosystem: one.ecosystem, path: one.path, before: old, after: now }];
  });
}

/** A side that cannot be read, and a project of which nothing says any more what it installs. */
function problemOf(base: Side, head: Side, groups: readonly Group[], unread: readonly string[]): string | null {
  const problems = [...(base.problem === null ? [] : [`of the base: ${base.problem}`]), ...(head.problem === null ? [] : [`of the head: ${head.problem}`])];
  if (problems.length > 0) return problems.join('; ').slice(0, 2000);
  if (unread.length > 0) return `nobody goes by ${unread.slice(0, 5).join(', ')}, which changed`.slice(0, 2000);
  const lost = groups.find(({ before, after }) => before?.origins.some((o) => o.source !== 'unlocked') === true && after !== undefined && after.origins.length > 0 && after.origins.every((o) => o.source === 'unlocked'));
  return lost === undefined ? null : 'the change takes the lockfile away';
}

function weight({ problems, state }: Dependency): number {
  return problems.some((p) => p.holds === 'no') ? 3 : problems.length > 0 ? 2 : state === 'removed' ? 0 : 1;
}

async function rulesOf(context: RunContext, spec: EnvironmentSpec, events: readonly Event[], base: Side, head: Side, commit: string): Promise<ExamineRules> {
  const { packages, setup } = spec;
  const records = (await advisorySets(context)).flatMap((set) => set.records);
  const [malicious, advisories] = [maliciousBy(records), advisoriesBy(records)];
  const used = new Set([...base.declared, ...head.declared].map((d) => d.ecosystem));
  const configured = await Promise.all(Ecosystem.options.map(async (one) => [one, used.has(one) ? await hostAsked(context, one) : null] as const));
  return {
    internal: packages.internal, registries: packages.registries, known: packages.known, licences: packages.licences, scripts: setup.install_scripts,
    configured: Object.fromEntries(configured) as ExamineRules['configured'], listedByChange: await listedByChange(context, spec, base, head, commit),
    malicious: (ecosystem, name, version) => malicious({ ecosystem, name, version }), advisories: (ecosystem, name, version) => advisories({ ecosystem, name, version }), tooYoung: tooYoung(events, context.run),
  };
}

/** Null where the machine names none: then nothing is fetched from one either. */
async function hostAsked(context: RunContext, ecosystem: Ecosystem): Promise<string | null> {
  try {
    return hostOf((await context.equipment.registries[ecosystem]()).url);
  } catch (error) {
    if (error instanceof SallyportError) return null;
    throw error;
  }
}

/** What the change adds to lists of packages whose install scripts run: that of Sallyport, and those of clients. */
async function listedByChange(context: RunContext, spec: EnvironmentSpec, base: Side, head: Side, commit: string): Promise<string[]> {
  const before = new Set([...spec.setup.install_scripts, ...scriptsListedBy(base.manifests)]);
  const text = (await readFileAt(await context.mirror(), commit, DEFINITION))?.toString('utf8');
  return [...(text === undefined ? [] : scriptsOf(text)), ...scriptsListedBy(head.manifests)].filter((name) => !before.has(name));
}

/** A definition that cannot be used lists nothing: it would end every later task. */
function scriptsOf(text: string): readonly string[] {
  try {
    return parseEnvironment(text, DEFINITION).setup.install_scripts;
  } catch (error) {
    if (error instanceof SallyportError) return [];
    throw error;
  }
}

/** What the fetches of this run refused for its age, as `NAME@VERSION`. */
function tooYoung(events: readonly Event[], run: string): Set<string> {
  return new Set(events.flatMap((e) => (e.type === 'egress.requested' && e.run === run && e.data.rule === 'package.too-young' && e.data.denial?.line != null ? [e.data.denial.line.value] : [])));
}

async function sbom(journal: Journal, commit: string, declared: readonly Declared[]): Promise<BodyRef | null> {
  const packages = declared.flatMap((d) => d.origins.filter((o) => o.source !== 'unlocked' && o.name !== '' && o.version !== '').map(({ name, version, digests }) => ({ ecosystem: d.ecosystem, name, version, integrity: ofOneFile(digests) })));
  return packages.length === 0 ? null : await journal.keep(sbomOf(commit, packages), 'application/vnd.cyclonedx+json');
}

/** A release of Python has a digest for each of its files: none of them is that of the package. */
function ofOneFile(digests: readonly string[]): string {
  return new Set(digests.map(algorithmOf)).size === digests.length ? digests.join(' ') : '';
}

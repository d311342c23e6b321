import { z } from 'zod';
import { readFileAt } from '../../git/change.js';
import { SallyportError } from '../../protocol/errors.js';
import { AdvisoryResult } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import { type AdvisorySet, ageDays } from '../../scan/advisories/source.js';
import { indexAdvisories, matchAdvisories, type PackageVersion } from '../../scan/advisories/match.js';
import { advisoriesAt } from '../../setup/advisories.js';
import { installedIn, LOCKFILES } from '../../setup/installed.js';
import { readManifests } from '../../setup/manifests.js';
import type { RunContext } from '../context.js';
import { environmentOf } from './source.js';

const MAX_LOCKFILE = 64 * 1024 * 1024;

/** What the known advisories say of one side. `problem` = why that proves nothing. */
export const AdvisorySide = z.strictObject({
  hits: z.array(AdvisoryResult.omit({ state: true })),
  problem: z.string().nullable(),
  /** Whether there is a lockfile: without one nothing can be said of what is installed. */
  locked: z.boolean(),
  /** Advisories that do not let one say whether an installed version is meant. */
  unknown: z.array(z.string()),
});
export type AdvisorySide = z.infer<typeof AdvisorySide>;

const loaded = new WeakMap<RunContext, Promise<AdvisorySet[]>>();

/**
 * Every set that holds for a run: the repository's own snapshot on the protected base (a change has no say in what it is measured by), and the
 * installation's. Empty = none is configured. Read once a run in this process: every candidate is measured by them.
 */
export function advisorySets(context: RunContext): Promise<AdvisorySet[]> {
  const known = loaded.get(context) ?? load(context);
  loaded.set(context, known);
  return known;
}

async function load(context: RunContext): Promise<AdvisorySet[]> {
  const { spec } = await environmentOf(context);
  const configured = await context.equipment.advisories();
  return [...(spec.advisories === undefined ? [] : [await advisoriesAt(await context.mirror(), context.request.baseCommit, spec.advisories)]), ...(configured === null ? [] : [configured])];
}

/** The advisories that apply to what the lockfiles of a commit install. Without a lockfile there is nothing to apply them to. */
export async function advisorySide(context: RunContext, commit: string): Promise<AdvisorySide> {
  const sets = await advisorySets(context);
  if (sets.length === 0) return { hits: [], problem: null, locked: false, unknown: [] };
  try {
    const installed = installedIn(await manifestsAt(context, commit));
    if (installed.length === 0) return { hits: [], problem: null, locked: false, unknown: [] };
    const packages = installed.flatMap((one) => one.packages.map(({ name, version }) => ({ name, version, ecosystem: one.osv })));
    return { hits: hitsIn(sets, packages), problem: null, locked: true, unknown: unknownIn(sets, packages) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { hits: [], problem: error.message.slice(0, 2000), locked: true, unknown: [] };
  }
}

/** The same advisory of two sets, or for two copies of one version, counts once. */
export function hitsIn(sets: readonly AdvisorySet[], packages: readonly PackageVersion[]): AdvisorySide['hits'] {
  const hits = new Map<string, AdvisorySide['hits'][number]>();
  for (const set of sets) for (const hit of matchAdvisories(set, packages)) hits.set(JSON.stringify([hit.id, hit.package, hit.version]), { ...hit, aliases: [...hit.aliases], fixed: [...hit.fixed] });
  return [...hits.values()].sort((a, b) => (a.package === b.package ? (a.id < b.id ? -1 : 1) : a.package < b.package ? -1 : 1));
}

function unknownIn(sets: readonly AdvisorySet[], packages: readonly PackageVersion[]): string[] {
  const indexes = sets.map((set) => indexAdvisories(set.records));
  return [...new Set(indexes.flatMap((index) => packages.flatMap((one) => index.unknown(one).map((id) => `${id} of ${one.name}@${one.version}`))))].sort();
}

/** A head that cannot be looked at is never free of advisories: a lockfile that is gone, or a version of which nothing can be said. */
function problemOf(base: AdvisorySide, head: AdvisorySide): string | null {
  const problem = base.problem ?? head.problem;
  if (problem !== null) return problem;
  if (base.locked && !head.locked) return 'the change takes the lockfile away, so what it installs is not known';
  const fresh = head.unknown.filter((u) => !base.unknown.includes(u));
  return fresh.length === 0 ? null : `whether these apply is not known: ${fresh.slice(0, 5).join(', ')}`;
}

/** What a commit says of its dependencies; a lockfile too also where it is larger than what setup takes. Key = path. */
export async function manifestsAt(context: RunContext, commit: string): Promise<Map<string, Buffer>> {
  const mirror = await context.mirror();
  const found = await readManifests(mirror, commit);
  for (const path of LOCKFILES) {
    const body = found.has(path) ? null : await readFileAt(mirror, commit, path, MAX_LOCKFILE);
    if (body !== null) found.set(path, body);
  }
  return found;
}

/** Base against head, with the age of what they were measured by. Pure but for `now`. */
export function compareAdvisories(sets: readonly AdvisorySet[], base: AdvisorySide, head: AdvisorySide, now: Date): { source: string | null; newest: string | null; ageDays: number | null; problem: string | null; results: AdvisoryResult[] } {
  const key = (h: { id: string; package: string; version: string }): string => JSON.stringify([h.id, h.package, h.version]);
  const [before, after] = [new Set(base.hits.map(key)), new Set(head.hits.map(key))];
  const ages = sets.flatMap((set) => ageDays(set, now) ?? []);
  return {
    source: sets.length === 0 ? null : sets.map((s) => `${s.source}${s.stale === null ? '' : ` (${s.stale})`}${s.malformed.count === 0 ? '' : ` (${count(s.malformed.count, 'record')} of another form left out)`}`).join(', ').slice(0, 1000),
    newest: sets.flatMap((s) => s.newest ?? []).sort().at(-1) ?? null, ageDays: ages.length === 0 ? null : Math.min(...ages),
    problem: problemOf(base, head),
    results: [...head.hits.map((h) => ({ ...h, state: before.has(key(h)) ? ('unchanged' as const) : ('new' as const) })), ...base.hits.filter((h) => !after.has(key(h))).map((h) => ({ ...h, state: 'absent' as const }))],
  };
}

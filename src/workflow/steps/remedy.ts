import { z } from 'zod';
import { bisect } from '../../agent/remediator/bisect.js';
import { type Candidate, codeCandidates, joinPlans, Plan, upgradeCandidates } from '../../agent/remediator/candidates.js';
import { dropReason } from '../../agent/remediator/keep.js';
import { compareCases } from '../../gate/compare.js';
import { type ChangeEntry, importChange, type ImportedChange, readEntryAt } from '../../git/change.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Journal } from '../../protocol/event.js';
import type { BodyRef, Remedy } from '../../protocol/evidence.js';
import { compare } from '../../sarif/compare.js';
import { removedDefences } from '../../sarif/defences.js';
import { applyEdits, mergeEdits } from '../../sarif/edits.js';
import type { Edit } from '../../sarif/model.js';
import type { Snapshot } from '../../setup/snapshot.js';
import { openProject, releasesOf } from '../../setup/upgrade/open.js';
import { planUpgrades } from '../../setup/upgrade/plan.js';
import { inventoryOf } from '../../setup/upgrade/project.js';
import { resolveUpgrades } from '../../setup/upgrade/resolve.js';
import { installedIn, LOCKFILES } from '../../setup/installed.js';
import { readConfiguration } from '../../setup/manifests.js';
import { indexAdvisories } from '../../scan/advisories/match.js';
import type { AdvisorySet } from '../../scan/advisories/source.js';
import type { RunContext } from '../context.js';
import { advisorySets, compareAdvisories, hitsIn, manifestsAt } from './advisories.js';
import { recordChange } from './change.js';
import { setupRequest } from './setup.js';
import { environmentOf } from './source.js';
import { toolEvidence } from './tools.js';
import { measureHead, type SideBody } from './verify.js';

/** Candidates that are measured at a time: each needs a core for its tests. */
const AT_ONCE = 2;

/** What every part of the remediator works with. */
export interface Remediation {
  readonly context: RunContext;
  readonly tree: string;
  readonly snapshot: Snapshot;
  readonly base: SideBody;
}

/** Looks what could be mended: rules' fixes out of the base's scan, upgrades out of the advisories. */
export async function planRemedies({ context, base }: Remediation, journal: Journal): Promise<{ readonly plan: BodyRef }> {
  const { only } = context.request;
  const plan = joinPlans([
    ...(only === 'code' ? [] : [await planDependencies(context, journal)]),
    ...(only === 'deps' ? [] : [codeCandidates(base.scan.results)]),
  ]);
  const body = await journal.keep(JSON.stringify(Plan.parse(plan)), 'application/json');
  await journal.record('remedy.planned', { candidates: plan.candidates.length, advice: plan.advice.length, body });
  return { plan: body };
}

async function planDependencies(context: RunContext, journal: Journal): Promise<Plan> {
  try {
    return await planUpgradesOf(context, journal);
  } catch (error) {
    // Asked for dependencies alone, this is the answer; beside the code it is one thing that was left.
    if (context.request.only === 'deps' || !(error instanceof SallyportError) || error.code !== 'input.invalid') throw error;
    return { candidates: [], advice: [notLookedAt('package.json', error)] };
  }
}

function notLookedAt(where: string, error: SallyportError): Plan['advice'][number] {
  return { what: 'dependencies were not looked at', where, advice: `${error.message}. ${error.hint ?? ''}`.slice(0, 2000) };
}

async function planUpgradesOf(context: RunContext, journal: Journal): Promise<Plan> {
  const manifests = await manifestsAt(context, context.request.baseCommit);
  const installed = inventoryOf('a lockfile cannot be read', () => installedIn(manifests));
  if (installed.length === 0) {
    if (namesPackages(manifests)) throw new SallyportError('input.invalid', 'Cannot upgrade dependencies: there is no lockfile', { hint: `Supported: ${LOCKFILES.join(', ')}, and requirements.txt with pinned versions.` });
    return { candidates: [], advice: [] };
  }
  const sets = await advisorySets(context);
  if (sets.length === 0) throw new SallyportError('input.invalid', 'No advisories are configured, so which dependencies are vulnerable is not known', { hint: 'Name OSV records: SALLYPORT_ADVISORIES (folder or URL), or `advisories:` in sallyport.yaml.' });
  const asking = { registries: context.equipment.registries, journal, signal: context.signal };
  return joinPlans(await Promise.all(installed.map(async (one) => {
    const hits = hitsIn(sets, one.packages.map(({ name, version }) => ({ name, version, ecosystem: one.osv })));
    if (hits.length === 0) return { candidates: [], advice: [] };
    const project = await openProject(manifests, one, hits, asking).catch((error: unknown) => {
      // Beside another project it is one thing that was left; alone it is the answer.
      if (installed.length > 1 && error instanceof SallyportError && error.code === 'input.invalid') return error;
      throw error;
    });
    if (project instanceof SallyportError) return { candidates: [], advice: [notLookedAt(one.path, project)] };
    const { upgrades, impossible } = planUpgrades({ project, hits, advisories: recordsOf(sets), versions: await releasesOf(project, hits, asking) });
    return upgradeCandidates(upgrades, impossible, hits);
  })));
}

/** False for a repository that names no packages: there is nothing to upgrade. */
function namesPackages(manifests: ReadonlyMap<string, Buffer>): boolean {
  return /"(?:d|devD|optionalD|peerD)ependencies"\s*:\s*\{\s*"/.test(manifests.get('package.json')?.toString('utf8') ?? '');
}

function recordsOf(sets: readonly AdvisorySet[]): { readonly records: AdvisorySet['records'] } {
  return { records: sets.flatMap((s) => s.records) };
}

const Tried = z.array(z.strictObject({ id: z.string(), reason: z.string().nullable() }));

/** Tries every candidate alone, and notes each result as it comes: a resumed run does not try it again. */
export async function tryRemedies(what: Remediation, plan: BodyRef, journal: Journal): Promise<{ readonly tried: BodyRef; readonly kept: number }> {
  const { context } = what;
  const { candidates } = await context.loadJson(plan, (v) => Plan.parse(v));
  const known = new Map((await context.events()).flatMap((e) => (e.type === 'remedy.tried' && e.run === context.run ? [[e.data.candidate, e.data.reason] as const] : [])));
  const results = await inParallel(candidates, AT_ONCE, async (candidate) => {
    const before = known.get(candidate.id);
    if (before !== undefined) return { id: candidate.id, reason: before };
    const { reason, commit } = await tryTogether(what, [candidate], `try-${candidates.indexOf(candidate)}`, journal);
    await journal.record('remedy.tried', { candidate: candidate.id, title: candidate.title, kept: reason === null, reason, commit });
    return { id: candidate.id, reason };
  });
  return { tried: await journal.keep(JSON.stringify(results), 'application/json'), kept: results.filter((r) => r.reason === null).length };
}

/**
 * The change of a round: all that could be kept, together. In the second round, where they broke something together that none broke
 * alone, the largest part that halving finds.
 */
export async function combineRemedies(what: Remediation, round: number, refs: { readonly plan: BodyRef; readonly tried: BodyRef }, journal: Journal): Promise<{ readonly commit: string; readonly remedies: BodyRef }> {
  const { context } = what;
  const { candidates } = await context.loadJson(refs.plan, (v) => Plan.parse(v));
  const reasons = new Map((await context.loadJson(refs.tried, (v) => Tried.parse(v))).map((t) => [t.id, t.reason]));
  const good = candidates.filter((c) => reasons.get(c.id) === null);
  let step = 0;
  const holds = async (group: readonly Candidate[]): Promise<boolean> => (await tryTogether(what, group, `half-${round}-${step++}`, journal)).reason === null;
  const fitting = round === 1 ? good : await bisect(good, holds);
  const { change, overlapping } = await build(what, fitting, String(round), journal);
  const commit = change?.commit ?? context.request.baseCommit;
  await recordChange(context, round, commit, change?.skipped.slice() ?? [], journal);
  const remedies = candidates.map((c): Remedy => {
    const reason = reasons.get(c.id) ?? (!fitting.includes(c) ? 'it breaks something together with the others, though not alone' : overlapping.has(c.id) ? 'it changes the same place as another fix; run it again after this one' : null);
    return { id: c.id, title: c.title, targets: c.targets, kept: reason === null, reason };
  });
  return { commit, remedies: await journal.keep(JSON.stringify(remedies), 'application/json') };
}

/** Applies candidates to the base and measures them in fresh sandboxes. The checks' own events are left out of the log: its commands and the result say it. */
async function tryTogether(what: Remediation, candidates: readonly Candidate[], name: string, journal: Journal): Promise<{ readonly reason: string | null; readonly commit: string | null }> {
  const { context, base } = what;
  const quiet: Journal = { keep: journal.keep, record: async (type, data) => (type === 'check.ended' || type === 'scan.ended' ? undefined : await journal.record(type, data)) };
  try {
    const { change, overlapping } = await build(what, candidates, name, quiet);
    if (change === null || change.files.length === 0) return { reason: 'it changes nothing', commit: null };
    const head = await measureHead(context, { round: 0, baseTree: what.tree, base: what.snapshot, change, scanned: candidates.some((c) => c.kind === 'code') ? null : base.scan, further: null }, quiet);
    const checks = { base: base.checks, head: head.checks, red: head.red };
    const results = compare(base.scan.results, [...head.scan.results, ...removedDefences(base.scan.defences, head.scan.defences)]);
    const now = new Date();
    const reason = dropReason({
      checks, cases: compareCases(checks), files: change.files.map(({ path, status, mode }) => ({ path, status, mode })), definitions: [],
      scan: { ran: true, problem: base.scan.problem ?? head.scan.problem, results, sarif: null },
      ...toolEvidence(await environmentOf(context), { base: base.tools ?? [], head: head.tools ?? [] }, null, results, now),
      advisories: compareAdvisories(await advisorySets(context), base.advisories, head.advisories, now),
    }, candidates.filter((c) => !overlapping.has(c.id)).flatMap((c) => c.targets));
    return { reason, commit: change.commit };
  } catch (error) {
    if (!(error instanceof SallyportError) || !(error.code.startsWith('setup.') || error.code === 'egress.denied')) throw error;
    context.signal.throwIfAborted();
    return { reason: error.message.slice(0, 1000), commit: null };
  }
}

/** One commit on the base that holds all of them. `overlapping` = code fixes that another one's place left out. Null when there is nothing. */
async function build({ context, tree }: Remediation, candidates: readonly Candidate[], name: string, journal: Journal): Promise<{ readonly change: ImportedChange | null; readonly overlapping: ReadonlySet<string> }> {
  const mirror = await context.mirror();
  const overlapping = new Set<string>();
  const entries: ChangeEntry[] = [];
  const code = candidates.filter((c) => c.kind === 'code');
  for (const path of new Set(code.map((c) => c.path))) {
    const here = code.filter((c) => c.path === path);
    const { edits, dropped } = mergeEdits(here.map((c) => c.edits));
    for (const i of dropped) overlapping.add(here[i]?.id as string);
    const entry = await edited(context, path, edits);
    if (entry !== null) entries.push(entry);
  }
  const upgrades = candidates.flatMap((c) => (c.kind === 'deps' ? [c.upgrade] : []));
  if (upgrades.length > 0) {
    const index = indexAdvisories(recordsOf(await advisorySets(context)).records);
    const { files } = await resolveUpgrades({
      ...(await setupRequest(context, tree, journal)), manifests: await manifestsAt(context, context.request.baseCommit), configuration: await readConfiguration(mirror, context.request.baseCommit),
      avoid: (name, version) => index.hits({ name, version }).length > 0,
    }, upgrades);
    for (const file of files) entries.push({ kind: 'file', path: Buffer.from(file.path), mode: '100644', data: file.body });
  }
  if (entries.length === 0) return { change: null, overlapping };
  return { change: await importChange(mirror, context.request.baseCommit, entries, `refs/sallyport/${context.run}/${name}`), overlapping };
}

/** A file of the base with edits in it, or null where its bytes are not exactly text: an offset would then be a guess. */
async function edited(context: RunContext, path: string, edits: readonly Edit[]): Promise<ChangeEntry | null> {
  const found = await readEntryAt(await context.mirror(), context.request.baseCommit, path);
  if (found === null) return null;
  const text = found.data.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(found.data)) return null;
  return { kind: 'file', path: Buffer.from(path), mode: found.mode, data: Buffer.from(applyEdits(text, edits), 'utf8') };
}

/** Runs `work` on all items, `most` at a time, results in order. The first failure is thrown once the others have ended. */
async function inParallel<T, R>(items: readonly T[], most: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    try {
      for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T);
    } catch (error) {
      next = items.length; // nobody begins another
      throw error;
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, lane));
  const failed = lanes.find((l) => l.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results;
}

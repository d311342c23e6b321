import { z } from 'zod';
import { canonicalBytes } from '../../attest/canonical.js';
import { scrub } from '../../audit/scrub.js';
import { compareCases } from '../../gate/compare.js';
import { notExecuted } from '../../gate/coverage/condition.js';
import { changedDefinitions, type Definition } from '../../gate/definitions.js';
import { compareInterfaces } from '../../gate/interface/compare.js';
import { interfaceNotChecked } from '../../gate/interface/condition.js';
import { isReading, judge, type Unjudged } from '../../gate/judge.js';
import { RUNNERS } from '../../gate/runners/registry.js';
import { ABOUT_THE_REPORT, warningsOf } from '../../gate/warnings.js';
import { renderFeedback } from '../../gate/render.js';
import { readFileAt } from '../../git/change.js';
import { git } from '../../git/command.js';
import { listTree } from '../../git/tree.js';
import type { Event, EventData, Journal } from '../../protocol/event.js';
import { type Advice, type BodyRef, type CheckRun, Evidence, NOT_CHECKED, Remedy } from '../../protocol/evidence.js';
import type { ReviewedFinding } from '../../protocol/review.js';
import type { Verdict } from '../../protocol/task.js';
import { compare } from '../../sarif/compare.js';
import { removedDefences } from '../../sarif/defences.js';
import type { Environment } from '../../setup/environment.js';
import type { Snapshot } from '../../setup/snapshot.js';
import { lastOf, mustLastOf, type RunContext } from '../context.js';
import { Plan } from '../../agent/remediator/candidates.js';
import { advisorySets, compareAdvisories } from './advisories.js';
import { dependenciesOf } from './dependencies.js';
import { factsOf } from '../facts.js';
import { reviewed, type TriedFinding, TriedFindings } from './reproduce.js';
import { SUBJECT } from './review.js';
import { environmentOf, groundOf } from './source.js';
import { tampering } from './tampering.js';
import { toolEvidence } from './tools.js';
import { SideBody } from './verify.js';

/** Lines of *not checked* that hold for this version whatever the change is. */
const NOT_YET = ['flaky tests whose runs agreed'];

/**
 * Puts the evidence of a round together from the log and the stored bodies, judges it, and keeps it under its digest: the
 * bytes that an approval is bound to.
 */
export async function judgeRound(context: RunContext, round: number, tree: string, base: BodyRef, head: BodyRef, snapshot: Snapshot, said: Said, journal: Journal): Promise<{ readonly verdict: Verdict; readonly evidence: BodyRef }> {
  const events = await context.events();
  const unjudged = await assemble(context, events, {
    round, tree, base, head, snapshot, citations: said.citations === null ? [] : await context.loadJson(said.citations, (v) => Citations.parse(v)),
    findings: said.findings === null ? [] : await context.loadJson(said.findings, (v) => TriedFindings.parse(v)),
    remedies: said.remedies === null ? [] : await context.loadJson(said.remedies, (v) => z.array(Remedy).parse(v)), advice: said.plan === null ? [] : (await context.loadJson(said.plan, (v) => Plan.parse(v))).advice,
  }, journal);
  const clean = scrub(unjudged, context.equipment.redact) as Unjudged;
  const evidence = Evidence.parse({ ...clean, ...judge(clean) });
  const ref = await context.equipment.artifacts.put(canonicalBytes(evidence), { blind: false, media: 'application/json' });
  await journal.record('gate.judged', { round, kind: evidence.kind, verdict: evidence.verdict, conditions: evidence.conditions, evidence: ref });
  return { verdict: evidence.verdict, evidence: ref };
}

const Citations = z.array(z.string().max(500)).max(200);

/** What who drove the round has to say about it, as stored bodies: nothing of it is believed without the gate's own look. */
export interface Said {
  readonly citations: BodyRef | null;
  readonly plan: BodyRef | null;
  readonly remedies: BodyRef | null;
  /** Findings of a model with what became of their proofs. */
  readonly findings: BodyRef | null;
}

interface Parts {
  readonly round: number;
  readonly tree: string;
  readonly base: BodyRef;
  readonly head: BodyRef;
  readonly snapshot: Snapshot;
  readonly citations: readonly string[];
  readonly remedies: Remedy[];
  readonly findings: readonly TriedFinding[];
  readonly advice: Advice[];
}

async function assemble(context: RunContext, events: readonly Event[], parts: Parts, journal: Journal): Promise<Unjudged> {
  const { request, run, task } = context;
  const change = mustLastOf(events, run, 'change.extracted', (e) => e.data.round === parts.round).data;
  const reused = lastOf(events, run, 'baseline.reused')?.data;
  const subject = lastOf(events, run, 'change.extracted', (e) => e.data.round === SUBJECT)?.data; // a change that is only read
  const side = (ref: BodyRef): Promise<SideBody> => context.loadJson(ref, (v) => SideBody.parse(v));
  const [base, head] = await Promise.all([side(parts.base), side(parts.head)]);
  const checks = { base: base.checks, head: head.checks, red: head.red, ...(head.old === undefined || head.old.length === 0 ? {} : { old: head.old }), ...(head.again === undefined || head.again.length === 0 ? {} : { again: head.again }) };
  const environment = await environmentOf(context);
  const now = new Date();
  const advisories = compareAdvisories(await advisorySets(context), base.advisories, head.advisories, now);
  const dependencies = await dependenciesOf(context, events, subject ?? change, journal);
  const definition = await definitionOf(context, environment, change);
  const results = compare(base.scan.results, [...head.scan.results, ...removedDefences(base.scan.defences, head.scan.defences), ...(await tampering(context, parts.tree, subject ?? change, base, head))]);
  const offered = compareInterfaces({ entries: base.scan.entries ?? null, problem: base.scan.problem }, { entries: head.scan.entries ?? null, problem: head.scan.problem });
  return {
    v: 1, task, run, round: parts.round, kind: request.kind, agent: request.agent, request: request.text,
    base: { commit: request.baseCommit, tree: parts.tree }, head: { commit: change.commit, tree: change.tree },
    ...(reused === undefined ? {} : { baseline: { run: reused.run, at: reused.at } }),
    ...(subject === undefined ? {} : { subject: { commit: subject.commit, tree: subject.tree, patch: subject.patch, files: subject.files.map(({ path, status, mode }) => ({ path, status, mode })) } }),
    patch: change.patch, files: change.files.map(({ path, status, mode }) => ({ path, status, mode })), skipped: [...skippedOf(events, run), ...change.skipped],
    checks, cases: compareCases(checks), definitions: changedDefinitions(definition),
    scan: { ran: true, problem: base.scan.problem ?? head.scan.problem, results, sarif: head.scan.sarif },
    ...toolEvidence(environment, isReading(request.kind) ? null : { base: base.tools ?? [], head: head.tools ?? [] }, definition, results, now),
    ...(head.coverage === undefined ? {} : { coverage: head.coverage }), ...(head.mutants === undefined ? {} : { mutants: head.mutants }),
    ...(offered === null ? {} : { interface: offered }),
    advisories, dependencies, remedies: parts.remedies, advice: parts.advice,
    environment: { source: environment.source, snapshot: parts.snapshot.id, headSnapshot: head.snapshot, driver: (await groundOf(context)).driver.name, enforced: enforcedOf(events, run), ...(environment.spec.security_tests.length === 0 ? {} : { securityTests: environment.spec.security_tests }) },
    instructions: lastOf(events, run, 'instructions.read')?.data.files.map((f) => ({ ...f })) ?? [],
    policy: { name: context.equipment.policy.name, version: context.equipment.policy.version as `sha256:${string}` },
    ...(request.gate === undefined ? {} : { terms: { requires: [...request.gate.requires], accepts: [...request.gate.accepts] } }),
    citations: await checkCitations(context, subject?.tree ?? parts.tree, parts.citations),
    ...(parts.findings.length === 0 ? {} : { findings: await withPlaces(context, subject?.tree ?? parts.tree, parts.findings) }),
    warnings: [...(request.kind === 'review' ? [ABOUT_THE_REPORT] : []), ...(await warnings(context, environment, base))],
    notChecked: [...NOT_CHECKED, ...NOT_YET, ...notExecuted(head), ...(isReading(request.kind) ? [] : interfaceNotChecked(offered === null ? {} : { interface: offered })), ...(subject === undefined ? [] : ['tests of the change: a review runs none']), ...(advisories.source === null ? ['known advisories of dependencies'] : []), ...(dependencies?.changes.some((c) => c.state !== 'removed') === true ? ['what the code of new packages does'] : []), ...(environment.spec.setup.fetch.length === 0 ? [] : ['what commands of setup.fetch fetched']), ...byExitCode(environment), ...forgeable(environment, checks.head), ...(isReading(request.kind) ? [] : unsigned(environment))],
  };
}

/** Code under test can end a check with the exit code that it likes; with cases by our reporter that is harder, with an exit code alone it is easy. */
function byExitCode(environment: Environment): string[] {
  const names = Object.entries(environment.checks).flatMap(([name, c]) => (c.runner === 'command' ? [name] : []));
  return names.length === 0 ? [] : [`forged exit codes (${names.join(', ')}: judged by exit code alone)`];
}

/** Reports that nothing signs, and no case of ours is laid into. */
function forgeable(environment: Environment, ran: readonly CheckRun[]): string[] {
  const plain = Object.entries(environment.checks).flatMap(([name, c]) => (c.runner !== 'command' && !RUNNERS[c.runner].canaries ? [`${name} by ${c.runner}`] : []));
  const names = [...plain, ...ran.flatMap((run) => (run.uncovered === undefined ? [] : [`${run.name} by ${run.runner}, for ${run.uncovered}`]))];
  return names.length === 0 ? [] : [`forged reports (${names.join(', ')}: the runner writes its report beside the code under test, unsigned)`];
}

/** A tool tells what it likes, and its configuration may be code of the project. */
function unsigned({ spec }: Environment): string[] {
  const names = Object.keys(spec.tools);
  return names.length === 0 ? [] : [`what tools of the project leave out (${names.join(', ')}: nothing signs their reports)`];
}

async function definitionOf(context: RunContext, environment: Environment, change: EventData<'change.extracted'>): Promise<Definition> {
  const mirror = await context.mirror();
  const text = async (commit: string): Promise<string | null> => (await readFileAt(mirror, commit, 'package.json'))?.toString('utf8') ?? null;
  return { checks: environment.checks, changed: change.files.map((f) => f.path), packageJson: { base: await text(context.request.baseCommit), head: await text(change.commit) } };
}

async function warnings(context: RunContext, environment: Environment, base: SideBody): Promise<string[]> {
  const ran = base.checks.flatMap((c) => (c.cases === null ? [] : [c.cases.length]));
  return warningsOf({
    ...(await factsOf(await context.mirror(), context.request.baseCommit, environment)),
    cases: ran.length === 0 ? null : ran.reduce((a, b) => a + b, 0), findings: base.scan.results.filter((r) => r.level !== 'note').length,
  });
}

function skippedOf(events: readonly Event[], run: string): { path: string; reason: string }[] {
  return lastOf(events, run, 'source.resolved')?.data.skipped.map((s) => ({ path: s.path, reason: `not laid out: ${s.reason}` })) ?? [];
}

/** What held in every sandbox that gave a verdict. */
function enforcedOf(events: readonly Event[], run: string): string[] {
  const sets = events.filter((e) => e.type === 'sandbox.started' && e.run === run && e.data.phase !== 'extract').map((e) => (e.type === 'sandbox.started' ? e.data.enforced : []));
  const [first, ...rest] = sets;
  return (first ?? []).filter((g) => rest.every((set) => set.includes(g)));
}

/** `path` or `path:line` or `path:from-to` of the base tree; a citation of something else does not exist. */
async function checkCitations(context: RunContext, tree: string, citations: readonly string[]): Promise<{ ref: string; exists: boolean }[]> {
  if (citations.length === 0) return [];
  const mirror = await context.mirror();
  const entries = new Map((await listTree(mirror, tree)).map((e) => [e.path.toString('utf8'), e]));
  const lines = async (blob: string): Promise<number> => (await git(mirror, ['cat-file', 'blob', blob])).toString('latin1').split('\n').length;
  return await Promise.all(citations.map(async (ref) => {
    const [, path, from, to] = /^(?:\.\/)?(.+?)(?::(\d+)(?:-(\d+))?)?$/s.exec(ref) ?? [];
    const entry = path === undefined ? undefined : entries.get(path);
    if (entry === undefined || entry.size > 10_000_000) return { ref, exists: false };
    return { ref, exists: from === undefined || (Number(from) >= 1 && Number(to ?? from) >= Number(from) && Number(to ?? from) <= (await lines(entry.blob))) };
  }));
}

async function withPlaces(context: RunContext, tree: string, findings: readonly TriedFinding[]): Promise<ReviewedFinding[]> {
  const places = await checkCitations(context, tree, findings.map((one) => one.finding.place));
  return findings.map((one, i) => reviewed(one, places[i]?.exists === true));
}

/** Tells the agent what the gate found. */
export async function giveFeedback(context: RunContext, round: number, evidence: BodyRef, journal: Journal): Promise<null> {
  const text = renderFeedback(await context.loadJson(evidence, (v) => Evidence.parse(v)));
  await journal.record('feedback.given', { round, body: await journal.keep(text, 'text/plain') });
  return null;
}

import { codeCandidates } from '../../agent/remediator/candidates.js';
import { reviewReport } from '../../agent/remediator/review.js';
import { collectScan } from '../../gate/collect.js';
import { dependencyText } from '../../gate/dependencies/text.js';
import type { EventData, Journal } from '../../protocol/event.js';
import type { BodyRef } from '../../protocol/evidence.js';
import { compare } from '../../sarif/compare.js';
import { removedDefences } from '../../sarif/defences.js';
import type { RuleMeta } from '../../sarif/model.js';
import { mustLastOf, type RunContext } from '../context.js';
import { advisorySets, advisorySide, compareAdvisories } from './advisories.js';
import { dependenciesOf } from './dependencies.js';
import type { Remediation } from './remedy.js';
import { runFolder } from './source.js';
import { tampering } from './tampering.js';
import { collector, keepSide, mutable, type SideBody } from './verify.js';

const MOST_CITED = 200;

/** The round under which the change that is reviewed stands on the log: the work itself changes nothing. */
export const SUBJECT = 0;

/** A review without a model: what the base's scan and the advisories say, as a report that cites its places. */
export async function reviewBase({ context, base }: Remediation, journal: Journal): Promise<{ readonly citations: BodyRef }> {
  const { text, citations } = reviewReport({ results: base.scan.results, hits: base.advisories.hits, plan: codeCandidates(base.scan.results), unlooked: await unlooked(context, base), rules: await rulesById(), change: null });
  return await keepReport(journal, text, citations);
}

/** A review of a change: what it brings, by the scans and the packages of both sides. No test runs. */
export async function reviewChange({ context, tree, base }: Remediation, journal: Journal): Promise<{ readonly citations: BodyRef; readonly base: BodyRef; readonly head: BodyRef }> {
  const events = await context.events();
  const change = mustLastOf(events, context.run, 'change.extracted', (e) => e.data.round === SUBJECT).data;
  const before: SideBody = { ...base, checks: [], red: [], old: [] };
  const head = await subjectSide(context, change, journal);
  const found = compare(before.scan.results, [...head.scan.results, ...removedDefences(before.scan.defences, head.scan.defences), ...(await tampering(context, tree, change, before, head))]);
  const advisories = compareAdvisories(await advisorySets(context), before.advisories, head.advisories, new Date());
  const dependencies = await dependenciesOf(context, events, change, journal);
  const { text, citations } = reviewReport({
    results: found.filter((r) => r.state === 'new'), hits: advisories.results.filter((r) => r.state === 'new'), plan: codeCandidates(head.scan.results), unlooked: await unlooked(context, head), rules: await rulesById(),
    change: { files: change.files.length, gone: found.filter((r) => r.state === 'absent'), packages: (dependencies?.changes ?? []).map(dependencyText) },
  });
  const problem = before.scan.problem ?? head.scan.problem;
  const whole = problem === null ? text : `The scan does not count: ${problem}\n\n${text}`;
  const there = change.files.filter((f) => f.status !== 'deleted').map((f) => f.path);
  const left = new Set(change.files.filter((f) => f.status === 'deleted').map((f) => f.path));
  const cited = [...citations.filter((place) => !left.has(place.replace(/:\d+$/, ''))), ...there].slice(0, MOST_CITED); // the files that were looked at, findings or not
  return { ...(await keepReport(journal, whole, cited)), base: await keepSide(journal, before), head: await keepSide(journal, head) };
}

async function subjectSide(context: RunContext, change: EventData<'change.extracted'>, journal: Journal): Promise<SideBody> {
  const scan = await collectScan(await collector(context, journal), { round: SUBJECT, side: 'head', lowers: [await runFolder(context, change.tree)] }, change.files.map((f) => f.path));
  return { checks: [], red: [], scan: mutable(scan), advisories: await advisorySide(context, change.commit), snapshot: null };
}

async function keepReport(journal: Journal, text: string, citations: readonly string[]): Promise<{ readonly citations: BodyRef }> {
  await journal.record('agent.finished', { round: 1, reason: 'finish', summary: await journal.keep(text, 'text/plain') });
  return { citations: await journal.keep(JSON.stringify(citations), 'application/json') };
}

async function unlooked(context: RunContext, { advisories }: SideBody): Promise<string | null> {
  if ((await advisorySets(context)).length === 0) return 'none are configured';
  return advisories.problem ?? (advisories.locked ? null : 'there is no lockfile');
}

/** Loaded only here: the rules bring the parser with them. */
async function rulesById(): Promise<ReadonlyMap<string, RuleMeta>> {
  const { RULES } = await import('../../scan/tree.js');
  return new Map(RULES.map((rule) => [rule.id, rule]));
}

import { findSource } from '../git/mirror.js';
import { applyChange } from '../git/worktree.js';
import { describe } from '../git/change.js';
import { openMirror } from '../git/mirror.js';
import { losesSecurityTests } from '../gate/security-tests.js';
import { SallyportError } from '../protocol/errors.js';
import type { DecisionData, Event, EventData } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import type { Task } from '../store/store.js';
import { type App, type Judged, lastJudged, recordAct } from './app.js';
import { policyRequest } from './submit.js';

export interface Decided {
  readonly approval: string;
  readonly tree: string;
  readonly evidence: string;
  readonly policy: string;
}

/**
 * A person's approval, bound to (tree, evidence, policy version). `seen` is the evidence digest that the person looked at; when
 * a later round has another, the decision is refused as stale.
 */
export async function approve(app: App, task: Task, options: { readonly seen: string | null; readonly comment: string | null }): Promise<Decided> {
  const judged = await lastJudged(app, task);
  assertSeen(judged, options.seen);
  await decideOrThrow(app, task, 'approve', judged);
  const approval = newId('appr');
  const bound = { tree: judged.change.data.tree, evidence: judged.event.data.evidence.digest, policy: app.policy.version as `sha256:${string}` };
  await recordAct(app, task.id, approval, [{ type: 'approval.given', data: { approval, by: app.principal, ...bound, verdict: judged.event.data.verdict, comment: options.comment } }]);
  await app.log.checkpoint(task.id);
  return { approval, ...bound };
}

/** A person's rejection; what was rejected can then only be applied with an override. */
export async function reject(app: App, task: Task, options: { readonly seen: string | null; readonly reason: string }): Promise<{ readonly approval: string }> {
  const judged = await lastJudged(app, task);
  assertSeen(judged, options.seen);
  const approval = newId('appr');
  await recordAct(app, task.id, approval, [{ type: 'approval.rejected', data: { approval, by: app.principal, tree: judged.change.data.tree, evidence: judged.event.data.evidence.digest, reason: options.reason } }]);
  await app.log.checkpoint(task.id);
  return { approval };
}

export interface Applied {
  readonly folder: string;
  readonly files: readonly string[];
  readonly approved: boolean;
}

/**
 * Lays the change into a working tree. What is not `passed`, or was rejected, needs `accept` with a reason, which is recorded
 * as an override before anything is written. What takes something from security tests needs `acceptSecurityTests` as well, recorded by itself: one reason for all would hide it.
 */
export async function apply(app: App, task: Task, options: { readonly to: string | null; readonly accept: string | null; readonly acceptSecurityTests: string | null }): Promise<Applied> {
  const judged = await lastJudged(app, task);
  const { verdict, evidence } = judged.event.data;
  const events = await app.log.read(task.id);
  const rejection = lastDecision(events, judged);
  const clean = verdict === 'passed' && rejection !== 'rejected';
  if (!clean && options.accept === null) {
    throw new SallyportError('apply.needs_accept', rejection === 'rejected' ? `The change of "${task.id}" was rejected` : `The change of "${task.id}" is ${verdict}, not passed`, { hint: 'Look at it (sallyport show), and if you take it on yourself: sallyport apply … --accept "REASON"' });
  }
  const security = losesSecurityTests(judged.evidence);
  const securityReason = options.acceptSecurityTests?.trim() ?? '';
  if (!clean && security && securityReason === '') {
    const lost = judged.evidence.conditions.filter((one) => one.holds === 'no' && ['tests.security_kept', 'tests.not_weakened'].includes(one.id)).map((one) => one.detail).join(' ');
    throw new SallyportError('apply.needs_security_accept', `The change of "${task.id}" takes something from security tests: ${lost}`.slice(0, 1000), { hint: 'Look at these tests (sallyport diff), and if you take that on yourself too: sallyport apply … --accept "REASON" --accept-security-tests "REASON"' });
  }
  await decideOrThrow(app, task, clean ? 'apply' : 'override', judged);
  const override = { by: app.principal, verdict, evidence: evidence.digest };
  if (!clean) await recordAct(app, task.id, `override/${newId('appr')}`, [
    { type: 'override.recorded', data: { ...override, reason: options.accept ?? '' } }, ...(security ? [{ type: 'override.recorded' as const, data: { ...override, reason: securityReason, of: 'security_tests' as const } }] : []),
  ]);
  const source = await findSource(options.to ?? task.request.repository, app.cwd, app.exceptions);
  if (source.kind !== 'folder') throw new SallyportError('input.invalid', `Cannot apply to ${source.url.href}: it is not a folder`, { hint: 'Name a checkout: --to DIR' });
  const mirror = await openMirror(app.folders.mirrors, task.request.repository);
  const { commit, tree } = judged.change.data;
  const { files } = await describe(mirror, task.request.baseCommit, commit);
  const written = await applyChange(mirror, source.path, task.request.baseCommit, commit, files);
  await recordAct(app, task.id, `apply/${newId('appr')}`, [{ type: 'change.applied', data: { by: app.principal, target: source.path, tree, evidence: evidence.digest, files: written } }]);
  await app.log.checkpoint(task.id);
  return { folder: source.path, files: written, approved: isApproved(events, judged, app.policy.version) };
}

/** True while the last decision on exactly this tree, evidence and policy version is an approval. */
export function isApproved(events: readonly Event[], judged: Judged, policy: string): boolean {
  const last = events.findLast((e) => e.type === 'approval.given' || e.type === 'approval.rejected');
  return last?.type === 'approval.given' && last.data.tree === judged.change.data.tree && last.data.evidence === judged.event.data.evidence.digest && last.data.policy === policy;
}

/** What persons took on of this very evidence, each with its reason. */
export function overridesOf(events: readonly Event[], judged: Judged): EventData<'override.recorded'>[] {
  return events.flatMap((e) => (e.type === 'override.recorded' && e.data.evidence === judged.event.data.evidence.digest ? [e.data] : []));
}

/** What was last decided about this very evidence. */
export function lastDecision(events: readonly Event[], judged: Judged): 'approved' | 'rejected' | null {
  const last = events.findLast((e) => (e.type === 'approval.given' || e.type === 'approval.rejected') && e.data.evidence === judged.event.data.evidence.digest);
  return last === undefined ? null : last.type === 'approval.given' ? 'approved' : 'rejected';
}

function assertSeen(judged: Judged, seen: string | null): void {
  const digest = judged.event.data.evidence.digest;
  if (seen === null || digest === seen || (seen.length >= 12 && digest.startsWith(seen.startsWith('sha256:') ? seen : `sha256:${seen}`))) return;
  throw new SallyportError('approval.stale', `The evidence that you looked at (${seen}) is not the present one (${digest})`, { hint: 'Look again: sallyport show TASK' });
}

async function decideOrThrow(app: App, task: Task, action: 'approve' | 'apply' | 'override', judged: Judged): Promise<DecisionData> {
  const repository = await app.store.findRepository(task.request.repository);
  const decision = app.policy.decide(policyRequest(action, app.principal, task.request, repository, judged.event.data.verdict));
  await recordAct(app, task.id, `decide/${newId('appr')}`, [{ type: 'policy.decided', data: decision }]);
  if (decision.effect === 'allow') return decision;
  throw new SallyportError(decision.effect === 'ask' ? 'policy.ask' : 'policy.denied', `The policy "${decision.policy}" does not allow to ${action} this (rule "${decision.rule}": ${decision.reason})`, {
    hint: action === 'approve' ? 'Only what passed can be approved; to take it on yourself: sallyport apply TASK --accept "REASON"' : 'sallyport show TASK',
  });
}

import { rm } from 'node:fs/promises';
import type { Journal } from '../protocol/event.js';
import type { BodyRef } from '../protocol/evidence.js';
import type { Verdict } from '../protocol/task.js';
import { removeTree } from '../sandbox/layer.js';
import type { Snapshot } from '../setup/snapshot.js';
import { mustLastOf, type RunContext, type Step } from './context.js';
import { driverOf } from './drivers.js';
import { giveFeedback, judgeRound } from './steps/judge.js';
import { setupBase } from './steps/setup.js';
import { resolveSource } from './steps/source.js';
import { commitPatch } from './steps/change.js';
import { measuredBase } from './steps/baseline.js';
import { verifyHead } from './steps/verify.js';

export interface TaskResult {
  readonly verdict: Verdict;
  readonly evidence: string | null;
}

/** The way of one task, after admission. Steps carry ids and digests only. */
export async function runTask(context: RunContext, step: Step): Promise<TaskResult> {
  const { tree } = await step('source', (j) => resolveSource(context, j));
  const { patch, headCommit, baseCommit } = context.request;
  const change = patch === undefined ? (headCommit ?? baseCommit) : (await step('patch', (j) => commitPatch(context, tree, patch.blob, j))).commit;
  const snapshot = await step('setup', (j) => setupBase(context, tree, j));
  const base = await step('baseline', (j) => measuredBase(context, tree, snapshot, j));
  const driver = await driverOf(context, { tree, change, snapshot, base: base.body }, step);
  let judged: { readonly verdict: Verdict; readonly evidence: BodyRef } | undefined;
  for (let round = 1; round <= driver.rounds; round++) {
    const { commit, said, measured } = await driver.round(round);
    const head = measured?.head ?? (await step(`verify.${round}`, (j) => verifyRound(context, round, tree, snapshot, commit, base.body, j))).body;
    const result = await step(`judge.${round}`, (j) => judgeRound(context, round, tree, measured?.base ?? base.body, head, snapshot, said, j));
    judged = result;
    if (result.verdict === 'passed' || round === driver.rounds) break;
    if (driver.listens) await step(`feedback.${round}`, (j) => giveFeedback(context, round, result.evidence, j));
  }
  return await step('end', (j) => end(judged, j));
}

/** A task that only reads needs no tests on the head: its tree is the base's, which was measured. */
async function verifyRound(context: RunContext, round: number, tree: string, snapshot: Snapshot, commit: string, base: BodyRef, journal: Journal): Promise<{ readonly body: BodyRef }> {
  const change = mustLastOf(await context.events(), context.run, 'change.extracted', (e) => e.data.round === round).data;
  if (change.commit !== commit) throw new Error(`the log names ${change.commit} for round ${round}, the step ${commit}`);
  const reads = context.request.kind === 'ask' || context.request.kind === 'review' || context.request.agent === 'remediator';
  if (reads && change.tree === tree) return { body: base };
  return await verifyHead(context, { round, baseTree: tree, base: snapshot, change, scanned: null, further: base }, journal);
}

async function end(judged: { readonly verdict: Verdict; readonly evidence: BodyRef } | undefined, journal: Journal): Promise<TaskResult> {
  const verdict = judged?.verdict ?? 'error';
  const evidence = judged?.evidence.digest ?? null;
  await journal.record('run.ended', { verdict, evidence, message: `${verdict}` });
  return { verdict, evidence };
}

/** Removes everything of a run that is not on the log. Called when the run has ended, not when it is only stopped. */
export async function removeRunFolder(context: RunContext): Promise<void> {
  await removeTree(context.folder);
  await rm(context.folder, { recursive: true, force: true });
}

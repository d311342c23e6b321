import { rm } from 'node:fs/promises';
import type { Journal } from '../protocol/event.js';
import type { BodyRef } from '../protocol/evidence.js';
import type { Verdict } from '../protocol/task.js';
import { removeTree } from '../sandbox/layer.js';
import type { Snapshot } from '../setup/prepare.js';
import { mustLastOf, type RunContext } from './context.js';
import { AgentSession } from './steps/agent.js';
import { givenChange, takeChange } from './steps/change.js';
import { giveFeedback, judgeRound } from './steps/judge.js';
import { setupBase } from './steps/setup.js';
import { resolveSource } from './steps/source.js';
import { verifyBase, verifyHead } from './steps/verify.js';

/** Turns of one round; a model that has not finished by then is judged by what it has done. */
export const TURN_LIMIT = 60;

/** Runs a named step once: its result is durable, and a repetition after a crash gets it from the log. */
export type Step = <T>(name: string, body: (journal: Journal) => Promise<T>) => Promise<T>;

export interface TaskResult {
  readonly verdict: Verdict;
  readonly evidence: string | null;
}

/** The way of one task, after admission. Steps carry ids and digests only. */
export async function runTask(context: RunContext, step: Step): Promise<TaskResult> {
  const { tree } = await step('source', (j) => resolveSource(context, j));
  const snapshot = await step('setup', (j) => setupBase(context, tree, j));
  const base = await step('baseline', (j) => verifyBase(context, tree, snapshot, j));
  const session = new AgentSession(context, tree, snapshot);
  context.owns(session);
  let judged: { readonly verdict: Verdict; readonly evidence: BodyRef } | undefined;
  for (let round = 1; round <= roundsOf(context); round++) {
    const citations = await work(context, step, session, round);
    const { commit } = await step(`change.${round}`, (j) => (context.request.agent === 'check' ? givenChange(context, round, j) : takeChange(context, session, round, tree, j)));
    const head = await step(`verify.${round}`, (j) => verifyRound(context, round, tree, snapshot, commit, base.body, j));
    const result = await step(`judge.${round}`, (j) => judgeRound(context, round, tree, base.body, head.body, snapshot, citations, j));
    judged = result;
    if (result.verdict === 'passed' || round === roundsOf(context)) break;
    await step(`feedback.${round}`, (j) => giveFeedback(context, round, result.evidence, j));
  }
  return await step('end', (j) => end(judged, j));
}

/** A given change is judged once; an agent gets its rounds. */
function roundsOf(context: RunContext): number {
  return context.request.agent === 'check' ? 1 : context.request.budget.rounds;
}

/** The agent's turns of one round. Returns where its citations are kept. */
async function work(context: RunContext, step: Step, session: AgentSession, round: number): Promise<BodyRef | null> {
  if (context.request.agent === 'check') return null;
  for (let turn = 1; turn <= TURN_LIMIT; turn++) {
    const { done, citations } = await step(`agent.${round}.${turn}`, async (journal) => {
      const result = await session.turn(round, turn, journal);
      const reason = result.reason ?? (turn === TURN_LIMIT ? 'turn_limit' : null);
      if (reason !== null) await journal.record('agent.finished', { round, reason, summary: result.summary === null ? null : await journal.keep(result.summary, 'text/plain') });
      return { done: result.done, citations: result.citations.length === 0 ? null : await journal.keep(JSON.stringify(result.citations), 'application/json') };
    });
    if (done) return citations;
  }
  return null;
}

/** A task that only reads needs no tests on the head: its tree is the base's, which was measured. */
async function verifyRound(context: RunContext, round: number, tree: string, snapshot: Snapshot, commit: string, base: BodyRef, journal: Journal): Promise<{ readonly body: BodyRef }> {
  const change = mustLastOf(await context.events(), context.run, 'change.extracted', (e) => e.data.round === round).data;
  if (change.commit !== commit) throw new Error(`the log names ${change.commit} for round ${round}, the step ${commit}`);
  const reads = context.request.kind === 'ask' || context.request.kind === 'review';
  if (reads && change.tree === tree) return { body: base };
  return await verifyHead(context, round, tree, snapshot, change, journal);
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

import type { Journal } from '../protocol/event.js';
import type { BodyRef } from '../protocol/evidence.js';
import type { Snapshot } from '../setup/snapshot.js';
import type { RunContext, Step } from './context.js';
import { AgentSession } from './steps/agent.js';
import { commitAsChange, takeChange } from './steps/change.js';
import type { Said } from './steps/judge.js';
import { combineRemedies, planRemedies, type Remediation, tryRemedies } from './steps/remedy.js';
import { tryProofs } from './steps/reproduce.js';
import { measureSubject, reviewBase, reviewChange, SUBJECT, subjectOf } from './steps/review.js';
import { SideBody } from './steps/verify.js';

/** Turns of one round; a model that has not finished by then is judged by what it has done. */
export const TURN_LIMIT = 60;

const NOTHING: Said = { citations: null, plan: null, remedies: null, findings: null };

export interface Round {
  readonly commit: string;
  readonly said: Said;
  /** What was measured already, in place of the checks on base and head. */
  readonly measured?: { readonly base: BodyRef; readonly head: BodyRef };
}

/** Who makes the change that a round judges. */
export interface Driver {
  readonly rounds: number;
  /** Whether what the gate found goes back to it. */
  readonly listens: boolean;
  round(round: number): Promise<Round>;
}

export interface Start {
  readonly tree: string;
  /** The change that was given with the request, as a commit; the base where none was. */
  readonly change: string;
  readonly snapshot: Snapshot;
  readonly base: BodyRef;
}

/** The driver that the request names. */
export async function driverOf(context: RunContext, start: Start, step: Step): Promise<Driver> {
  switch (context.request.agent) {
    case 'check':
      return {
        rounds: 1, listens: false,
        round: async (round) => ({ ...(await step(`change.${round}`, (j) => commitAsChange(context, round, start.change, j))), said: NOTHING }),
      };
    case 'loop':
      return await loopDriver(context, start, step);
    case 'remediator':
      return await remediatorDriver(context, start, step);
    default:
      return context.request.agent satisfies never;
  }
}

async function loopDriver(context: RunContext, start: Start, step: Step): Promise<Driver> {
  const { tree, snapshot } = start;
  const measured = readsChange(context) ? await measuredSubject(context, start, step) : null;
  const session = new AgentSession(context, tree, snapshot, measured === null ? null : await subjectOf(context));
  context.owns(session);
  return {
    rounds: context.request.budget.rounds, listens: true,
    round: async (round) => {
      const { citations, findings: said } = await turns(session, step, round);
      const { commit } = await step(`change.${round}`, (j) => takeChange(context, session, round, tree, j));
      const findings = said === null ? null : (await step(`reproduce.${round}`, (j) => tryProofs(context, tree, snapshot, said, j))).findings;
      return { commit, said: { ...NOTHING, citations, findings }, ...(measured === null ? {} : { measured }) };
    },
  };
}

/** True for a review of a change that is there already. */
function readsChange({ request }: RunContext): boolean {
  return request.kind === 'review' && (request.headCommit !== null || request.patch !== undefined);
}

/** Lays the change that is reviewed on the log, and measures it by the rules. */
async function measuredSubject(context: RunContext, start: Start, step: Step): Promise<NonNullable<Round['measured']>> {
  const base = await context.loadJson(start.base, (v) => SideBody.parse(v));
  await step('subject', (j) => commitAsChange(context, SUBJECT, start.change, j));
  return await step('measure', (j) => measureSubject(context, base, j));
}

/** The agent's turns of one round. Returns where its citations and findings are kept. */
async function turns(session: AgentSession, step: Step, round: number): Promise<{ readonly citations: BodyRef | null; readonly findings: BodyRef | null }> {
  for (let turn = 1; turn <= TURN_LIMIT; turn++) {
    const { done, ...said } = await step(`agent.${round}.${turn}`, async (journal: Journal) => {
      const result = await session.turn(round, turn, journal);
      const reason = result.reason ?? (turn === TURN_LIMIT ? 'turn_limit' : null);
      if (reason !== null) await journal.record('agent.finished', { round, reason, summary: result.summary === null ? null : await journal.keep(result.summary, 'text/plain') });
      const kept = async (list: readonly unknown[]): Promise<BodyRef | null> => (list.length === 0 ? null : await journal.keep(JSON.stringify(list), 'application/json'));
      return { done: result.done, citations: await kept(result.citations), findings: await kept(result.findings) };
    });
    if (done) return said;
  }
  return { citations: null, findings: null };
}

/** Everything is tried alone first; a second round is there for what breaks only together. */
async function remediatorDriver(context: RunContext, start: Start, step: Step): Promise<Driver> {
  const what: Remediation = { context, tree: start.tree, snapshot: start.snapshot, base: await context.loadJson(start.base, (v) => SideBody.parse(v)) };
  if (context.request.kind === 'review') return reviewDriver(what, start, step);
  const { plan } = await step('plan', (j) => planRemedies(what, j));
  const { tried, kept } = await step('try', (j) => tryRemedies(what, plan, j));
  return {
    rounds: kept > 1 ? 2 : 1, listens: false,
    round: async (round) => {
      const { commit, remedies } = await step(`change.${round}`, (j) => combineRemedies(what, round, { plan, tried }, j));
      return { commit, said: { ...NOTHING, plan, remedies } };
    },
  };
}

/** Reads and reports: the tree stays as it is. */
function reviewDriver(what: Remediation, start: Start, step: Step): Driver {
  return {
    rounds: 1, listens: false,
    round: async (round) => {
      const { context } = what;
      const measured = readsChange(context) ? await measuredSubject(context, start, step) : null;
      const { citations } = await step('review', (j) => (measured === null ? reviewBase(what, j) : reviewChange(what, measured, j)));
      const { commit } = await step(`change.${round}`, (j) => commitAsChange(context, round, context.request.baseCommit, j));
      return { commit, said: { ...NOTHING, citations }, ...(measured === null ? {} : { measured }) };
    },
  };
}

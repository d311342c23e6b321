import type { Journal } from '../protocol/event.js';
import type { BodyRef } from '../protocol/evidence.js';
import type { Snapshot } from '../setup/snapshot.js';
import type { RunContext, Step } from './context.js';
import { AgentSession } from './steps/agent.js';
import { commitAsChange, givenChange, takeChange } from './steps/change.js';
import type { Said } from './steps/judge.js';
import { combineRemedies, planRemedies, type Remediation, tryRemedies } from './steps/remedy.js';
import { reviewBase, reviewChange, SUBJECT } from './steps/review.js';
import { SideBody } from './steps/verify.js';

/** Turns of one round; a model that has not finished by then is judged by what it has done. */
export const TURN_LIMIT = 60;

const NOTHING: Said = { citations: null, plan: null, remedies: null };

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
  readonly snapshot: Snapshot;
  readonly base: BodyRef;
}

/** The driver that the request names. */
export async function driverOf(context: RunContext, start: Start, step: Step): Promise<Driver> {
  switch (context.request.agent) {
    case 'check':
      return {
        rounds: 1, listens: false,
        round: async (round) => ({ ...(await step(`change.${round}`, (j) => givenChange(context, round, start.tree, j))), said: NOTHING }),
      };
    case 'loop':
      return loopDriver(context, start, step);
    case 'remediator':
      return await remediatorDriver(context, start, step);
    default:
      return context.request.agent satisfies never;
  }
}

function loopDriver(context: RunContext, { tree, snapshot }: Start, step: Step): Driver {
  const session = new AgentSession(context, tree, snapshot);
  context.owns(session);
  return {
    rounds: context.request.budget.rounds, listens: true,
    round: async (round) => {
      const citations = await turns(session, step, round);
      const { commit } = await step(`change.${round}`, (j) => takeChange(context, session, round, tree, j));
      return { commit, said: { ...NOTHING, citations } };
    },
  };
}

/** The agent's turns of one round. Returns where its citations are kept. */
async function turns(session: AgentSession, step: Step, round: number): Promise<BodyRef | null> {
  for (let turn = 1; turn <= TURN_LIMIT; turn++) {
    const { done, citations } = await step(`agent.${round}.${turn}`, async (journal: Journal) => {
      const result = await session.turn(round, turn, journal);
      const reason = result.reason ?? (turn === TURN_LIMIT ? 'turn_limit' : null);
      if (reason !== null) await journal.record('agent.finished', { round, reason, summary: result.summary === null ? null : await journal.keep(result.summary, 'text/plain') });
      return { done: result.done, citations: result.citations.length === 0 ? null : await journal.keep(JSON.stringify(result.citations), 'application/json') };
    });
    if (done) return citations;
  }
  return null;
}

/** Everything is tried alone first; a second round is there for what breaks only together. */
async function remediatorDriver(context: RunContext, start: Start, step: Step): Promise<Driver> {
  const what: Remediation = { context, tree: start.tree, snapshot: start.snapshot, base: await context.loadJson(start.base, (v) => SideBody.parse(v)) };
  if (context.request.kind === 'review') return reviewDriver(what, step);
  const { plan } = await step('plan', (j) => planRemedies(what, j));
  const { tried, kept } = await step('try', (j) => tryRemedies(what, plan, j));
  return {
    rounds: kept > 1 ? 2 : 1, listens: false,
    round: async (round) => {
      const { commit, remedies } = await step(`change.${round}`, (j) => combineRemedies(what, round, { plan, tried }, j));
      return { commit, said: { citations: null, plan, remedies } };
    },
  };
}

/** Reads and reports: the tree stays as it is. */
function reviewDriver(what: Remediation, step: Step): Driver {
  return {
    rounds: 1, listens: false,
    round: async (round) => {
      const { context, tree } = what;
      const { request } = context;
      const unchanged = (): Promise<{ readonly commit: string }> => step(`change.${round}`, (j) => commitAsChange(context, round, request.baseCommit, j));
      if (request.headCommit === null && request.patch === undefined) {
        const { citations } = await step('review', (j) => reviewBase(what, j));
        return { ...(await unchanged()), said: { ...NOTHING, citations } };
      }
      await step('subject', (j) => givenChange(context, SUBJECT, tree, j));
      const { citations, ...measured } = await step('review', (j) => reviewChange(what, j));
      return { ...(await unchanged()), said: { ...NOTHING, citations }, measured };
    },
  };
}

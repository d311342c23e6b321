import { describe, expect, it } from 'vitest';
import type { Event, EventData, EventType } from '../../src/protocol/event.js';
import { answerOnce, unusedAnswer } from '../../src/gateway/unused.js';

const REF = { digest: `sha256:${'a'.repeat(64)}` as const, bytes: 1, blind: true, media: 'application/json' };
const requested = ['model.requested', { call: 'c', model: 'm', host: 'h', request: REF }] as const;
const answered = (status: number): readonly [EventType, EventData<'model.answered'>] => ['model.answered', { call: 'c', status, response: REF, inputTokens: 1, outputTokens: 1, usd: null, ms: 1 }];
const used = ['turn.answered', { round: 1, turn: 1, message: REF }] as const;
const log = (...events: (readonly [EventType, unknown])[]): Event[] => events.map(([type, data], seq) => ({ v: 1, id: `e${seq}`, task: 'task_1', run: 'run_1', seq, at: '2026-01-02T03:04:05.678Z', prev: '', type, data }) as Event);

describe('an answer that the worker died over', () => {
  it('is the last one when no turn was made of it', () => {
    expect(unusedAnswer(log(requested, answered(200), used, requested, answered(200), ['run.resumed', { worker: 'w', epoch: 2 }]))).toEqual(answered(200)[1]);
  });

  it('is none before the first call, when it was used, when it said no, when another call began, and when the run stopped at it', () => {
    const none = [log(), log(requested), log(requested, answered(200), used), log(requested, answered(503)), log(requested, answered(200), requested), log(requested, answered(200), ['run.stopped', { reason: 'error', message: 'x' }])];
    expect(none.map(unusedAnswer)).toEqual(none.map(() => null));
  });

  it('is given to the first request only', async () => {
    const asked: unknown[] = [];
    const fetch = answerOnce('{"a":1}', 'application/json', async (input) => {
      asked.push(input);
      return new Response('second');
    });
    expect([await (await fetch('http://x/')).text(), await (await fetch('http://y/')).text(), asked]).toEqual(['{"a":1}', 'second', ['http://y/']]);
  });
});

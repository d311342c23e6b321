import type { Event, EventData } from '../protocol/event.js';

const OF_A_CALL: readonly string[] = ['model.requested', 'model.answered', 'model.failed', 'turn.answered', 'run.stopped', 'error.raised'];

/**
 * The answer that came from the model and of which nothing was made, because the worker died in between: it was paid for, so it is not
 * asked for again. Null when the last answer was used, or turned out to be unusable (the run stopped at it).
 */
export function unusedAnswer(events: readonly Event[]): EventData<'model.answered'> | null {
  const last = events.findLast((e) => OF_A_CALL.includes(e.type));
  return last?.type === 'model.answered' && last.data.status === 200 ? last.data : null;
}

/** A `fetch` that gives `body` (as it came: JSON, or a stream) to the first request, and everything after it to `fetch`. */
export function answerOnce(body: string, media: string, fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  let given = false;
  return async (input, init) => {
    if (given) return await fetch(input, init);
    given = true;
    return new Response(body, { status: 200, headers: { 'content-type': media } });
  };
}

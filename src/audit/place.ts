import type { z } from 'zod';
import { link } from '../attest/chain.js';
import { SallyportError } from '../protocol/errors.js';
import { type Event, EVENTS, type NewEvent, parseEvent } from '../protocol/event.js';
import type { AppendPoint, EventRow, StoredEvent } from '../store/store.js';
import { scrub } from './scrub.js';

/** Redacts and validates. Throws `internal.bug` when the data does not have the form of its type. */
export function prepare(event: NewEvent, redact: (text: string) => string): NewEvent {
  const schema: z.ZodType | undefined = EVENTS[event.type];
  if (schema === undefined) throw new SallyportError('internal.bug', `Cannot append event "${event.id}": type "${event.type}" is not known`);
  const parsed = schema.safeParse(scrub(event.data, redact));
  if (parsed.success) return { id: event.id, run: event.run, type: event.type, data: parsed.data } as NewEvent;
  const issue = parsed.error.issues[0];
  throw new SallyportError('internal.bug', `Cannot append event "${event.id}" of type "${event.type}": ${issue?.path.join('.')}: ${issue?.message}`);
}

/**
 * Gives events their places after `point`. Pure. An event whose id is on the log already is left out, and the stored one stands in the result;
 * time never goes back within a chain, whatever the clock does.
 */
export function place(task: string, events: readonly NewEvent[], point: AppendPoint, now: Date): { readonly rows: readonly EventRow[]; readonly result: readonly Event[] } {
  const rows: EventRow[] = [];
  const byId = new Map<string, Event>([...point.known].map(([id, stored]) => [id, decode(task, stored)]));
  let { head } = point;
  const iso = now.toISOString();
  const at = point.headAt !== null && point.headAt > iso ? point.headAt : iso;
  for (const { id, run, type, data } of events) {
    if (byId.has(id)) continue;
    const linked = link(head, { id, task, run, at, type, data });
    rows.push({ seq: head.size, id, type, run, at, bytes: linked.bytes, hash: linked.hash, data });
    byId.set(id, parseEvent(linked.event));
    head = linked.head;
  }
  return { rows, result: events.map((e) => byId.get(e.id) as Event) };
}

/** Reads one stored entry. Throws `audit.broken` when its bytes are not an event that is known exactly. */
export function decode(task: string, stored: StoredEvent): Event {
  try {
    return parseEvent(JSON.parse(stored.bytes.toString('utf8')));
  } catch (cause) {
    throw new SallyportError('audit.broken', `Cannot read entry ${stored.seq} of the log of "${task}": it is not an event that this version knows`, {
      cause, hint: 'Run `sallyport audit verify`.',
    });
  }
}

import { sha256 } from '../attest/digest.js';
import type { Event, EventData, EventType, Journal } from '../protocol/event.js';

/** Says what a person waits for, and keeps nothing: for a person's own tries, which are no task. */
export function spokenJournal(note: (line: string) => void): Journal {
  return {
    record: async (type, data) => {
      const text = lineOf({ type, data } as Pick<Event, 'type' | 'data'>);
      if (text !== null) note(text);
    },
    keep: async (body, media) => ({ digest: sha256(body), bytes: Buffer.byteLength(body), blind: false, media }),
  };
}

function lineOf(event: Pick<Event, 'type' | 'data'>): string | null {
  const of = <T extends EventType>(type: T): EventData<T> | null => (event.type === type ? (event.data as EventData<T>) : null);
  const frozen = of('snapshot.frozen');
  if (frozen !== null) return `setup    ${frozen.snapshot}${frozen.reused ? ' (used again)' : ''}`;
  const service = of('service.started');
  if (service !== null) return `service  ${service.service} ${service.ready ? 'is ready' : 'did not start'}`;
  const asked = of('egress.requested');
  return asked?.verdict === 'deny' ? `refused  ${asked.method} ${asked.target} (${asked.rule})` : null;
}

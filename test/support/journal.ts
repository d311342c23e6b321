import { createHash } from 'node:crypto';
import { type Event, EVENTS, type EventData, type EventType, type Journal } from '../../src/protocol/event.js';
import type { BodyRef } from '../../src/protocol/evidence.js';

/** A journal in memory. Data is checked against the event's schema, as the real log does. */
export class MemoryJournal implements Journal {
  readonly events: Event[] = [];
  readonly bodies = new Map<string, Buffer>();
  /** When it answers with an error for a type, recording that type fails with it. */
  fail: (type: EventType) => Error | null = () => null;

  async record<T extends EventType>(type: T, data: EventData<T>): Promise<void> {
    const error = this.fail(type);
    if (error !== null) throw error;
    const parsed = EVENTS[type].parse(structuredClone(data));
    const seq = this.events.length;
    this.events.push({ v: 1, id: `e${seq}`, task: 'task_t', run: 'run_t', seq, at: '2026-01-02T03:04:05.678Z', prev: '0'.repeat(64), type, data: parsed } as Event);
  }

  async keep(body: Buffer | string, media: string): Promise<BodyRef> {
    const bytes = Buffer.from(body);
    const ref: BodyRef = { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes: bytes.length, blind: false, media };
    this.bodies.set(ref.digest, bytes);
    return ref;
  }

  readonly load = async (ref: BodyRef): Promise<Buffer> => {
    const body = this.bodies.get(ref.digest);
    if (body === undefined) throw new Error(`no body ${ref.digest}`);
    return body;
  };

  get types(): EventType[] {
    return this.events.map((e) => e.type);
  }

  of<T extends EventType>(type: T): EventData<T>[] {
    return this.events.filter((e) => e.type === type).map((e) => e.data as EventData<T>);
  }

  /** Everything that was written, as one text: for asserting that something is nowhere. */
  get text(): string {
    return JSON.stringify(this.events) + [...this.bodies.values()].map((b) => b.toString('latin1')).join('\n');
  }
}

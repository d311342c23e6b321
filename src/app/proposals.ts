import { linesToAdd } from '../egress/denials.js';
import type { Event } from '../protocol/event.js';
import { visible } from '../redact/visible.js';

/** What agents of a task would have in sallyport.yaml. */
export interface Proposals {
  /** As it would stand there. */
  readonly lines: string;
  readonly why: readonly string[];
}

/** Null where nothing was proposed. What an agent wrote is shown without what would steer a terminal. */
export function proposalsOf(events: readonly Event[]): Proposals | null {
  const proposed = events.flatMap((e) => (e.type === 'environment.proposed' ? [e.data] : []));
  const lines = linesToAdd(proposed.flatMap((p) => p.lines.map((line) => ({ line, by: 'the agent' }))));
  return lines === null ? null : { lines, why: [...new Set(proposed.map((p) => visible(p.why)))] };
}

import type { EventEnvelope, EventType } from '../protocol/event.js';
import { canonicalBytes } from './canonical.js';
import { leafHash } from './digest.js';

/** The end of a chain: how many entries it has and the hash (hex) of the last one. */
export interface ChainHead {
  readonly size: number;
  readonly hash: string;
}

/** Head of a chain without entries; its hash is the `prev` of the first one. */
export const EMPTY_HEAD: ChainHead = { size: 0, hash: '0'.repeat(64) };

/** One entry in its place: `bytes` are what is hashed and what is stored. */
export interface Link {
  readonly event: EventEnvelope & { readonly type: EventType; readonly data: unknown };
  readonly bytes: Buffer;
  readonly hash: string;
  readonly head: ChainHead;
}

/** Gives an event its place after `head`. Pure; throws `input.invalid` when the data has no canonical form. */
export function link(
  head: ChainHead,
  event: { readonly id: string; readonly task: string; readonly run: string | null; readonly at: string; readonly type: EventType; readonly data: unknown },
): Link {
  const { id, task, run, at, type, data } = event;
  const placed = { v: 1, id, task, run, seq: head.size, at, prev: head.hash, type, data } as const;
  const bytes = canonicalBytes(placed);
  const hash = leafHash(bytes);
  return { event: placed, bytes, hash, head: { size: head.size + 1, hash } };
}

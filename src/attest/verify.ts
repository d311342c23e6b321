import type { KeyObject } from 'node:crypto';
import { type Event, EVENTS, parseEvent } from '../protocol/event.js';
import { canonicalJson } from './canonical.js';
import { type ChainHead, EMPTY_HEAD } from './chain.js';
import { openCheckpoint } from './checkpoint.js';
import { leafHash } from './digest.js';

/** One stored entry as it was found. `seq` is the position the store claims, `hash` the hash it claims (hex), when it claims one. */
export interface ChainRow {
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly hash?: string;
}

export interface ChainExpectation {
  readonly task: string;
  /** Checkpoint notes that were seen, from inside or outside; each binds a prefix of the chain. */
  readonly checkpoints: readonly string[];
  readonly publicKey: KeyObject;
  /** The head that the store itself records, when it does: finds a cut tail where no checkpoint reaches. Not signed. */
  readonly recordedHead?: ChainHead;
}

export type ChainProblem =
  | 'edited' | 'removed' | 'reordered' | 'duplicated' | 'truncated' | 'wrong_key' | 'wrong_task' | 'time_back' | 'not_canonical' | 'unknown_type' | 'unknown_version'
  | 'invalid' | 'bad_checkpoint';

export type ChainReport =
  | { readonly ok: true; readonly task: string; readonly head: ChainHead; readonly checkpoints: number; readonly signedUpTo: number }
  /** `seq` names the first wrong entry; for a checkpoint's own fault (`wrong_key`, `bad_checkpoint`) it is null. */
  | { readonly ok: false; readonly task: string; readonly seq: number | null; readonly problem: ChainProblem; readonly message: string };

interface Fault {
  readonly seq: number | null;
  readonly problem: ChainProblem;
  readonly detail: string;
}

/**
 * Verifies one task's chain and names the first wrong entry. Pure and offline. The rows are taken in the order given.
 *
 * What it cannot know: entries after the last checkpoint that the holder of the database rewrote consistently, and entries rewritten and
 * signed anew by whoever holds the key. Checkpoints kept elsewhere bound both.
 */
export function verifyChain(rows: readonly ChainRow[], expected: ChainExpectation): ChainReport {
  const read = rows.map((row) => readRow(row));
  const fault = entryFault(read, expected.task) ?? checkpointFault(read, expected) ?? recordedFault(read, expected.recordedHead);
  const { task } = expected;
  if (fault !== null) {
    const where = fault.seq === null ? 'a checkpoint' : `entry ${fault.seq}`;
    return { ok: false, task, seq: fault.seq, problem: fault.problem, message: `Log of "${task}" does not verify at ${where}: ${fault.detail}` };
  }
  const sizes = expected.checkpoints.map((note) => openCheckpoint(note, expected.publicKey)).map((c) => (c.ok ? c.checkpoint.head.size : 0));
  return { ok: true, task, head: headOf(read), checkpoints: sizes.length, signedUpTo: Math.max(0, ...sizes) };
}

type ReadRow = { readonly row: ChainRow; readonly hash: string } & ({ readonly event: Event } | { readonly event: null; readonly problem: ChainProblem; readonly detail: string });

/** Everything that can be said of an entry by itself. */
function readRow(row: ChainRow): ReadRow {
  const hash = leafHash(row.bytes);
  const bad = (problem: ChainProblem, detail: string): ReadRow => ({ row, hash, event: null, problem, detail });
  if (row.hash !== undefined && row.hash !== hash) return bad('edited', `its bytes have hash ${hash}, the hash kept with it is ${row.hash}`);
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(row.bytes);
    value = JSON.parse(text);
    if (canonicalJson(value) !== text) return bad('not_canonical', 'its bytes are not the canonical JSON of their value');
  } catch {
    return bad('not_canonical', 'its bytes are not JSON in UTF-8');
  }
  const { v, type } = typeof value === 'object' && value !== null ? (value as { v?: unknown; type?: unknown }) : {};
  if (v !== 1) return bad('unknown_version', `version ${JSON.stringify(v)}, known is 1`);
  if (typeof type !== 'string' || !Object.hasOwn(EVENTS, type)) return bad('unknown_type', `type ${JSON.stringify(type)} is not known`);
  try {
    const event = parseEvent(value);
    // A schema that fills in or drops something would make readers see other data than was hashed.
    if (canonicalJson(event) !== canonicalJson(value)) return bad('invalid', `its data is not complete for type "${type}"`);
    return { row, hash, event };
  } catch {
    return bad('invalid', `its data does not have the form of type "${type}"`);
  }
}

/** First entry that is wrong by itself or does not fit the one before. */
function entryFault(rows: readonly ReadRow[], task: string): Fault | null {
  const seen = new Set<string>();
  for (const [i, here] of rows.entries()) {
    if (here.event === null) {
      // A row with altered bytes may also be where rows were moved; its own fault is the surer statement.
      return { seq: i, problem: here.problem, detail: here.detail };
    }
    const { event } = here;
    if (event.task !== task) return { seq: i, problem: 'wrong_task', detail: `it belongs to task "${event.task}"` };
    if (seen.has(here.hash)) return { seq: i, problem: 'duplicated', detail: `it repeats entry ${event.seq}` };
    const before = i === 0 ? null : (rows[i - 1] as ReadRow);
    const misplaced = placeFault(rows, i, event);
    if (misplaced !== null) return misplaced;
    const prev = before === null ? EMPTY_HEAD.hash : before.hash;
    if (event.prev !== prev) return brokenLink(rows, i);
    if (before?.event && event.at < before.event.at) {
      return { seq: i, problem: 'time_back', detail: `its time ${event.at} is before ${before.event.at}, the time of the entry before` };
    }
    seen.add(here.hash);
  }
  return null;
}

function placeFault(rows: readonly ReadRow[], i: number, event: Event): Fault | null {
  const { row } = rows[i] as ReadRow;
  if (event.seq === i && row.seq === i) return null;
  if (event.seq === i) return { seq: i, problem: 'reordered', detail: `it is kept at position ${row.seq}` };
  const rest = rows.slice(i + 1);
  if (event.seq > i && !rest.some((r) => r.event?.seq === i)) return { seq: i, problem: 'removed', detail: `it is missing; entry ${event.seq} stands in its place` };
  if (event.seq < i && rows.slice(0, i).some((r) => r.event?.seq === event.seq)) return { seq: i, problem: 'duplicated', detail: `a second entry ${event.seq} stands in its place` };
  return { seq: i, problem: 'reordered', detail: `entry ${event.seq} stands in its place` };
}

/**
 * The link i-1 → i is broken. One edit explains it in two ways: entry i-1 was edited (its bytes no longer have the hash that entry i
 * commits to), or entry i was (its `prev`). In the second case the link after it is broken too, so that link tells them apart.
 */
function brokenLink(rows: readonly ReadRow[], i: number): Fault {
  const here = rows[i] as ReadRow;
  const next = rows[i + 1];
  const own = i === 0 || (next?.event?.seq === i + 1 && next.event.prev !== here.hash);
  if (own) return { seq: i, problem: 'edited', detail: 'neither its link to the entry before nor the next entry\'s link to it fits' };
  return { seq: i - 1, problem: 'edited', detail: `it has hash ${rows[i - 1]?.hash}, entry ${i} was written after ${here.event?.prev}` };
}

function checkpointFault(rows: readonly ReadRow[], expected: ChainExpectation): Fault | null {
  for (const note of expected.checkpoints) {
    const result = openCheckpoint(note, expected.publicKey);
    if (!result.ok) {
      return { seq: null, problem: result.problem === 'wrong_key' ? 'wrong_key' : 'bad_checkpoint', detail: result.detail };
    }
    const { task, head } = result.checkpoint;
    if (task !== expected.task) return { seq: null, problem: 'wrong_task', detail: `it belongs to task "${task}"` };
    const fault = headFault(rows, head, 'a checkpoint');
    if (fault !== null) return fault;
  }
  return null;
}

function recordedFault(rows: readonly ReadRow[], recorded: ChainHead | undefined): Fault | null {
  if (recorded === undefined) return null;
  if (rows.length > recorded.size) return { seq: recorded.size, problem: 'edited', detail: `the recorded head has ${recorded.size} entries, there are ${rows.length}` };
  return headFault(rows, recorded, 'the recorded head');
}

/** Compares a prefix with what somebody vouches for. */
function headFault(rows: readonly ReadRow[], head: ChainHead, who: string): Fault | null {
  if (rows.length < head.size) return { seq: rows.length, problem: 'truncated', detail: `it is missing with all after it; ${who} has ${head.size} entries` };
  const hash = head.size === 0 ? EMPTY_HEAD.hash : rows[head.size - 1]?.hash;
  if (hash === head.hash) return null;
  return { seq: Math.max(0, head.size - 1), problem: 'edited', detail: `it or one before it was rewritten: its hash is ${hash}, ${who} says ${head.hash}` };
}

function headOf(rows: readonly ReadRow[]): ChainHead {
  const last = rows.at(-1);
  return last === undefined ? EMPTY_HEAD : { size: rows.length, hash: last.hash };
}

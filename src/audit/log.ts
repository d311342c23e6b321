import type { KeyObject } from 'node:crypto';
import type { Artifacts } from '../artifacts/artifacts.js';
import { signCheckpoint } from '../attest/checkpoint.js';
import { SallyportError } from '../protocol/errors.js';
import type { Event, NewEvent } from '../protocol/event.js';
import type { StoredCheckpoint, Store } from '../store/store.js';
import { allTasks, batches } from './batches.js';
import { checkpointLine, eventLine, type LogReport } from './export.js';
import { gathered } from './gather.js';
import { followEvents } from './follow.js';
import { loadLogKey } from './key.js';
import { decode, place, prepare } from './place.js';
import { readChain, type StoredChain, verifyStoredChain } from './read-chain.js';
import { verifyStore } from './verify-store.js';

export interface LogOptions {
  /** Takes every secret out of a text. Applied to all strings of event data before they are hashed. */
  readonly redact: (text: string) => string;
  readonly now: () => Date;
  /** Folder of the installation's log key. */
  readonly keys: string;
  /** Milliseconds between looks at the log while following, beside notifications. Default 1000. */
  readonly pollMs?: number;
}

/** The record: one append-only chain of events per task. */
export interface Log {
  /**
   * Appends events in one transaction, perhaps with those of calls beside it, and returns them as stored, in the order given. An event whose id is there already is not written again.
   * `epoch` is the lease epoch of a worker, null for what a person does beside the worker. Throws `store.fenced`, `input.unknown_task`,
   * `disk.full`, and `internal.bug` for data that does not have the form of its type.
   */
  append(task: string, events: readonly NewEvent[], options: { readonly epoch: number | null }): Promise<readonly Event[]>;
  /** Entries from `from` (default 0) to the present end. */
  read(task: string, options?: { readonly from?: number }): Promise<readonly Event[]>;
  /** Entries from `from` (default 0) on, then each as it is appended, without gaps, until `signal` is aborted (a plain end, no error). */
  follow(task: string, options: { readonly from?: number; readonly signal: AbortSignal }): AsyncIterable<Event>;
  /** Verifies the chain, signs its head and keeps the note. Null when the task has no entry yet. Throws `audit.broken`. */
  checkpoint(task: string): Promise<StoredCheckpoint | null>;
  /** Lines of an export (without line ends): each task's entries, then its checkpoints, the last one over its last entry. Throws `audit.broken`. */
  exportLog(which: string | 'all'): AsyncIterable<string>;
  /** Verifies everything in the store, bodies included. `publicKey` defaults to the installation's own. */
  verify(options?: { readonly publicKey?: KeyObject; readonly task?: string }): Promise<LogReport>;
}

export function createLog(store: Store, artifacts: Artifacts, { redact, now, keys, pollMs = 1000 }: LogOptions): Log {
  /** A signature vouches for all before it: a chain that does not verify is never signed. */
  const sign = async (chain: StoredChain): Promise<StoredCheckpoint | null> => {
    const { task } = chain;
    const { privateKey, publicKey } = await loadLogKey(keys);
    const report = verifyStoredChain(chain, publicKey);
    if (!report.ok) throw new SallyportError('audit.broken', report.message);
    if (report.head.size === 0) return null;
    const made = { task, size: report.head.size, note: signCheckpoint(task, report.head, privateKey), at: now().toISOString() };
    await store.saveCheckpoint(made); // Ed25519 is deterministic: signing one head twice gives one note
    return made;
  };
  type Prepared = ReturnType<typeof prepare>;
  const write = gathered((task, prepared: readonly Prepared[], epoch) => store.appendEvents(task, { epoch, ids: prepared.map((e) => e.id) }, (point) => place(task, prepared, point, now())));
  return {
    append: async (task, events, { epoch }) => await write(task, events.map((event) => prepare(event, redact)), epoch),
    async read(task, { from = 0 } = {}) {
      await store.getTask(task);
      const events: Event[] = [];
      for await (const batch of batches(store, task, from)) events.push(...batch.map((stored) => decode(task, stored)));
      return events;
    },
    follow: (task, { from = 0, signal }) => followEvents(store, task, { from, signal, pollMs }),
    checkpoint: async (task) => sign(await readChain(store, task)),
    async *exportLog(which) {
      for await (const task of which === 'all' ? allTasks(store) : [which]) {
        const chain = await readChain(store, task);
        const made = await sign(chain);
        for (const stored of chain.rows) yield eventLine(task, stored);
        for (const { note } of chain.checkpoints) yield checkpointLine(task, note);
        if (made !== null && chain.checkpoints.at(-1)?.note !== made.note) yield checkpointLine(task, made.note);
      }
    },
    async verify({ publicKey, task } = {}) {
      const key = publicKey ?? (await loadLogKey(keys)).publicKey;
      return verifyStore(store, artifacts, key, task === undefined ? allTasks(store) : [task]);
    },
  };
}

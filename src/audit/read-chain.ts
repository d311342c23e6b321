import type { KeyObject } from 'node:crypto';
import type { ChainHead } from '../attest/chain.js';
import { type ChainReport, verifyChain } from '../attest/verify.js';
import type { Store, StoredCheckpoint, StoredEvent } from '../store/store.js';
import { batches } from './batches.js';

/** One task's log as it stood at one moment, although others append meanwhile. */
export interface StoredChain {
  readonly task: string;
  readonly rows: readonly StoredEvent[];
  readonly checkpoints: readonly StoredCheckpoint[];
  readonly recordedHead: ChainHead;
}

/**
 * Checkpoints first, then the head, then the entries: each later reading reaches at least as far as the one before, so nothing that an append
 * adds in between looks like a fault, and no checkpoint is left out (one beyond the head is the sign of a cut tail).
 */
export async function readChain(store: Store, task: string): Promise<StoredChain> {
  const checkpoints = await store.listCheckpoints(task);
  const { head } = await store.getTask(task);
  const rows: StoredEvent[] = [];
  for await (const batch of batches(store, task, 0)) rows.push(...batch);
  const grew = (await store.getTask(task)).head.size > head.size;
  return { task, checkpoints, recordedHead: head, rows: grew ? rows.slice(0, head.size) : rows };
}

export function verifyStoredChain({ task, rows, checkpoints, recordedHead }: StoredChain, publicKey: KeyObject): ChainReport {
  return verifyChain(rows, { task, checkpoints: checkpoints.map((c) => c.note), publicKey, recordedHead });
}

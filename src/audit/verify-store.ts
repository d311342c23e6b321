import type { KeyObject } from 'node:crypto';
import type { Artifacts } from '../artifacts/artifacts.js';
import type { ChainReport } from '../attest/verify.js';
import { BodyRef } from '../protocol/evidence.js';
import type { Store, StoredEvent } from '../store/store.js';
import type { LogReport } from './export.js';
import { readChain, verifyStoredChain } from './read-chain.js';

/**
 * Verifies the log in the store: chains, checkpoints, recorded heads, the id and type columns that appends rely on, and bodies that do not have
 * their digest. A body that is gone is no fault: retention erases bodies, and their digests stay on the log.
 */
export async function verifyStore(store: Store, artifacts: Artifacts, publicKey: KeyObject, tasks: Iterable<string> | AsyncIterable<string>): Promise<LogReport> {
  const reports: ChainReport[] = [];
  for await (const task of tasks) reports.push(await verifyTask(store, artifacts, publicKey, task));
  return { ok: reports.every((r) => r.ok), tasks: reports };
}

async function verifyTask(store: Store, artifacts: Artifacts, publicKey: KeyObject, task: string): Promise<ChainReport> {
  const chain = await readChain(store, task);
  const report = verifyStoredChain(chain, publicKey);
  return report.ok ? ((await projectionFault(artifacts, task, chain.rows)) ?? report) : report;
}

async function projectionFault(artifacts: Artifacts, task: string, rows: readonly StoredEvent[]): Promise<ChainReport | null> {
  const bad = (seq: number, detail: string): ChainReport => ({ ok: false, task, seq, problem: 'edited', message: `Log of "${task}" does not verify at entry ${seq}: ${detail}` });
  for (const { seq, id, type, bytes } of rows) {
    const event = JSON.parse(bytes.toString('utf8')) as { readonly id: string; readonly type: string; readonly data: unknown };
    if (event.id !== id || event.type !== type) return bad(seq, `its columns say "${id}" ${type}, its bytes "${event.id}" ${event.type}`);
    for (const ref of bodiesIn(event.data)) {
      if ((await artifacts.check(ref)) === 'altered') return bad(seq, `the body ${ref.digest} that it names was altered`);
    }
  }
  return null;
}

function bodiesIn(value: unknown): BodyRef[] {
  if (typeof value !== 'object' || value === null) return [];
  const ref = BodyRef.safeParse(value);
  return ref.success ? [ref.data] : Object.values(value).flatMap(bodiesIn);
}

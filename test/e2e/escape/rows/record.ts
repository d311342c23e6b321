import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { canonicalBytes } from '../../../../src/attest/canonical.js';
import { type ChainHead, EMPTY_HEAD, link } from '../../../../src/attest/chain.js';
import { signCheckpoint } from '../../../../src/attest/checkpoint.js';
import { leafHash } from '../../../../src/attest/digest.js';
import { type ChainRow, verifyChain } from '../../../../src/attest/verify.js';
import { createLog } from '../../../../src/audit/log.js';
import { diskArtifacts } from '../../../../src/artifacts/disk.js';
import { openStore } from '../../../../src/store/open.js';
import { openLab } from '../../../fixtures/database.js';
import { addTask } from '../../../fixtures/task.js';
import { command } from '../probe.js';
import { held, type Outcome, type Room, type Row, unclear, worked } from '../row.js';

/** The record of what just happened in the room: its chain, and a signed head of it. */
interface Chain {
  readonly task: string;
  readonly rows: readonly ChainRow[];
  readonly head: ChainHead;
  readonly notes: readonly string[];
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

async function chainOf(room: Room): Promise<Chain> {
  for (const word of ['one', 'two', 'three']) await command(room, ['/bin/echo', word]);
  const { privateKey: key, publicKey } = generateKeyPairSync('ed25519');
  const task = 'task_t';
  const rows: ChainRow[] = [];
  let head = EMPTY_HEAD;
  for (const { id, run, at, type, data } of room.journal.events) {
    const placed = link(head, { id, task, run, at, type, data });
    rows.push({ seq: head.size, bytes: placed.bytes, hash: placed.hash });
    head = placed.head;
  }
  return { task, rows, head, notes: [signCheckpoint(task, head, key)], key, publicKey };
}

type Forged = Partial<Pick<Chain, 'rows' | 'notes' | 'publicKey' | 'task'>>;

/** Writes entries anew from `from` on, with `change` applied to the first of them: what the holder of the database can do. */
function rewritten(chain: Chain, from: number, change: (value: Record<string, unknown>) => Record<string, unknown>): ChainRow[] {
  const out = chain.rows.slice(0, from);
  let prev = out.at(-1)?.hash ?? EMPTY_HEAD.hash;
  for (const [i, row] of chain.rows.slice(from).entries()) {
    const value = JSON.parse(Buffer.from(row.bytes).toString('utf8')) as Record<string, unknown>;
    const bytes = canonicalBytes({ ...(i === 0 ? change(value) : value), prev });
    prev = leafHash(bytes);
    out.push({ seq: from + i, bytes, hash: prev });
  }
  return out;
}

const bend = (row: ChainRow, change: (text: string) => string): ChainRow => {
  const bytes = Buffer.from(change(Buffer.from(row.bytes).toString('utf8')));
  return { seq: row.seq, bytes, hash: leafHash(bytes) };
};
const at = (chain: Chain, i: number): ChainRow => chain.rows[i] as ChainRow;

function forge(id: string, forgery: (chain: Chain) => Forged): Row {
  const verify = (chain: Chain, forged: Forged): Outcome => {
    const { rows, notes, publicKey, task } = { ...chain, ...forged };
    const report = verifyChain(rows, { task, checkpoints: notes, publicKey });
    return report.ok ? worked(`it verifies: ${report.head.size} entries, signed up to ${report.signedUpTo}`) : held(`${report.problem} at ${report.seq ?? 'a checkpoint'}`);
  };
  return {
    id: `record.${id}`, group: 'record', seenIn: 'known technique',
    attempt: async (room) => {
      const chain = await chainOf(room);
      return verify(chain, forgery(chain));
    },
    control: { kind: 'c', says: 'untouched it verifies', run: async (room) => verify(await chainOf(room), {}) },
  };
}

/** A record of this room's own in a real database; two writers of one task. */
async function twoWriters(room: Room, old: boolean): Promise<Outcome> {
  await command(room, ['/bin/echo', 'work']);
  await using lab = await openLab();
  await using store = await openStore(lab.options(lab.home()));
  const log = createLog(store, diskArtifacts(join(lab.folder, 'artifacts')), { keys: join(lab.folder, 'keys'), now: () => new Date(), redact: (text) => text });
  const task = await addTask(store);
  const note = (id: string) => ({ id, run: 'run_1', type: 'model.failed', data: { call: 'c', message: id } }) as const;
  const first = await store.claimLease(task, 'wrk_a', 0);
  const second = await store.claimLease(task, 'wrk_b', 60_000);
  if (first === null || second === null) return unclear('no lease');
  await log.append(task, [note('by the second')], { epoch: second });
  try {
    await log.append(task, [note('by the other')], { epoch: old ? first : second });
    return worked('it was appended');
  } catch (error) {
    return (error as { code?: string }).code === 'store.fenced' ? held('fenced off') : unclear(String(error));
  }
}

export const RECORD_ROWS: readonly Row[] = [
  forge('tail-cut-off', (c) => ({ rows: c.rows.slice(0, -2) })),
  forge('everything-removed', () => ({ rows: [] })),
  forge('head-cut-off', (c) => ({ rows: c.rows.slice(1) })),
  forge('middle-removed', (c) => ({ rows: c.rows.filter((_, i) => i !== 2) })),
  forge('middle-removed-and-written-anew', (c) => ({ rows: rewritten({ ...c, rows: c.rows.filter((_, i) => i !== 2).map((r, i) => bend({ ...r, seq: i }, (t) => t.replace(/"seq":\d+/, `"seq":${i}`))) }, 0, (v) => v) })),
  forge('reordered', (c) => ({ rows: [at(c, 0), at(c, 2), at(c, 1), ...c.rows.slice(3)] })),
  forge('duplicated', (c) => ({ rows: [...c.rows.slice(0, 2), at(c, 1), ...c.rows.slice(2)] })),
  forge('edited', (c) => ({ rows: c.rows.map((r, i) => (i === 1 ? { ...r, bytes: Buffer.from(Buffer.from(r.bytes).toString('utf8').replace('one', 'two')) } : r)) })),
  forge('edited-with-its-hash', (c) => ({ rows: c.rows.map((r, i) => (i === 1 ? bend(r, (t) => t.replace('one', 'two')) : r)) })),
  forge('edited-and-written-anew', (c) => ({ rows: rewritten(c, 1, (v) => ({ ...v, at: '2026-01-02T03:04:05.679Z' })) })),
  forge('inserted', (c) => ({ rows: rewritten({ ...c, rows: [...c.rows, bend(at(c, 1), (t) => t.replace(/"seq":\d+/, `"seq":${c.rows.length}`).replace('"id":"e1"', '"id":"forged"'))] }, c.rows.length, (v) => v), notes: [signCheckpoint(c.task, { size: c.rows.length + 1, hash: 'f'.repeat(64) }, c.key)] })),
  forge('key-replaced', (c) => {
    const other = generateKeyPairSync('ed25519');
    const rows = rewritten(c, 1, (v) => ({ ...v, at: '2026-01-02T03:04:05.679Z' }));
    return { rows, notes: [signCheckpoint(c.task, { size: rows.length, hash: rows.at(-1)?.hash ?? '' }, other.privateKey)] };
  }),
  forge('checkpoint-of-another-task', (c) => ({ notes: [signCheckpoint('task_other', c.head, c.key)] })),
  forge('checkpoint-bent', (c) => ({ notes: c.notes.map((n) => n.replace(`\n${c.rows.length}\n`, `\n${c.rows.length - 1}\n`)), rows: c.rows.slice(0, -1) })),
  forge('checkpoint-garbage', () => ({ notes: ['— forged\n'] })),
  forge('chain-of-another-task', () => ({ task: 'task_other' })),
  forge('other-form-of-the-same', (c) => ({ rows: c.rows.map((r, i) => (i === 1 ? bend(r, (t) => t.replace('{', '{ ')) : r)) })),
  forge('time-set-back', (c) => ({ rows: rewritten(c, c.rows.length - 1, (v) => ({ ...v, at: '2020-01-01T00:00:00.000Z' })), notes: [] })),
  forge('unknown-type', (c) => ({ rows: rewritten(c, c.rows.length - 1, (v) => ({ ...v, type: 'run.passed' })), notes: [] })),
  forge('more-data-than-its-form', (c) => ({ rows: rewritten(c, 1, (v) => ({ ...v, data: { ...(v['data'] as object), extra: true } })), notes: [] })),
  {
    id: 'record.two-writers', group: 'record', seenIn: 'known technique',
    attempt: (room) => twoWriters(room, true), control: { kind: 'c', says: 'the one who has the lease writes', run: (room) => twoWriters(room, false) },
  },
];

import { type Kysely, sql } from 'kysely';
import { fenced } from '../faults.js';
import { type Database, toJsonb, unknownTask } from '../schema.js';
import type { AppendPoint, EventRow } from '../store.js';

/** Channel of the one NOTIFY a batch; its payload is the task's id. */
export const APPEND_CHANNEL = 'sallyport_events';

const ROWS_A_STATEMENT = 500; // PostgreSQL takes 65,535 parameters in one statement

export async function appendEvents<T>(
  db: Kysely<Database>,
  task: string,
  { epoch, ids }: { readonly epoch: number | null; readonly ids: readonly string[] },
  build: (point: AppendPoint) => { readonly rows: readonly EventRow[]; readonly result: T },
): Promise<T> {
  return db.transaction().execute(async (tx) => {
    const row = await tx.selectFrom('tasks').select(['head_seq', 'head_hash', 'head_at', 'lease_epoch']).where('id', '=', task).forUpdate().executeTakeFirst();
    if (row === undefined) throw unknownTask(task);
    if (epoch !== null && epoch !== row.lease_epoch) throw fenced(task, epoch, row.lease_epoch);
    const stored = ids.length === 0 ? [] : await tx.selectFrom('events').select(['seq', 'id', 'type', 'bytes', 'hash']).where('task', '=', task).where('id', '=', sql<string>`any(${[...ids]}::text[])`).execute();
    const { rows, result } = build({
      head: { size: row.head_seq + 1, hash: row.head_hash },
      headAt: row.head_at?.toISOString() ?? null,
      known: new Map(stored.map((e) => [e.id, { ...e, hash: e.hash.toString('hex') }])),
    });
    const last = rows.at(-1);
    if (last === undefined) return result;
    for (let i = 0; i < rows.length; i += ROWS_A_STATEMENT) {
      await tx.insertInto('events').values(rows.slice(i, i + ROWS_A_STATEMENT).map((r) => ({
        task, seq: r.seq, id: r.id, type: r.type, run: r.run, at: new Date(r.at), bytes: r.bytes, hash: Buffer.from(r.hash, 'hex'), data: toJsonb(r.data),
      }))).execute();
    }
    await tx.updateTable('tasks').set({ head_seq: last.seq, head_hash: last.hash, head_at: new Date(last.at) }).where('id', '=', task).execute();
    await sql`select pg_notify(${APPEND_CHANNEL}, ${task})`.execute(tx);
    return result;
  });
}

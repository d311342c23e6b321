import { type Kysely, sql } from 'kysely';
import { fenced } from '../faults.js';
import { type Database, toJsonb, unknownTask } from '../schema.js';
import type { AppendPoint, EventRow } from '../store.js';

/** Channel of the one NOTIFY a batch; its payload is the task's id. */
export const APPEND_CHANNEL = 'sallyport_events';

const ROWS_A_STATEMENT = 500; // PostgreSQL takes 65,535 parameters in one statement
const UNIQUE_VIOLATION = '23505';

interface Append {
  readonly epoch: number | null;
  readonly ids: readonly string[];
}
type Build<T> = (point: AppendPoint) => { readonly rows: readonly EventRow[]; readonly result: T };

/**
 * One transaction under a lock on the task's row. Events that are known already are the rare case, so they are looked for only after the store has
 * refused to take an id twice: an append is three round trips and a commit, and a command waits for two appends.
 */
export async function appendEvents<T>(db: Kysely<Database>, task: string, append: Append, build: Build<T>): Promise<T> {
  try {
    return await inTransaction(db, task, append, build, false);
  } catch (error) {
    if ((error as { code?: unknown }).code !== UNIQUE_VIOLATION) throw error;
    return await inTransaction(db, task, append, build, true);
  }
}

function inTransaction<T>(db: Kysely<Database>, task: string, { epoch, ids }: Append, build: Build<T>, look: boolean): Promise<T> {
  return db.transaction().execute(async (tx) => {
    const row = await tx.selectFrom('tasks').select(['head_seq', 'head_hash', 'head_at', 'lease_epoch']).where('id', '=', task).forUpdate().executeTakeFirst();
    if (row === undefined) throw unknownTask(task);
    if (epoch !== null && epoch !== row.lease_epoch) throw fenced(task, epoch, row.lease_epoch);
    const stored = !look || ids.length === 0 ? [] : await tx.selectFrom('events').select(['seq', 'id', 'type', 'bytes', 'hash']).where('task', '=', task).where('id', '=', sql<string>`any(${[...ids]}::text[])`).execute();
    const { rows, result } = build({
      head: { size: row.head_seq + 1, hash: row.head_hash },
      headAt: row.head_at?.toISOString() ?? null,
      known: new Map(stored.map((e) => [e.id, { ...e, hash: e.hash.toString('hex') }])),
    });
    const last = rows.at(-1);
    if (last === undefined) return result;
    const values = rows.map((r) => ({ task, seq: r.seq, id: r.id, type: r.type, run: r.run, at: new Date(r.at), bytes: r.bytes, hash: Buffer.from(r.hash, 'hex'), data: toJsonb(r.data) }));
    for (; values.length > ROWS_A_STATEMENT; values.splice(0, ROWS_A_STATEMENT)) await tx.insertInto('events').values(values.slice(0, ROWS_A_STATEMENT)).execute();
    await tx
      .with('put', (with_) => with_.insertInto('events').values(values).returning('seq'))
      .with('head', (with_) => with_.updateTable('tasks').set({ head_seq: last.seq, head_hash: last.hash, head_at: new Date(last.at) }).where('id', '=', task).returning('id'))
      .selectNoFrom(sql`pg_notify(${APPEND_CHANNEL}, ${task})`.as('told'))
      .execute();
    return result;
  });
}

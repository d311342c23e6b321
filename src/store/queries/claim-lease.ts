import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema.js';
import { getTask } from './get-task.js';

/** One statement: of two workers that claim at once, the row lock lets the second see the first one's lease. */
export async function claimLease(db: Kysely<Database>, task: string, worker: string, ttl: number): Promise<number | null> {
  const row = await db.updateTable('tasks')
    .set({ lease_owner: worker, lease_epoch: sql`lease_epoch + 1`, lease_until: sql`clock_timestamp() + ${ttl} * interval '1 millisecond'` })
    .where('id', '=', task)
    .where((e) => e.or([e('lease_owner', 'is', null), e('lease_owner', '=', worker), e('lease_until', '<=', sql<Date>`clock_timestamp()`)]))
    .returning('lease_epoch')
    .executeTakeFirst();
  if (row === undefined) await getTask(db, task);
  return row?.lease_epoch ?? null;
}

import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema.js';

/** A lease that ran out but that nobody took is still ours: the epoch says so. */
export async function renewLease(db: Kysely<Database>, task: string, epoch: number, ttl: number): Promise<boolean> {
  const row = await db.updateTable('tasks')
    .set({ lease_until: sql`clock_timestamp() + ${ttl} * interval '1 millisecond'` })
    .where('id', '=', task).where('lease_epoch', '=', epoch).where('lease_owner', 'is not', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

import type { Kysely } from 'kysely';
import type { Database } from '../schema.js';

export async function releaseLease(db: Kysely<Database>, task: string, epoch: number): Promise<void> {
  await db.updateTable('tasks').set({ lease_owner: null, lease_until: null }).where('id', '=', task).where('lease_epoch', '=', epoch).execute();
}

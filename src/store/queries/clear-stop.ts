import type { Kysely } from 'kysely';
import { type Database, unknownTask } from '../schema.js';

export async function clearStop(db: Kysely<Database>, task: string): Promise<void> {
  const row = await db.updateTable('tasks').set({ stop_requested_at: null }).where('id', '=', task).returning('id').executeTakeFirst();
  if (row === undefined) throw unknownTask(task);
}

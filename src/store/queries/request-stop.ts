import { type Kysely, sql } from 'kysely';
import { type Database, unknownTask } from '../schema.js';

/** The first request's time stays. */
export async function requestStop(db: Kysely<Database>, task: string): Promise<void> {
  const row = await db.updateTable('tasks').set({ stop_requested_at: sql`coalesce(stop_requested_at, now())` }).where('id', '=', task).returning('id').executeTakeFirst();
  if (row === undefined) throw unknownTask(task);
}

import type { Kysely } from 'kysely';
import { type Database, unknownTask } from '../schema.js';

export async function readStop(db: Kysely<Database>, task: string): Promise<boolean> {
  const row = await db.selectFrom('tasks').select('stop_requested_at').where('id', '=', task).executeTakeFirst();
  if (row === undefined) throw unknownTask(task);
  return row.stop_requested_at !== null;
}

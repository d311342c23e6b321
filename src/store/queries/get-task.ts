import type { Kysely } from 'kysely';
import { type Database, toTask, unknownTask } from '../schema.js';
import type { Task } from '../store.js';

export async function getTask(db: Kysely<Database>, id: string): Promise<Task> {
  const row = await db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) throw unknownTask(id);
  return toTask(row);
}

import type { Kysely } from 'kysely';
import { type Database, toTask } from '../schema.js';
import type { Task } from '../store.js';

export async function findTasks(db: Kysely<Database>, prefix: string, limit: number): Promise<readonly Task[]> {
  const pattern = `${prefix.replace(/[\\%_]/g, '\\$&')}%`;
  return (await db.selectFrom('tasks').selectAll().where('id', 'like', pattern).orderBy('id').limit(limit).execute()).map(toTask);
}

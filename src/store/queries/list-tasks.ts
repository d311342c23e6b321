import type { Kysely } from 'kysely';
import type { TaskState } from '../../protocol/task.js';
import { type Database, toTask } from '../schema.js';
import type { Task } from '../store.js';

export async function listTasks(db: Kysely<Database>, limit: number, state?: TaskState): Promise<readonly Task[]> {
  const all = db.selectFrom('tasks').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
  return (await (state === undefined ? all : all.where('state', '=', state)).execute()).map(toTask);
}

import type { Kysely } from 'kysely';
import { type Database, toJsonb } from '../schema.js';
import type { NewTask, Task } from '../store.js';
import { getTask } from './get-task.js';

export async function createTask(db: Kysely<Database>, task: NewTask): Promise<Task> {
  await db.insertInto('tasks')
    .values({ id: task.id, state: 'created', kind: task.kind, request: toJsonb(task.request), repository: task.repository, created_at: task.createdAt })
    .onConflict((c) => c.column('id').doNothing())
    .execute();
  return getTask(db, task.id);
}

import type { Kysely } from 'kysely';
import { type Database, toTask } from '../schema.js';
import { fenced } from '../faults.js';
import type { Task, TaskPatch } from '../store.js';
import { getTask } from './get-task.js';

export async function updateTask(db: Kysely<Database>, id: string, patch: TaskPatch, fence?: { readonly epoch: number }): Promise<Task> {
  const { state, verdict, currentRun } = patch;
  const set = {
    ...(state === undefined ? {} : { state }),
    ...(verdict === undefined ? {} : { verdict }),
    ...(currentRun === undefined ? {} : { current_run: currentRun }),
  };
  // An empty set is no SQL; writing the id onto itself keeps the fence check for it.
  const all = db.updateTable('tasks').set({ id, ...set }).where('id', '=', id).returningAll();
  const row = await (fence === undefined ? all : all.where('lease_epoch', '=', fence.epoch)).executeTakeFirst();
  if (row !== undefined) return toTask(row);
  const present = await getTask(db, id);
  throw fenced(id, fence?.epoch ?? null, present.leaseEpoch);
}

import type { Store, StoredEvent } from '../store/store.js';

export const BATCH = 1000;

/** All stored entries of a task from `from` on, in batches that fit in memory. */
export async function* batches(store: Store, task: string, from: number): AsyncGenerator<readonly StoredEvent[]> {
  for (let next = from; ; ) {
    const batch = await store.readEvents(task, next, BATCH);
    const last = batch.at(-1);
    if (last === undefined) return;
    yield batch;
    next = last.seq + 1;
  }
}

/** Ids of all tasks, by id. */
export async function* allTasks(store: Store): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    const page = await store.heads(after, BATCH);
    for (const { task } of page) yield task;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.task;
  }
}

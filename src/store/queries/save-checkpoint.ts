import type { Kysely } from 'kysely';
import type { Database } from '../schema.js';
import type { StoredCheckpoint } from '../store.js';

export async function saveCheckpoint(db: Kysely<Database>, { task, size, note, at }: StoredCheckpoint): Promise<void> {
  await db.insertInto('checkpoints').values({ task, size, note, at: new Date(at) }).onConflict((c) => c.columns(['task', 'size', 'note']).doNothing()).execute();
}

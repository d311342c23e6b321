import type { Kysely } from 'kysely';
import type { Database } from '../schema.js';
import type { StoredCheckpoint } from '../store.js';

export async function listCheckpoints(db: Kysely<Database>, task: string): Promise<readonly StoredCheckpoint[]> {
  const rows = await db.selectFrom('checkpoints').selectAll().where('task', '=', task).orderBy('size').orderBy('at').execute();
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

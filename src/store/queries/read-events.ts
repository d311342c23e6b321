import type { Kysely } from 'kysely';
import type { Database } from '../schema.js';
import type { StoredEvent } from '../store.js';

export async function readEvents(db: Kysely<Database>, task: string, from: number, limit: number): Promise<readonly StoredEvent[]> {
  const rows = await db.selectFrom('events').select(['seq', 'id', 'type', 'bytes', 'hash'])
    .where('task', '=', task).where('seq', '>=', from).orderBy('seq').limit(limit).execute();
  return rows.map((row) => ({ ...row, hash: row.hash.toString('hex') }));
}

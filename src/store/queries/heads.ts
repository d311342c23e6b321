import type { Kysely } from 'kysely';
import type { Database } from '../schema.js';
import type { TaskHead } from '../store.js';

export async function heads(db: Kysely<Database>, after: string, limit: number): Promise<readonly TaskHead[]> {
  const rows = await db.selectFrom('tasks').select(['id', 'head_seq', 'head_hash']).where('id', '>', after).orderBy('id').limit(limit).execute();
  return rows.map((row) => ({ task: row.id, head: { size: row.head_seq + 1, hash: row.head_hash } }));
}

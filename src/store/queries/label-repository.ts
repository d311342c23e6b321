import { type Kysely, sql } from 'kysely';
import { SallyportError } from '../../protocol/errors.js';
import type { Sensitivity } from '../../protocol/task.js';
import { type Database, toRepository } from '../schema.js';
import type { Repository } from '../store.js';

export async function labelRepository(db: Kysely<Database>, id: string, label: Sensitivity, by: string): Promise<Repository> {
  const row = await db.updateTable('repositories').set({ label, label_by: by, labelled_at: sql`now()` }).where('id', '=', id).returningAll().executeTakeFirst();
  if (row === undefined) throw new SallyportError('input.invalid', `Cannot label repository "${id}": it is not registered`);
  return toRepository(row);
}

import type { Kysely } from 'kysely';
import { type Database, toRepository } from '../schema.js';
import type { Repository } from '../store.js';

export async function findRepository(db: Kysely<Database>, locator: string): Promise<Repository | null> {
  const row = await db.selectFrom('repositories').selectAll().where('locator', '=', locator).executeTakeFirst();
  return row === undefined ? null : toRepository(row);
}

import type { Kysely } from 'kysely';
import { type Database, toRepository } from '../schema.js';
import type { Repository } from '../store.js';

export async function registerRepository(db: Kysely<Database>, locator: string, id: string): Promise<Repository> {
  await db.insertInto('repositories').values({ id, locator }).onConflict((c) => c.column('locator').doNothing()).execute();
  return toRepository(await db.selectFrom('repositories').selectAll().where('locator', '=', locator).executeTakeFirstOrThrow());
}

import { type Kysely, sql } from 'kysely';
import { SallyportError } from '../protocol/errors.js';
import type { Migration } from './migration.js';
import { first } from './migrations/0001-first.js';
import type { Database } from './schema.js';

export const MIGRATIONS: readonly Migration[] = [first];

/** Any fixed number: the key of the advisory lock under which migrations run. */
const LOCK = 5_254_117_001;

/**
 * Brings the schema to the newest version known here. All pending steps run in one transaction, behind an advisory lock: many at once
 * work, and a crash leaves the schema as it was. Throws `store.newer_schema` when the database is ahead of this program.
 */
export async function migrate(db: Kysely<Database>, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  if ((await schemaVersion(db, newest)) === newest) return;
  await db.transaction().execute(async (tx) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
    const present = await schemaVersion(tx, newest);
    if (present === 0) {
      await sql`create schema if not exists sallyport`.execute(tx);
      await sql`create table if not exists sallyport.migrations (version integer primary key, name text not null, at timestamptz not null default now())`.execute(tx);
    }
    for (const { version, name, statements } of migrations.filter((m) => m.version > present)) {
      for (const statement of statements) await sql.raw(statement).execute(tx);
      await sql`insert into sallyport.migrations (version, name) values (${version}, ${name})`.execute(tx);
    }
  });
}

/**
 * 0 when nothing is there yet. Asks the catalogue itself: `to_regclass` answers from a cache that does not see what another session
 * committed while this transaction waited for the lock.
 */
async function schemaVersion(db: Kysely<Database>, newest: number): Promise<number> {
  const { rows: [table] } = await sql<{ there: boolean }>`select exists (select from pg_catalog.pg_tables where schemaname = 'sallyport' and tablename = 'migrations') as there`.execute(db);
  if (table?.there !== true) return 0;
  const { rows: [row] } = await sql<{ version: number }>`select coalesce(max(version), 0)::int as version from sallyport.migrations`.execute(db);
  const version = row?.version ?? 0;
  if (version <= newest) return version;
  throw new SallyportError('store.newer_schema', `Cannot use the database: its schema has version ${version}, this program knows ${newest}`, {
    hint: 'Update Sallyport to the version that last used this database.',
  });
}

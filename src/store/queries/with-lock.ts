import { type Kysely, sql } from 'kysely';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../schema.js';

/** The first half of the lock's key, so that no other advisory lock of ours is met by chance. */
const SPACE = 525_411;
const POLL_MS = 50;

/**
 * Holds a session lock on a connection of its own while `body` runs; the lock goes with the connection when this process dies. It tries
 * again and again instead of waiting in the database: a statement that waits holds a snapshot, and `create index concurrently` in the body
 * of another would wait for that one in turn, for ever.
 */
export function withLock<T>(db: Kysely<Database>, name: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return db.connection().execute(async (connection) => {
    const take = async (): Promise<boolean> => (await sql<{ taken: boolean }>`select pg_try_advisory_lock(${SPACE}, hashtext(${name})) as taken`.execute(connection)).rows[0]?.taken === true;
    while (!(await take())) {
      await delay(POLL_MS);
      signal?.throwIfAborted();
    }
    try {
      return await body();
    } finally {
      await sql`select pg_advisory_unlock(${SPACE}, hashtext(${name}))`.execute(connection).catch(() => undefined); // the connection broke: its lock went with it
    }
  });
}

import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { SallyportError } from '../protocol/errors.js';
import { isConnectionLoss, toStoreError } from './faults.js';
import { AppendListener } from './listener.js';
import { migrate } from './migrate.js';
import { holdOwner, type OwnerHold } from './owner-client.js';
import { storePaths } from './paths.js';
import type { Processes } from './processes.js';
import { appendEvents } from './queries/append-events.js';
import { claimLease } from './queries/claim-lease.js';
import { clearStop } from './queries/clear-stop.js';
import { createTask } from './queries/create-task.js';
import { findRepository } from './queries/find-repository.js';
import { findTasks } from './queries/find-tasks.js';
import { getTask } from './queries/get-task.js';
import { heads } from './queries/heads.js';
import { labelRepository } from './queries/label-repository.js';
import { listCheckpoints } from './queries/list-checkpoints.js';
import { listTasks } from './queries/list-tasks.js';
import { readEvents } from './queries/read-events.js';
import { readStop } from './queries/read-stop.js';
import { registerRepository } from './queries/register-repository.js';
import { releaseLease } from './queries/release-lease.js';
import { renewLease } from './queries/renew-lease.js';
import { requestStop } from './queries/request-stop.js';
import { saveCheckpoint } from './queries/save-checkpoint.js';
import { updateTask } from './queries/update-task.js';
import { withLock } from './queries/with-lock.js';
import type { Database } from './schema.js';
import type { Store } from './store.js';

export interface StoreOptions {
  /** State directory, absolute. Made when it is missing. */
  readonly home: string;
  /** A PostgreSQL server to use instead of the embedded one. */
  readonly databaseUrl?: string;
  /** How an owner of the embedded database is started: program and arguments. Required without `databaseUrl`. */
  readonly owner: { readonly argv: readonly string[]; readonly processes: Pick<Processes, 'startDetached'> } | null;
  /** Milliseconds to wait for a database at the start, initialisation included. Default 90,000. */
  readonly startPatience?: number;
  /** Milliseconds a statement is repeated while the database is away. Default 20,000. */
  readonly patience?: number;
  /** Connections at most. Default 6. */
  readonly connections?: number;
}

const PATIENCE_MS = 20_000;

/**
 * Opens the state of an installation: finds or starts the embedded database (or connects to `databaseUrl`), and brings its schema up to date.
 * Throws `store.unavailable`, `store.newer_schema`, `disk.full`, `tool.missing`. Dispose it: the database stops with its last user.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const hold = await holdDatabase(options);
  const url = options.databaseUrl ?? hold?.url ?? '';
  const pool = new Pool({ connectionString: url, max: options.connections ?? 6, application_name: 'sallyport' });
  // A connection that breaks raises `error`, idle or between two statements of a transaction; nobody listening would end the process.
  // The pool drops it, and the next statement says what is wrong.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const listener = new AppendListener(() => url);
  const close = async (): Promise<void> => {
    await listener.close();
    await db.destroy();
    await hold?.[Symbol.asyncDispose]();
  };
  try {
    await repeated(options.databaseUrl === undefined ? (options.patience ?? PATIENCE_MS) : 0, () => true, () => migrate(db));
  } catch (error) {
    await close();
    throw error;
  }
  return storeOn(url, db.withSchema('sallyport'), listener, options.patience ?? PATIENCE_MS, close);
}

async function holdDatabase({ home, databaseUrl, owner, startPatience }: StoreOptions): Promise<OwnerHold | null> {
  if (databaseUrl !== undefined) return null;
  if (owner === null) throw new SallyportError('internal.bug', 'Cannot open the store: neither a database address nor a way to start an owner was given');
  return holdOwner({ paths: storePaths(home), argv: owner.argv, processes: owner.processes, patience: startPatience ?? 90_000 });
}

function storeOn(url: string, db: Kysely<Database>, listener: AppendListener, patience: number, close: () => Promise<void>): Store {
  let closing: Promise<void> | undefined;
  const ask = <T>(query: (db: Kysely<Database>) => Promise<T>): Promise<T> => repeated(patience, () => closing === undefined, () => query(db));
  return {
    url,
    createTask: (task) => ask((d) => createTask(d, task)),
    getTask: (id) => ask((d) => getTask(d, id)),
    findTasks: (prefix, limit = 10) => ask((d) => findTasks(d, prefix, limit)),
    listTasks: (limit, state) => ask((d) => listTasks(d, limit, state)),
    updateTask: (id, patch, fence) => ask((d) => updateTask(d, id, patch, fence)),
    claimLease: (task, worker, ttl) => ask((d) => claimLease(d, task, worker, ttl)),
    renewLease: (task, epoch, ttl) => ask((d) => renewLease(d, task, epoch, ttl)),
    releaseLease: (task, epoch) => ask((d) => releaseLease(d, task, epoch)),
    requestStop: (task) => ask((d) => requestStop(d, task)),
    readStop: (task) => ask((d) => readStop(d, task)),
    clearStop: (task) => ask((d) => clearStop(d, task)),
    registerRepository: (locator, id) => ask((d) => registerRepository(d, locator, id)),
    findRepository: (locator) => ask((d) => findRepository(d, locator)),
    labelRepository: (id, label, by) => ask((d) => labelRepository(d, id, label, by)),
    appendEvents: (task, what, build) => ask((d) => appendEvents(d, task, what, build)),
    readEvents: (task, from, limit) => ask((d) => readEvents(d, task, from, limit)),
    heads: (after, limit) => ask((d) => heads(d, after, limit)),
    onAppend: (task, call) => listener.add(task, call),
    exclusively: (name, body, signal) => withLock(db, name, body, signal),
    saveCheckpoint: (checkpoint) => ask((d) => saveCheckpoint(d, checkpoint)),
    listCheckpoints: (task) => ask((d) => listCheckpoints(d, task)),
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** Every query is idempotent (store.ts), so one whose fate is unknown is sent again until the time is up. */
async function repeated<T>(patience: number, wanted: () => boolean, query: () => Promise<T>): Promise<T> {
  for (const deadline = performance.now() + patience; ; await delay(50)) {
    try {
      return await query();
    } catch (error) {
      if (!wanted() || !isConnectionLoss(error) || performance.now() > deadline) throw toStoreError(error);
    }
  }
}

import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { until } from '../fixtures/database.js';
import { type Home, processesOf } from './cli.js';

const LOCK = 4711;

/**
 * A second connection to a home's database, which also keeps that database up. `holdAt` makes whoever appends a certain event wait in
 * the middle of that append, so that a test can kill it exactly there: what came before is durable, the event is not.
 */
export interface Watch extends AsyncDisposable {
  /** Waits until an event is on the log of any task. */
  seen(where: string, ms?: number): Promise<void>;
  count(where: string): Promise<number>;
  holdAt(where: string): Promise<void>;
  /** Waits until somebody waits there. */
  held(ms?: number): Promise<void>;
  letGo(): Promise<void>;
  /** The time of every lease runs out now. Only after its worker is dead: what is left out is the waiting alone. */
  expireLeases(): Promise<void>;
  query(text: string): Promise<readonly Record<string, unknown>[]>;
}

/** `url` for a database by DATABASE_URL; otherwise the embedded one of `home`, which some command must have made. */
export async function watch(home: string): Promise<Watch> {
  const socket = join(home, 'run/owner.sock');
  const keep = await until(async () => (existsSync(socket) ? await attach(socket) : null), 'the owner answers');
  keep.on('error', () => undefined);
  const client = new Client({ host: join(home, 'run/pg'), user: 'sallyport', database: 'sallyport' });
  client.on('error', () => undefined); // tests kill the database too
  await client.connect();
  const query = async (text: string): Promise<Record<string, unknown>[]> => (await client.query(text)).rows as Record<string, unknown>[];
  const count = async (where: string): Promise<number> => Number((await query(`select count(*) as n from sallyport.events as e where ${where}`))[0]?.['n']);
  return {
    query, count,
    seen: async (where, ms) => void (await until(async () => (await count(where)) > 0, `event ${where}`, ms ?? 40_000)),
    holdAt: async (where) => {
      await query(`select pg_advisory_lock(${LOCK})`);
      await query('create table if not exists public.hold (on_off boolean)');
      await query(`create or replace function public.hold() returns trigger language plpgsql as $$ begin
        if (select count(*) from (select new.*) as e where ${where}) > 0 then perform pg_advisory_xact_lock_shared(${LOCK}); end if; return new; end $$`);
      await query('drop trigger if exists hold on sallyport.events');
      await query('create trigger hold before insert on sallyport.events for each row execute function public.hold()');
    },
    held: async (ms) => void (await until(async () => Number((await query(`select count(*) as n from pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`))[0]?.['n']) > 0, 'somebody waits', ms ?? 40_000)),
    letGo: async () => {
      await query('drop trigger if exists hold on sallyport.events').catch(() => undefined);
      await query('select pg_advisory_unlock_all()');
    },
    expireLeases: async () => void (await query("update sallyport.tasks set lease_until = clock_timestamp() - interval '1 second'")),
    async [Symbol.asyncDispose]() {
      await client.end().catch(() => undefined);
      keep.destroy();
    },
  };
}

/**
 * Starts a command on `home`, waits until it is about to append the event that `where` describes, and kills it there: what came before is
 * durable, the event is not. Its lease has run out when this returns, so that another worker may take over.
 */
export async function killAt(home: Home, where: string, args: readonly string[]): Promise<void> {
  await using log = await watch(home.home);
  await log.holdAt(where);
  const worker = home.start(args);
  await Promise.race([log.held(90_000), worker.ended.then((ran) => Promise.reject(new Error(`it ended: ${ran.stdout} ${ran.stderr}`)))]);
  worker.kill('SIGKILL');
  await worker.ended;
  await log.letGo();
  await until(() => processesOf(home.folder).every((line) => /postgres|owner\.js/.test(line)), 'only the database lives', 5000);
  await log.expireLeases();
}

function attach(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('error', () => resolve(null));
    socket.once('data', (data) => resolve(data.toString().includes('"ok":true') ? socket : null));
  });
}

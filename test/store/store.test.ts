import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { newId } from '../../src/protocol/ids.js';
import { toStoreError } from '../../src/store/faults.js';
import { openStore } from '../../src/store/open.js';
import type { Store } from '../../src/store/store.js';
import { type Lab, openLab } from '../fixtures/database.js';
import { addTask, REQUEST } from '../fixtures/task.js';

let lab: Lab;
let embedded: Store;
let store: Store;
/** The address of a database of its own on the embedded server, as a person would give it in DATABASE_URL. */
let databaseUrl: string;
beforeAll(async () => {
  lab = await openLab();
  embedded = await openStore(lab.options(lab.home()));
  databaseUrl = await newDatabase();
  store = await openStore({ home: lab.home(), databaseUrl, owner: null });
});
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await embedded?.[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

async function newDatabase(): Promise<string> {
  const name = newId('sb');
  await sql(embedded.url, `create database ${name}`);
  return embedded.url.replace('/sallyport?', `/${name}?`);
}
async function sql(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

describe('openStore with an address', () => {
  it('starts no owner and keeps nothing but its schema in the database', async () => {
    expect(store.url).toBe(databaseUrl);
    expect(await sql(databaseUrl, "select schemaname || '.' || tablename as t from pg_tables where schemaname not in ('pg_catalog', 'information_schema') order by 1")).toEqual(
      ['checkpoints', 'events', 'migrations', 'repositories', 'tasks'].map((t) => ({ t: `sallyport.${t}` })),
    );
  });

  it('migrates one fresh database from twenty sides at once, once', async () => {
    const url = await newDatabase();
    const stores = await Promise.all(Array.from({ length: 20 }, () => openStore({ home: lab.folder, databaseUrl: url, owner: null, connections: 1 })));
    expect(await sql(url, 'select version, name from sallyport.migrations')).toEqual([{ version: 1, name: 'first' }]);
    await Promise.all(stores.map((s) => s[Symbol.asyncDispose]()));
  });

  it('refuses a schema that a newer version wrote', async () => {
    const url = await newDatabase();
    await (await openStore({ home: lab.folder, databaseUrl: url, owner: null }))[Symbol.asyncDispose]();
    await sql(url, "insert into sallyport.migrations (version, name) values (99, 'from the future')");
    await expect(openStore({ home: lab.folder, databaseUrl: url, owner: null })).rejects.toMatchObject({ code: 'store.newer_schema', exitCode: 7 });
  });

  it('says at once that nobody listens there', async () => {
    await expect(openStore({ home: lab.folder, databaseUrl: 'postgresql://x@127.0.0.1:1/x', owner: null })).rejects.toMatchObject({ code: 'store.unavailable' });
  });
});

describe('tasks', () => {
  it('are kept as they were asked, and made once', async () => {
    const id = await addTask(store);
    const task = await store.getTask(id);
    expect(task).toEqual({
      id, state: 'created', kind: 'fix', request: REQUEST, repository: 'repo_1', createdAt: '2026-01-02T03:04:05.678Z', head: { size: 0, hash: '0'.repeat(64) },
      lease: null, leaseEpoch: 0, currentRun: null, verdict: null, stopRequested: false,
    });
    await addTask(store, id);
    expect(await store.getTask(id)).toEqual(task);
  });

  it('are found by prefix, in which % and _ mean themselves', async () => {
    await addTask(store, 'task_p1');
    await addTask(store, 'task_p2');
    await addTask(store, 'taskxp3');
    expect((await store.findTasks('task_p')).map((t) => t.id)).toEqual(['task_p1', 'task_p2']);
    expect((await store.findTasks('task_p', 1)).map((t) => t.id)).toEqual(['task_p1']);
    expect(await store.findTasks('task%')).toEqual([]);
    expect((await store.listTasks(2)).map((t) => t.id)).toEqual(['taskxp3', 'task_p2']);
  });

  it('keep hostile text, with NUL shown as U+FFFD in the projection', async () => {
    const id = newId('task');
    const made = await store.createTask({ id, kind: 'fix', request: { ...REQUEST, text: 'a\0b"\\\u2028' }, repository: 'r', createdAt: new Date() });
    expect(made.request.text).toBe('a\ufffdb"\\\u2028');
  });

  it('change state, verdict and run, each alone, and are listed by state', async () => {
    const id = await addTask(store);
    await store.updateTask(id, { state: 'waiting', currentRun: 'run_1' });
    await store.updateTask(id, { verdict: 'passed' });
    const { state, currentRun, verdict } = await store.getTask(id);
    expect([state, currentRun, verdict]).toEqual(['waiting', 'run_1', 'passed']);
    expect((await store.listTasks(10, 'waiting')).map((t) => t.id)).toEqual([id]);
    await expect(store.updateTask('task_none', {})).rejects.toMatchObject({ code: 'input.unknown_task' });
    await expect(store.getTask('task_none')).rejects.toMatchObject({ code: 'input.unknown_task', exitCode: 2 });
  });

  it('are asked to stop and told to go on', async () => {
    const id = await addTask(store);
    await store.requestStop(id);
    expect([await store.readStop(id), (await store.getTask(id)).stopRequested]).toEqual([true, true]);
    await store.clearStop(id);
    expect(await store.readStop(id)).toBe(false);
  });
});

describe('a lease', () => {
  it('belongs to one of many workers that claim at once', async () => {
    const id = await addTask(store);
    const claims = await Promise.all(Array.from({ length: 10 }, (_, i) => store.claimLease(id, `wrk_${i}`, 60_000)));
    expect(claims.filter((epoch) => epoch !== null)).toEqual([1]);
  });

  it('can be taken over when it ran out or was given back, and the old epoch is fenced off', async () => {
    const id = await addTask(store);
    expect(await store.claimLease(id, 'wrk_a', 0)).toBe(1);
    expect(await store.claimLease(id, 'wrk_b', 60_000)).toBe(2);
    expect(await store.renewLease(id, 1, 60_000)).toBe(false);
    await store.releaseLease(id, 1);
    expect(await store.claimLease(id, 'wrk_a', 60_000)).toBeNull();
    await expect(store.updateTask(id, { state: 'done' }, { epoch: 1 })).rejects.toMatchObject({ code: 'store.fenced' });
    expect((await store.updateTask(id, { state: 'running' }, { epoch: 2 })).state).toBe('running');
    await store.releaseLease(id, 2);
    expect(await store.claimLease(id, 'wrk_a', 60_000)).toBe(3);
  });

  it('can be renewed by its holder, also when it ran out and nobody took it', async () => {
    const id = await addTask(store);
    await store.claimLease(id, 'wrk_a', 0);
    expect(await store.renewLease(id, 1, 60_000)).toBe(true);
    expect(await store.claimLease(id, 'wrk_b', 60_000)).toBeNull();
    await expect(store.claimLease('task_none', 'wrk_a', 1)).rejects.toMatchObject({ code: 'input.unknown_task' });
  });
});

describe('repositories', () => {
  it('are registered once per locator, unlabelled until a person labels them', async () => {
    const made = await Promise.all(['repo_a', 'repo_b'].map((id) => store.registerRepository('/srv/one', id)));
    expect(new Set(made.map((r) => r.id)).size).toBe(1);
    const [{ id }] = made as [(typeof made)[number]];
    expect(made[0]).toMatchObject({ locator: '/srv/one', label: null, labelBy: null, labelledAt: null });
    await store.labelRepository(id, 'internal', 'ada');
    expect(await store.findRepository('/srv/one')).toMatchObject({ id, label: 'internal', labelBy: 'ada' });
    expect(await store.findRepository('/srv/two')).toBeNull();
    await expect(store.labelRepository('repo_none', 'public', 'ada')).rejects.toMatchObject({ code: 'input.invalid' });
  });
});

describe('a full disk', () => {
  it('in PostgreSQL is disk.full', async () => {
    const raised = await sql(databaseUrl, "do $$ begin raise exception 'no room' using errcode = '53100'; end $$").catch(toStoreError);
    expect(raised).toMatchObject({ code: 'disk.full', hint: expect.stringContaining('SALLYPORT_HOME') });
  });
});

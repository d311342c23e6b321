import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diskArtifacts } from '../../src/artifacts/disk.js';
import type { Artifacts } from '../../src/artifacts/artifacts.js';
import { canonicalBytes } from '../../src/attest/canonical.js';
import { signCheckpoint } from '../../src/attest/checkpoint.js';
import { leafHash } from '../../src/attest/digest.js';
import { verifyExport } from '../../src/audit/export.js';
import { loadLogKey, loadPublicKey } from '../../src/audit/key.js';
import { createLog, type Log } from '../../src/audit/log.js';
import type { Event, NewEvent } from '../../src/protocol/event.js';
import { openStore } from '../../src/store/open.js';
import type { Store } from '../../src/store/store.js';
import { type Lab, openLab } from '../fixtures/database.js';
import { addTask } from '../fixtures/task.js';

let lab: Lab;
let store: Store;
let other: Store;
let artifacts: Artifacts;
let keys: string;
let log: Log;
let clock: Date;
beforeAll(async () => {
  lab = await openLab();
  const options = lab.options(lab.home());
  store = await openStore(options);
  other = await openStore(options);
  artifacts = diskArtifacts(join(lab.folder, 'artifacts'));
  keys = join(lab.folder, 'keys');
  clock = new Date('2026-01-01T00:00:00.000Z');
  log = logOn(store);
});
afterAll(async () => {
  await other?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  await lab[Symbol.asyncDispose]();
});

function logOn(on: Store): Log {
  return createLog(on, artifacts, { keys, now: () => clock, redact: (s) => s.replaceAll('hunter2', '[redacted]'), pollMs: 60_000 });
}
function note(id: string, message = 'm'): NewEvent {
  return { id, run: 'run_1', type: 'model.failed', data: { call: 'c', message } };
}
async function sql(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: store.url });
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
/** A task with five entries and a checkpoint over them. */
async function five(): Promise<string> {
  const task = await addTask(store);
  await log.append(task, ['a', 'b', 'c', 'd', 'e'].map((id) => note(id)), { epoch: null });
  await log.checkpoint(task);
  return task;
}
async function verdict(task: string): Promise<unknown> {
  const [report] = (await log.verify({ task })).tasks;
  return report?.ok === false ? [report.seq, report.problem] : 'ok';
}
async function lines(which: string): Promise<string[]> {
  const all: string[] = [];
  for await (const line of log.exportLog(which)) all.push(line);
  return all;
}

describe('append', () => {
  it('gives place, time and link, and stores exactly the bytes that it hashed', async () => {
    const task = await addTask(store);
    const events = await log.append(task, [note('a'), note('b')], { epoch: null });
    const rows = await sql('select seq, bytes, hash, data from sallyport.events where task = $1 order by seq', [task]);
    expect(rows.map((r) => JSON.parse((r.bytes as Buffer).toString()))).toEqual(events);
    expect(rows.map((r) => (r.bytes as Buffer).equals(canonicalBytes(events[r.seq as number])))).toEqual([true, true]);
    const hash = leafHash(rows[0]?.bytes as Buffer);
    expect(events).toEqual([
      { v: 1, id: 'a', task, run: 'run_1', seq: 0, at: '2026-01-01T00:00:00.000Z', prev: '0'.repeat(64), type: 'model.failed', data: { call: 'c', message: 'm' } },
      { v: 1, id: 'b', task, run: 'run_1', seq: 1, at: '2026-01-01T00:00:00.000Z', prev: hash, type: 'model.failed', data: { call: 'c', message: 'm' } },
    ]);
    expect(Buffer.from(rows[0]?.hash as Buffer).toString('hex')).toBe(hash);
    expect(await log.read(task, { from: 1 })).toEqual(events.slice(1));
  });

  it('writes an event once, whoever repeats it, and returns the stored one', async () => {
    const task = await addTask(store);
    const [first] = await log.append(task, [note('a', 'one')], { epoch: null });
    const again = await log.append(task, [note('a', 'two'), note('b'), note('b', 'twice')], { epoch: null });
    expect(again.map((e) => [e.id, e.seq, (e.data as { message: string }).message])).toEqual([['a', 0, 'one'], ['b', 1, 'm'], ['b', 1, 'm']]);
    expect(again[0]).toEqual(first);
    expect(await log.read(task)).toHaveLength(2);
  });

  it('makes one gapless chain of appends from many sides at once', async () => {
    const task = await addTask(store);
    const [a, b] = [logOn(store), logOn(other)];
    await Promise.all(Array.from({ length: 60 }, (_, i) => (i % 2 ? a : b).append(task, [note(`x${i}`), note(`y${i}`), note('shared')], { epoch: null })));
    const events = await log.read(task);
    expect(events.map((e) => e.seq)).toEqual(Array.from({ length: 121 }, (_, i) => i));
    expect(new Set(events.map((e) => e.id)).size).toBe(121);
    expect(await verdict(task)).toBe('ok');
  });

  it('stops a worker whose task was taken over, and writes nothing of its batch', async () => {
    const task = await addTask(store);
    await store.claimLease(task, 'wrk_a', 0);
    await log.append(task, [note('a')], { epoch: 1 });
    await store.claimLease(task, 'wrk_b', 60_000);
    await expect(log.append(task, [note('b')], { epoch: 1 })).rejects.toMatchObject({ code: 'store.fenced' });
    await log.append(task, [note('c')], { epoch: 2 });
    await log.append(task, [note('d')], { epoch: null });
    expect((await log.read(task)).map((e) => e.id)).toEqual(['a', 'c', 'd']);
  });

  it('never lets time go back, whatever the clock does', async () => {
    const task = await addTask(store);
    await log.append(task, [note('a')], { epoch: null });
    const before = clock;
    clock = new Date('2025-01-01T00:00:00.000Z');
    await log.append(task, [note('b')], { epoch: null });
    clock = before;
    expect((await log.read(task)).map((e) => e.at)).toEqual(['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z']);
  });

  it('redacts every string and key before hashing, and mends what has no canonical form', async () => {
    const task = await addTask(store);
    const result = { 'key hunter2': ['x hunter2 y', { deep: 'hunter2' }], 'key [redacted]': 1, broken: '\ud800', nul: 'a\0b' };
    const [event] = await log.append(task, [{ id: 'a', run: null, type: 'step.ended', data: { step: 's', result } }], { epoch: null });
    expect((event as Event & { type: 'step.ended' }).data.result).toEqual({ 'key [redacted]': ['x [redacted] y', { deep: '[redacted]' }], 'key [redacted]#2': 1, broken: '\ufffd', nul: 'a\0b' });
    const [row] = await sql("select convert_from(bytes, 'UTF8') || data::text as all from sallyport.events where task = $1", [task]);
    expect(row?.all).not.toContain('hunter2');
  });

  it('refuses data that has not the form of its type, and an unknown task', async () => {
    const task = await addTask(store);
    const wrong = { id: 'a', run: null, type: 'model.failed', data: { call: 'c' } } as unknown as NewEvent;
    await expect(log.append(task, [wrong], { epoch: null })).rejects.toMatchObject({ code: 'internal.bug', message: expect.stringContaining('message') });
    await expect(log.append('task_none', [note('a')], { epoch: null })).rejects.toMatchObject({ code: 'input.unknown_task' });
    await expect(log.read('task_none')).rejects.toMatchObject({ code: 'input.unknown_task' });
  });
});

describe('follow', () => {
  it('gives what is there and then each append of another process, without gaps, until it is told to end', async () => {
    const task = await addTask(store);
    await log.append(task, [note('a'), note('b')], { epoch: null });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of log.follow(task, { from: 1, signal: stop.signal })) {
      seen.push(event.id);
      if (event.id === 'b') await logOn(other).append(task, [note('c')], { epoch: null });
      if (event.id === 'c') void logOn(other).append(task, [note('d'), note('e')], { epoch: null });
      if (event.id === 'e') stop.abort();
    }
    expect(seen).toEqual(['b', 'c', 'd', 'e']);
  });

  it('goes on when its connections were cut', async () => {
    const task = await addTask(store);
    const stop = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const event of log.follow(task, { signal: stop.signal })) {
        seen.push(event.id);
        if (event.id === 'b') stop.abort();
      }
    })();
    await log.append(task, [note('a')], { epoch: null });
    await expect.poll(() => seen).toEqual(['a']);
    await sql("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = 'sallyport'");
    await log.append(task, [note('b')], { epoch: null });
    await following;
    expect(seen).toEqual(['a', 'b']);
  });
});

describe('verify', () => {
  it('accepts an untouched log and says how far it is signed', async () => {
    const task = await five();
    await log.append(task, [note('f')], { epoch: null });
    expect(await log.verify({ task })).toMatchObject({ ok: true, tasks: [{ ok: true, task, head: { size: 6 }, checkpoints: 1, signedUpTo: 5 }] });
  });

  it('names the entry that somebody with the database edited, with or without its hash', async () => {
    const plain = await five();
    await sql(`update sallyport.events set bytes = convert_to(replace(convert_from(bytes, 'UTF8'), '"m"', '"x"'), 'UTF8') where task = $1 and seq = 2`, [plain]);
    const hashed = await five();
    const [row] = await sql('select bytes from sallyport.events where task = $1 and seq = 2', [hashed]);
    const bytes = Buffer.from(String(row?.bytes).replace('"m"', '"x"'));
    await sql('update sallyport.events set bytes = $2, hash = $3 where task = $1 and seq = 2', [hashed, bytes, Buffer.from(leafHash(bytes), 'hex')]);
    const column = await five();
    await sql(`update sallyport.events set id = 'z' where task = $1 and seq = 3`, [column]);
    expect([await verdict(plain), await verdict(hashed), await verdict(column)]).toEqual([[2, 'edited'], [2, 'edited'], [3, 'edited']]);
  });

  it('names what was removed, moved, doubled, or cut from the end', async () => {
    const [removed, closed, swapped, doubled, cut, hidden] = [await five(), await five(), await five(), await five(), await five(), await five()];
    await sql('delete from sallyport.events where task = $1 and seq = 1', [removed]);
    await sql('delete from sallyport.events where task = $1 and seq = 1', [closed]);
    await sql('update sallyport.events set seq = seq - 1 where task = $1 and seq > 1', [closed]);
    for (const [from, to] of [[1, 91], [2, 1], [91, 2]]) await sql('update sallyport.events set seq = $3 where task = $1 and seq = $2', [swapped, from, to]);
    await sql(`insert into sallyport.events select task, 5, 'copy', type, run, at, bytes, hash, data from sallyport.events where task = $1 and seq = 2`, [doubled]);
    await sql('delete from sallyport.events where task = $1 and seq > 2', [cut]);
    const [row] = await sql("select encode(hash, 'hex') as hash from sallyport.events where task = $1 and seq = 2", [hidden]);
    await sql('delete from sallyport.events where task = $1 and seq > 2', [hidden]);
    await sql('update sallyport.tasks set head_seq = 2, head_hash = $2 where id = $1', [hidden, row?.hash]);
    expect(await Promise.all([removed, closed, swapped, doubled, cut, hidden].map(verdict))).toEqual([
      [1, 'removed'], [1, 'removed'], [1, 'reordered'], [5, 'duplicated'], [3, 'truncated'], [3, 'truncated'],
    ]);
  });

  it('does not accept a checkpoint signed with another key, nor sign a chain that does not verify', async () => {
    const task = await five();
    const { head } = await store.getTask(task);
    await sql('update sallyport.checkpoints set note = $2 where task = $1', [task, signCheckpoint(task, head, generateKeyPairSync('ed25519').privateKey)]);
    expect(await verdict(task)).toEqual([null, 'wrong_key']);
    const edited = await five();
    await sql('delete from sallyport.events where task = $1 and seq > 2', [edited]);
    await expect(log.checkpoint(edited)).rejects.toMatchObject({ code: 'audit.broken', exitCode: 1, message: expect.stringContaining('entry 3') });
    await expect(lines(edited)).rejects.toMatchObject({ code: 'audit.broken' });
  });

  it('names the entry whose body was altered; an erased body is no fault', async () => {
    const task = await addTask(store);
    const body = await artifacts.put('original', { blind: true, media: 'text/plain' });
    await log.append(task, [note('a'), { id: 'b', run: null, type: 'feedback.given', data: { round: 1, body } }], { epoch: null });
    expect(await verdict(task)).toBe('ok');
    const hex = body.digest.slice(7);
    writeFileSync(join(lab.folder, 'artifacts', hex.slice(0, 2), hex.slice(2)), 'forged');
    expect(await verdict(task)).toEqual([1, 'edited']);
    await artifacts.erase(body);
    expect(await verdict(task)).toBe('ok');
  });
});

describe('an export', () => {
  it('verifies offline with the public key alone', async () => {
    const task = await five();
    await log.append(task, [note('f')], { epoch: null });
    const exported = await lines(task);
    expect(exported).toHaveLength(6 + 2);
    expect(verifyExport(exported, await loadPublicKey(keys))).toMatchObject({ ok: true, tasks: [{ ok: true, head: { size: 6 }, signedUpTo: 6 }] });
    expect(verifyExport(exported, generateKeyPairSync('ed25519').publicKey)).toMatchObject({ ok: false, tasks: [{ problem: 'wrong_key' }] });
  });

  it('names the wrong entry, and a missing last checkpoint', async () => {
    const key = await loadPublicKey(keys);
    const exported = await lines(await five());
    const said = (changed: readonly string[]): unknown => verifyExport(changed, key).tasks.map((t) => (t.ok ? 'ok' : [t.seq, t.problem]));
    expect(said(exported.toSpliced(2, 1))).toEqual([[2, 'removed']]);
    expect(said(exported.toSpliced(4, 1))).toEqual([[4, 'truncated']]);
    expect(said(exported.slice(0, 5))).toEqual([[0, 'bad_checkpoint']]);
    expect(() => verifyExport(['{"v":1}'], key)).toThrow('line 1');
  });
});

describe('the log key', () => {
  it('is made once, however many need it first, and is readable by its owner only', async () => {
    const folder = join(lab.folder, 'keys-race');
    const loaded = await Promise.all(Array.from({ length: 10 }, () => loadLogKey(folder)));
    expect(loaded.every((k) => k.publicKey.equals((loaded[0] as (typeof loaded)[number]).publicKey))).toBe(true);
    expect((statSync(join(folder, 'log.ed25519')).mode & 0o777).toString(8)).toBe('600');
    expect((await loadPublicKey(folder)).equals((await loadLogKey(folder)).publicKey)).toBe(true);
  });

  it('is refused when others can read it, and never replaced when it is lost', async () => {
    const folder = join(lab.folder, 'keys-lost');
    await loadLogKey(folder);
    chmodSync(join(folder, 'log.ed25519'), 0o644);
    await expect(loadLogKey(folder)).rejects.toMatchObject({ code: 'audit.broken', hint: expect.stringContaining('chmod 600') });
    rmSync(join(folder, 'log.ed25519'));
    await expect(loadLogKey(folder)).rejects.toMatchObject({ code: 'audit.broken', message: expect.stringContaining('is gone') });
  });
});

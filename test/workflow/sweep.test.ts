import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TaskState } from '../../src/protocol/task.js';
import { foldersOf } from '../../src/workflow/folders.js';
import { sweep } from '../../src/workflow/sweep.js';
import { remove, scratch } from '../support/sandbox.js';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const HOUR = 3600 * 1000;
let home: string;
beforeEach(() => {
  home = scratch();
});
afterEach(() => remove(home));

async function folder(path: string, age: number): Promise<string> {
  const full = join(home, path);
  await mkdir(full, { recursive: true });
  await writeFile(join(full, 'file'), 'x');
  await utimes(full, new Date(NOW - age), new Date(NOW - age));
  return full;
}

type Lease = { owner: string; until: string } | null;
const tasks: Readonly<Record<string, { state: TaskState; lease: Lease }>> = {
  task_done: { state: 'done', lease: null }, task_failed: { state: 'failed', lease: { owner: 'w', until: '2026-01-02T03:04:05.000Z' } },
  task_held: { state: 'done', lease: { owner: 'w', until: '2026-01-02T03:05:00.000Z' } }, task_stopped: { state: 'stopped', lease: null }, task_running: { state: 'running', lease: null }, task_waiting: { state: 'waiting', lease: null },
};
const swept = async (): Promise<string[]> => (await sweep({ folders: foldersOf(home), task: async (id) => tasks[id] ?? null, now: NOW })).sort();

describe('sweeping', () => {
  it('finds nothing in a state directory that is not made yet', async () => {
    expect(await swept()).toEqual([]);
  });

  it('removes drafts older than a day, wherever one is made, and no younger ones and no results', async () => {
    const old = await Promise.all(['trees/.draft-a', 'snapshots/.draft-b', 'mirrors/index-c', 'sandbox/runtime/.draft-d', 'sandbox/runtime/.probe-e', 'mirrors/x.git/objects/pack/tmp_pack_f'].map((path) => folder(path, 25 * HOUR)));
    const kept = await Promise.all([folder('trees/.draft-young', 23 * HOUR), folder('trees/0123abc', 999 * HOUR), folder('snapshots/snap_1', 999 * HOUR), folder('mirrors/x.git', 999 * HOUR), folder('artifacts/.draft-not-there', 999 * HOUR)]);
    expect(await swept()).toEqual([...old].sort());
    expect([...old.map(existsSync), ...kept.map(existsSync)]).toEqual([...old.map(() => false), ...kept.map(() => true)]);
  });

  it('removes folders of runs whose task has ended and that nobody holds; what can be resumed stays', async () => {
    const names = ['run_done', 'run_failed', 'run_held', 'run_stopped', 'run_running', 'run_waiting', 'run_unknown', 'something'];
    for (const name of names) await folder(join('runs', name), 999 * HOUR);
    expect(await swept()).toEqual([join(home, 'runs/run_done'), join(home, 'runs/run_failed')]);
    expect(names.filter((name) => existsSync(join(home, 'runs', name)))).toEqual(names.slice(2));
  });

  it('removes a socket that nobody listens on, and none that somebody does', async () => {
    await mkdir(join(home, 'run'));
    const listen = async (name: string): Promise<ReturnType<typeof createServer>> => {
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => void server.listen(join(home, 'run', name), resolve));
      return server;
    };
    const alive = await listen('e-alive.sock');
    const other = await listen('other.sock');
    // A killed process leaves its socket behind: bind one in a child that dies.
    spawnSync(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(join(home, 'run/e-dead.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`], { stdio: 'ignore', timeout: 10_000 });
    expect(existsSync(join(home, 'run/e-dead.sock'))).toBe(true);
    expect(await swept()).toEqual([join(home, 'run/e-dead.sock')]);
    expect([existsSync(join(home, 'run/e-alive.sock')), existsSync(join(home, 'run/other.sock'))]).toEqual([true, true]);
    for (const server of [alive, other]) await new Promise((resolve) => void server.close(resolve));
  });
});

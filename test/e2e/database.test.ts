import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPostmaster } from '../../src/store/postmaster.js';
import { until } from '../fixtures/database.js';
import { type Home, openHome, processesOf } from '../support/cli.js';
import { watch } from '../support/hold.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

let home: Home;
let repo: string;
beforeEach(() => {
  home = openHome({ firstUse: true });
  repo = join(home.folder, 'shop');
  makeRepo(repo, SHOP);
});
afterEach(() => home[Symbol.asyncDispose]());

const ownerPid = (): number => Number(processesOf(home.folder).find((line) => line.includes('main/owner.js'))?.split(' ')[0]);
const postmasterPid = (): number => {
  const found = readPostmaster(join(home.home, 'db/data'));
  return found.state === 'absent' ? 0 : found.pid;
};

describe('the embedded database under the command line', () => {
  it('serves ten commands that start at once on a fresh home, runs among them', async () => {
    const model = home.model([shell(MEND), finish()]);
    const ran = await Promise.all([
      ...Array.from({ length: 7 }, () => home.sally(['tasks'])),
      home.sally(['doctor']), home.sally(['run', 'one', '--repo', repo, '--model', model]), home.sally(['run', 'two', '--repo', repo, '--model', model]),
    ]);
    expect(ran.map((r) => [r.code, r.code === 0 ? '' : r.stderr])).toEqual(ran.map(() => [0, '']));
    expect((await home.sally(['tasks', '--json'])).json).toEqual([expect.objectContaining({ verdict: 'passed' }), expect.objectContaining({ verdict: 'passed' })]);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The log verifies: 2 tasks/) });
  });

  it('loses nothing when its owner, then PostgreSQL, then both are killed in the middle of a run', async () => {
    expect(await home.sally(['tasks'])).toMatchObject({ code: 0, stderr: '' });
    const live = home.start(['run', 'x', '--repo', repo, '--json', '--model', home.model([shell(MEND), shell('sleep 3'), shell('sleep 3'), shell('sleep 3'), finish()])]);
    /** Asks anew each time: what it asks is being killed. */
    const nth = async (n: number): Promise<void> => {
      await until(async () => {
        try {
          await using log = await watch(home.home);
          return (await log.count("type = 'tool.called'")) >= n;
        } catch {
          return false;
        }
      }, `tool call ${n}`, 60_000);
    };
    await nth(2);
    process.kill(ownerPid(), 'SIGKILL');
    await nth(3);
    process.kill(postmasterPid(), 'SIGKILL');
    await until(() => postmasterPid() > 0, 'PostgreSQL is back');
    await nth(4);
    const [owner, postmaster] = [ownerPid(), postmasterPid()];
    process.kill(owner, 'SIGKILL');
    process.kill(postmaster, 'SIGKILL');
    const ran = await live.ended;
    expect({ code: ran.code, stderr: ran.stderr, verdict: ran.code === 0 ? (ran.json as { verdict: string }).verdict : ran.stdout }).toEqual({ code: 0, stderr: '', verdict: 'passed' });
    const events = await home.events();
    expect(events.filter((e) => e.type === 'model.requested').length).toBe(5);
    expect(events.filter((e) => e.type === 'run.resumed')).toEqual([]);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
  });
});

describe('a database by DATABASE_URL', () => {
  it('works the same: a whole run, nothing of it in a database of its own', async () => {
    // Another home's embedded server is as good a PostgreSQL as any; it is asked for by its address only.
    const other = openHome({ firstUse: true });
    try {
      expect((await other.sally(['tasks'])).code).toBe(0);
      await using log = await watch(other.home);
      await log.query('create database elsewhere');
      const url = `postgresql://sallyport@localhost/elsewhere?host=${encodeURIComponent(join(other.home, 'run/pg'))}`;
      const env = { DATABASE_URL: url };
      const ran = await home.sally(['run', 'x', '--repo', repo, '--json', '--model', home.model([shell(MEND), finish()])], { env });
      expect({ code: ran.code, ...(ran.json as object) }).toMatchObject({ code: 0, verdict: 'passed' });
      expect(await home.sally(['approve', 'last'], { env })).toMatchObject({ code: 0 });
      expect(await home.sally(['apply', 'last'], { env })).toMatchObject({ code: 0 });
      expect(await home.sally(['audit', 'verify'], { env })).toMatchObject({ code: 0 });
      expect(readFileSync(join(repo, 'cart.js'), 'utf8')).toContain('let i = 0');
      expect(postmasterPid()).toBe(0);
      expect((await other.sally(['tasks', '--json'])).json).toEqual([]);
      const detached = await home.sally(['run', 'y', '--repo', repo, '--ref', 'HEAD', '--detach', '--json', '--model', home.model([shell(MEND), finish()])], { env });
      expect(detached.code).toBe(0);
      await until(async () => ((await home.sally(['show', 'last', '--json'], { env })).json as { state: string }).state === 'done', 'the worker ends it', 60_000);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });
});

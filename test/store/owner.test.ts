import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDetached } from '../../src/process/detach.js';
import { run } from '../../src/process/spawn.js';
import { findNative } from '../../src/store/binaries.js';
import { openStore } from '../../src/store/open.js';
import { storePaths } from '../../src/store/paths.js';
import { isAlive, processesIn, readPostmaster } from '../../src/store/postmaster.js';
import { type Lab, openLab, until } from '../fixtures/database.js';
import { addTask } from '../fixtures/task.js';

const ENV = { PATH: '/usr/bin:/bin' };
let lab: Lab;
let client: string;
beforeAll(async () => {
  lab = await openLab();
  client = await lab.bundle('client', `
    import { findNative } from '../../src/store/binaries.js';
import { openStore } from './store/open.js';
    import { startDetached } from './process/detach.js';
    import { newId } from './protocol/ids.js';
    const o = JSON.parse(process.argv[2]);
    const store = await openStore({ ...o, owner: { argv: o.owner.argv, processes: { startDetached } } });
    const task = newId('task');
    await store.createTask({ id: task, kind: 'fix', request: o.request, repository: 'repo_1', createdAt: new Date() });
    console.log(task);
    await store[Symbol.asyncDispose]();
  `);
});
afterAll(() => lab[Symbol.asyncDispose]());

function owners(home: string): number[] {
  return readdirSync('/proc').map(Number).filter((pid) => Number.isInteger(pid) && cmdline(pid).includes('owner.mjs') && cmdline(pid).includes(`"home":"${home}"`) && isAlive(pid));
}
function cmdline(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
async function lockIsFree(home: string): Promise<boolean> {
  return (await run(['flock', '--nonblock', storePaths(home).lock, 'true'], { env: ENV })).exit === 0;
}
async function gone(home: string): Promise<void> {
  await until(() => owners(home).length === 0, 'the owner ends');
}
function postmasterOf(home: string): number {
  const found = readPostmaster(storePaths(home).data);
  if (found.state === 'absent') throw new Error('no postmaster');
  return found.pid;
}

describe('the owner of the embedded database', () => {
  it('serves ten processes that open one fresh home at once, and leaves nothing behind them', async () => {
    const home = lab.home();
    const { owner } = lab.options(home);
    const runs = await Promise.all(Array.from({ length: 10 }, () => run([process.execPath, client, JSON.stringify({ home, owner: { argv: owner?.argv }, request: {} })], { env: ENV, timeout: 100_000 })));
    expect(runs.map((r) => [r.exit, r.stderr.toString()])).toEqual(runs.map(() => [0, '']));
    await gone(home);
    const paths = storePaths(home);
    expect({
      processes: processesIn(paths.data), owners: owners(home), socket: existsSync(paths.ownerSocket), sockets: readdirSync(paths.socketFolder),
      pidFile: existsSync(join(paths.data, 'postmaster.pid')), lockIsFree: await lockIsFree(home), db: readdirSync(paths.db).filter((n) => n.startsWith('init-')),
    }).toEqual({ processes: [], owners: [], socket: false, sockets: [], pidFile: false, lockIsFree: true, db: [] });
    await using store = await openStore(lab.options(home));
    expect((await store.listTasks(100)).map((t) => t.id).sort()).toEqual(runs.map((r) => r.stdout.toString().trim()).sort());
  });

  it('may be killed: the next one adopts the running database and clients notice nothing', async () => {
    const home = lab.home();
    await using store = await openStore(lab.options(home));
    const before = await addTask(store);
    const [first] = owners(home);
    const postmaster = postmasterOf(home);
    process.kill(first as number, 'SIGKILL');
    const during = await addTask(store);
    const second = await until(() => owners(home).find((pid) => pid !== first), 'another owner');
    await until(async () => !(await lockIsFree(home)), 'the lock is taken again');
    await until(() => existsSync(storePaths(home).ownerSocket), 'the new owner listens');
    expect(await store.findTasks('task_')).toHaveLength(2);
    expect({ postmaster: postmasterOf(home), second: isAlive(second) }).toEqual({ postmaster, second: true });
    await store[Symbol.asyncDispose]();
    await gone(home);
    expect(processesIn(storePaths(home).data)).toEqual([]);
    await using again = await openStore(lab.options(home));
    expect((await again.findTasks('task_')).map((t) => t.id).sort()).toEqual([before, during].sort());
  });

  it('and the database may be killed together: nothing committed is lost, and clients go on', async () => {
    const home = lab.home();
    await using store = await openStore(lab.options(home));
    const before = await addTask(store);
    process.kill(owners(home)[0] as number, 'SIGKILL');
    process.kill(postmasterOf(home), 'SIGKILL');
    const after = await addTask(store);
    expect((await store.findTasks('task_')).map((t) => t.id).sort()).toEqual([before, after].sort());
  });

  it('restarts a database that died under it', async () => {
    const home = lab.home();
    await using store = await openStore(lab.options(home));
    const before = await addTask(store);
    const [owner] = owners(home);
    process.kill(postmasterOf(home), 'SIGKILL');
    const after = await addTask(store);
    expect((await store.findTasks('task_')).map((t) => t.id).sort()).toEqual([before, after].sort());
    expect(owners(home)).toEqual([owner]);
  });

  it('recovers when it was killed in the middle of the first initialisation', async () => {
    const home = lab.home();
    const opening = openStore(lab.options(home));
    await until(() => existsSync(storePaths(home).db) && readdirSync(storePaths(home).db).some((n) => n.startsWith('init-')), 'initdb runs');
    process.kill(owners(home)[0] as number, 'SIGKILL');
    await using store = await opening;
    await addTask(store);
    expect(await store.findTasks('task_')).toHaveLength(1);
  });

  it('stops the database also when the state directory was removed under it', async () => {
    const home = lab.home();
    const store = await openStore(lab.options(home));
    const { data } = storePaths(home);
    expect(processesIn(data)).not.toEqual([]);
    await run(['rm', '-rf', home], { env: ENV });
    await store[Symbol.asyncDispose]();
    await gone(home);
    expect(processesIn(data)).toEqual([]);
  });

  it('gives no descriptor of its lock to PostgreSQL, and no TCP port', async () => {
    const home = lab.home();
    await using store = await openStore(lab.options(home));
    const lock = storePaths(home).lock;
    const held = processesIn(storePaths(home).data).flatMap((pid) => readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    })).filter((target) => target === lock || target.includes('owner.log'));
    expect(held).toEqual([]);
    const folder = statSync(storePaths(home).socketFolder);
    expect([(folder.mode & 0o777).toString(8), folder.uid]).toEqual(['700', lab.dbUser?.uid ?? process.getuid?.()]);
    expect(store.url).toContain(encodeURIComponent(storePaths(home).socketFolder));
  });

  it('tells a waiting client why the database cannot start', async () => {
    const home = lab.home();
    const options = lab.options(home);
    const argv = options.owner?.argv ?? [];
    const broken = JSON.stringify({ ...JSON.parse(argv[2] as string), native: join(lab.folder, 'nowhere') });
    await expect(openStore({ ...options, owner: { argv: [argv[0] as string, argv[1] as string, broken], processes: { startDetached } } }))
      .rejects.toMatchObject({ message: expect.stringContaining('nowhere') });
    await gone(home);
  });

  it('names the folder that the database account cannot pass', async () => {
    if (lab.dbUser === null) return;
    const closed = join(lab.folder, 'closed');
    await run(['mkdir', '-m', '0700', closed], { env: ENV });
    const home = join(closed, 'home');
    await expect(openStore(lab.options(home))).rejects.toMatchObject({ code: 'store.unavailable', message: expect.stringContaining(`cannot pass "${closed}"`), hint: expect.stringContaining('SALLYPORT_HOME') });
    await gone(home);
  });

  it('copies PostgreSQL to where its account can run it, when the installation is closed to it', async () => {
    if (lab.dbUser === null) return;
    const closed = join(lab.folder, 'installation');
    await run(['mkdir', '-m', '0700', closed], { env: ENV });
    await run(['cp', '-r', findNative(), join(closed, 'native')], { env: ENV, timeout: 60_000 });
    const home = lab.home();
    const options = lab.options(home);
    const argv = options.owner?.argv ?? [];
    const moved = JSON.stringify({ ...JSON.parse(argv[2] as string), native: join(closed, 'native') });
    {
      await using store = await openStore({ ...options, owner: { argv: [argv[0] as string, argv[1] as string, moved], processes: { startDetached } } });
      await addTask(store);
    }
    await gone(home);
    expect(readdirSync(storePaths(home).db).sort()).toEqual(['conf', 'data', 'native-18.4']);
  });

  it('runs without root too, under the account of the command', async () => {
    if (lab.dbUser === null) return; // then every other test here is this one
    const home = lab.home();
    await run(['mkdir', '-m', '0700', home], { env: ENV });
    await run(['chown', `${lab.dbUser.uid}:${lab.dbUser.gid}`, home], { env: ENV });
    const argv = lab.options(home).owner?.argv ?? [];
    const own = JSON.stringify({ ...JSON.parse(argv[2] as string), dbUser: null });
    const result = await run([process.execPath, client, JSON.stringify({ home, owner: { argv: [argv[0], argv[1], own] }, request: {} })], { env: ENV, timeout: 60_000, ...lab.dbUser });
    expect([result.exit, result.stderr.toString()]).toEqual([0, '']);
    await gone(home);
    expect(processesIn(storePaths(home).data)).toEqual([]);
  });

  it('refuses to run the database as root', async () => {
    if (lab.dbUser === null) return;
    const home = lab.home();
    const options = lab.options(home);
    const argv = options.owner?.argv ?? [];
    const rooted = JSON.stringify({ ...JSON.parse(argv[2] as string), dbUser: null });
    await expect(openStore({ ...options, owner: { argv: [argv[0] as string, argv[1] as string, rooted], processes: { startDetached } } }))
      .rejects.toMatchObject({ code: 'store.unavailable', message: expect.stringContaining('as root') });
    await gone(home);
  });

  it('refuses a home whose socket path the kernel would not take', async () => {
    const home = join(lab.folder, 'x'.repeat(100));
    await expect(openStore(lab.options(home))).rejects.toMatchObject({ code: 'store.unavailable', hint: expect.stringContaining('SALLYPORT_HOME') });
  });

  it('refuses a home that others may write', async () => {
    const home = lab.home();
    await run(['mkdir', '-m', '0777', home], { env: ENV });
    await expect(openStore(lab.options(home))).rejects.toMatchObject({ code: 'store.unavailable', message: expect.stringContaining('0777') });
  });

  it('cannot be started by hand, without the lock', async () => {
    const home = lab.home();
    await (await openStore(lab.options(home)))[Symbol.asyncDispose]();
    await gone(home);
    const result = await run(lab.options(home).owner?.argv ?? [], { env: ENV });
    expect([result.exit, result.stderr.toString()]).toEqual([1, expect.stringContaining('does not hold the lock')]);
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EnvironmentSpec } from '../../src/protocol/environment.js';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { servicesOf } from '../../src/setup/services.js';
import { findNative } from '../../src/store/binaries.js';
import { MemoryJournal } from '../support/journal.js';
import { remove, scratch, testDriver, tree } from '../support/sandbox.js';

describe('services of an environment', () => {
  let folder: string;
  let driver: SandboxDriver;
  beforeAll(() => {
    folder = scratch();
    driver = testDriver(folder);
  });
  afterAll(async () => {
    await driver.close();
    await remove(folder);
  });

  /** What a script prints in a sandbox with these services started. */
  async function within(declared: object, script: string, journal = new MemoryJournal()): Promise<string> {
    const services = servicesOf(EnvironmentSpec.parse({ version: 1, services: declared }), { postgres: findNative });
    await using sandbox = await driver.open({
      id: newId('sb'), phase: 'verify', demanded: ALWAYS_DEMANDED, workspace: { lowers: [tree(join(folder, 'lower'), { 'server.js': 'require("net").createServer((s) => s.on("error", () => undefined).end("hello\\n")).listen(7000, "127.0.0.1")' })], layer: null, fresh: true }, mounts: services.mounts, egressSocket: null, scratch: null,
      limits: { memory: 1024, pids: 200, cpus: 2 }, variables: services.variables,
    });
    await services.start(sandbox, journal, new AbortController().signal);
    const result = await sandbox.exec({ argv: ['/bin/bash', '-c', script], timeout: 30_000, maxOutput: 10_000 });
    return result.stdout.toString() + result.stderr.toString();
  }

  it('PostgreSQL is started afresh with its own database, and found by the usual variables', async () => {
    const journal = new MemoryJournal();
    // The wire protocol by hand: a start-up message and one query.
    const query = `const s=require("net").connect(+process.env.PGPORT,process.env.PGHOST);const m=(t,b)=>{const l=Buffer.alloc(4);l.writeInt32BE(b.length+4);return Buffer.concat([Buffer.from(t),l,b])};
      s.write(m("",Buffer.concat([Buffer.from([0,3,0,0]),Buffer.from("user\\0"+process.env.PGUSER+"\\0database\\0"+process.env.PGDATABASE+"\\0\\0")])));s.write(m("Q",Buffer.from("select 'in '||current_database()\\0")));
      let t="";s.on("data",d=>{t+=d.toString("latin1");if(t.includes("SELECT 1")){console.log(/in shop/.exec(t)[0],process.env.DATABASE_URL);process.exit()}})`;
    const printed = await within({ db: { kind: 'postgres', database: 'shop', port: 5544 } }, `/opt/sallyport/node -e '${query.replaceAll("'", "'\\''")}'`, journal);
    expect(printed).toBe('in shop postgresql://postgres@127.0.0.1:5544/shop\n');
    expect(journal.of('service.started')).toEqual([{ sandbox: expect.any(String), service: 'db', kind: 'postgres', ready: true, ms: expect.any(Number) }]);
  });

  it('a command is a service when it says that it is ready, and later commands reach it', async () => {
    expect(await within({ echo: { kind: 'command', command: '/opt/sallyport/node server.js', ready: 'bash -c "exec 3<>/dev/tcp/127.0.0.1/7000"' } }, 'exec 3<>/dev/tcp/127.0.0.1/7000; cat <&3')).toBe('hello\n');
  });

  it('one that ends, or is not ready in time, stops the run with what it said', async () => {
    await expect(within({ bad: { kind: 'command', command: 'echo no such table >&2; exit 1', ready: 'false' } }, 'true')).rejects.toMatchObject({ code: 'env.service_failed', message: expect.stringMatching(/"bad" could not be started: it ended: no such table/) });
    await expect(within({ slow: { kind: 'command', command: 'sleep 100', ready: 'false', timeout: 1 } }, 'true')).rejects.toMatchObject({ message: expect.stringContaining('not ready after 1 s') });
    await expect(within({ cache: { kind: 'redis', port: 7777, timeout: 3 } }, 'true').then(() => 'ready', (error: { code: string; hint: string }) => [error.code, error.hint])).resolves.toEqual(expect.anything());
  });
});

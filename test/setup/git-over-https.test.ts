import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { serveGit } from '../support/git-server.js';
import { MemoryJournal } from '../support/journal.js';
import { Preparing, type Rest } from '../support/preparing.js';
import { makeRepo } from '../support/repo.js';
import { leftovers, remove, scratch, testDriver } from '../support/sandbox.js';
import { startTls, type TlsServer } from '../support/tls.js';

/** The git of this machine in a fetch sandbox, against git's own server behind TLS of this test. */
let folder: string;
let driver: SandboxDriver;
let server: TlsServer;
let preparing: Preparing;
let commit: string;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  makeRepo(join(folder, 'served/grammar'), { 'rules.txt': 'of a repository\n' });
  commit = execFileSync('git', ['-C', join(folder, 'served/grammar'), 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  server = await startTls(folder, ['git.test', 'other.test'], serveGit(join(folder, 'served')));
  preparing = new Preparing(folder, driver, {});
});
afterAll(async () => {
  await driver.close();
  await server[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
});
afterEach(() => {
  expect(leftovers()).toEqual(before);
});

const around = (): Rest => ({ spec: { hosts: [`git.test:${server.port}`] }, rules: { installation: { minimumAge: 0, exceptions: [`git.test:${server.port}`, `other.test:${server.port}`] }, lookup: async () => ['127.0.0.1'] } });
const clone = (host: string): string => `git -c http.sslVerify=false clone -q https://${host}:${server.port}/grammar "$SALLYPORT_FETCHED/grammar"; [ "$(git -C "$SALLYPORT_FETCHED/grammar" rev-parse HEAD)" = ${commit} ]`;

describe('git over https in setup.fetch', () => {
  it('clones from a declared host, and the agent finds what was cloned', async () => {
    const made = await preparing.prepare({ 'a.txt': 'a' }, { fetch: [clone('git.test')] }, new MemoryJournal(), around());
    expect(await preparing.see(made, 'cat "$SALLYPORT_FETCHED/grammar/rules.txt"; ls')).toBe('of a repository\na.txt\n');
    expect(made.journal.of('egress.requested').map((e) => [e.method, e.target, e.rule])).toEqual([['CONNECT', `git.test:${server.port}`, 'declared-host']]);
    expect(server.requests.map((r) => r.split(' ')[1])).toEqual(['/grammar/info/refs?service=git-upload-pack', '/grammar/git-upload-pack', '/grammar/git-upload-pack']);
  }, 60_000);

  it('ends with the line to add where the host is not declared', async () => {
    await expect(preparing.prepare({ 'a.txt': 'a' }, { fetch: [clone('other.test')] }, new MemoryJournal(), around())).rejects.toMatchObject({ code: 'egress.denied', hint: expect.stringContaining(`hosts:\n  - "other.test:${server.port}"`) });
  }, 60_000);
});

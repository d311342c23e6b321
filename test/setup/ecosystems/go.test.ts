import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxDriver } from '../../../src/sandbox/sandbox.js';
import { type FakeModule, type FakeProxy, goSum, moduleZip, startProxy } from '../../support/goproxy.js';
import { MemoryJournal } from '../../support/journal.js';
import { Preparing } from '../../support/preparing.js';
import { leftovers, remove, scratch, testDriver } from '../../support/sandbox.js';
import { missingTool } from '../../support/tools.js';

/** The go of the machine, in real sandboxes, against a module proxy of this test. */
const BASIC = 'Basic dXNlcjp2ZXJ5LXNlY3JldC10b2tlbg==';
const LEAF: FakeModule = { path: 'example.com/Leaf', version: 'v1.0.0', published: '2026-11-20T00:00:00Z', files: { 'go.mod': 'module example.com/Leaf\n\ngo 1.17\n', 'leaf.go': 'package leaf\n\nconst Name = "leaf"\n' } };
const BRANCH: FakeModule = { path: 'example.com/branch', version: 'v0.2.0', files: { 'go.mod': 'module example.com/branch\n\ngo 1.17\n\nrequire example.com/Leaf v1.0.0\n', 'branch.go': 'package branch\n\nimport leaf "example.com/Leaf"\n\nfunc Name() string { return "branch+" + leaf.Name }\n' } };
const LATER: FakeModule = { ...LEAF, version: 'v1.1.0' };
const GO_MOD = 'module example.com/project\n\ngo 1.17\n\nrequire example.com/branch v0.2.0\n\nrequire example.com/Leaf v1.0.0 // indirect\n';
const TREE = { 'go.mod': GO_MOD, 'go.sum': goSum([LEAF, BRANCH]), 'p_test.go': 'package p\n\nimport (\n\t"testing"\n\n\t"example.com/branch"\n)\n\nfunc TestName(t *testing.T) {\n\tif branch.Name() != "branch+leaf" {\n\t\tt.Fatal(branch.Name())\n\t}\n}\n' };
const SEE = 'GOCACHE=/tmp/c go test ./... 2>&1 | sed "s/\\t[0-9.]*s$//"; ls; touch /opt/deps/go/x';

const missing = missingTool('go', 'golang-go');
let folder: string;
let proxy: FakeProxy;
let driver: SandboxDriver;
let preparing: Preparing;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  proxy = await startProxy([LEAF, BRANCH, LATER], BASIC);
  preparing = new Preparing(folder, driver, { go: async () => ({ url: proxy.url, authorization: BASIC, withheld: ['*.private.example'] }) });
});
afterAll(async () => {
  await driver.close();
  await proxy[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach((context) => {
  if (missing !== null) context.skip(missing);
  before = leftovers();
});
afterEach(() => {
  proxy.intercept = null;
  expect(leftovers()).toEqual(before);
  expect(['snapshots', 'scratch'].flatMap((name) => (existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [])).filter((n) => !n.startsWith('snap_'))).toEqual([]);
});

/** What a journal holds of requests that were refused. */
const refused = (journal: MemoryJournal): unknown[] => journal.of('egress.requested').filter((e) => e['verdict'] === 'deny').map((e) => [e['target'], e['rule']]);

describe('modules of Go', () => {
  it('builds and tests without a route by what go.sum pins, the modules read-only', async () => {
    const prepared = await preparing.prepare(TREE);
    expect(await preparing.see(prepared, SEE)).toBe("ok  \texample.com/project\ngo.mod\ngo.sum\np_test.go\ntouch: cannot touch '/opt/deps/go/x': Read-only file system\n");
    const packages = (prepared.journal.of('setup.fetched')[0] as { packages: readonly { name: string }[] }).packages;
    expect([...packages].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([LEAF, BRANCH].map((m) => ({ ecosystem: 'go', name: m.path, version: m.version, integrity: goSum([m]).split('\n')[0]?.split(' ')[2] })));
    expect([refused(prepared.journal), JSON.stringify(prepared.journal.events).includes('very-secret-token')]).toEqual([[], false]);
  }, 120_000);

  it('does so for a go.mod of before 1.17, which names its own modules alone', async () => {
    const prepared = await preparing.prepare({ ...TREE, 'go.mod': 'module example.com/project\n\ngo 1.16\n\nrequire example.com/branch v0.2.0\n' });
    expect(await preparing.see(prepared, 'GOCACHE=/tmp/c go test ./... 2>&1 | cut -f1,2')).toBe('ok  \texample.com/project\n');
  }, 120_000);

  it('takes a folder of the tree, and another module, in place of one', async () => {
    const prepared = await preparing.prepare({
      ...TREE, 'go.mod': `${GO_MOD}\nreplace example.com/branch => ./branch\n`, 'go.sum': goSum([LEAF]), 'branch/go.mod': BRANCH.files['go.mod'] ?? '', 'branch/branch.go': BRANCH.files['branch.go'] ?? '',
    });
    expect(await preparing.see(prepared, 'GOCACHE=/tmp/c go test . 2>&1 | cut -f1,2')).toBe('ok  \texample.com/project\n');
    const other = await preparing.prepare({ ...TREE, 'go.mod': `${GO_MOD}\nreplace example.com/Leaf v1.0.0 => example.com/Leaf v1.1.0\n`, 'go.sum': goSum([LATER, BRANCH]) });
    expect(await preparing.see(other, 'GOCACHE=/tmp/c go test . 2>&1 | cut -f1,2')).toBe('ok  \texample.com/project\n');
  }, 120_000);

  it('hands on nothing of an archive or a go.mod that does not have the digest', async () => {
    for (const [path, body, target] of [['/example.com/branch/@v/v0.2.0.zip', moduleZip({ ...BRANCH, files: { ...BRANCH.files, 'branch.go': 'package branch' } }), '/go/example.com/branch/@v/v0.2.0.zip'], ['/example.com/!leaf/@v/v1.0.0.mod', 'module example.com/Leaf\n', '/go/example.com/%21leaf/@v/v1.0.0.mod']] as const) {
      const journal = new MemoryJournal();
      proxy.intercept = (asked, _, response) => asked === path && response.writeHead(200).end(body);
      await expect(preparing.prepare(TREE, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('does not have the digest of go.sum') });
      expect(journal.of('egress.requested').filter((e) => e['rule'] === 'integrity').map((e) => [e['target'], e['verdict'], e['bytes']])).toEqual([[target, 'deny', 0]]);
    }
  }, 120_000);

  it('refuses what go.sum does not name, by its rule', async () => {
    const journal = new MemoryJournal();
    const asked = proxy.requests.length;
    await expect(preparing.prepare({ ...TREE, 'go.mod': GO_MOD.replace('Leaf v1.0.0', 'Leaf v1.1.0') }, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('is not in the lockfile, which must be written anew') });
    expect(refused(journal)).toEqual([['/go/example.com/%21leaf/@v/v1.1.0.info', 'not-in-lockfile']]);
    expect(proxy.requests.slice(asked).filter((r) => r.path.includes('v1.1.0'))).toEqual([]);
  }, 120_000);

  it('asks no proxy for what is private here, and says so', async () => {
    const secret = { ...BRANCH, path: 'git.private.example/team/secret' };
    const asked = proxy.requests.length;
    await expect(preparing.prepare({ 'go.mod': `module example.com/project\n\ngo 1.17\n\nrequire ${secret.path} v0.2.0\n`, 'go.sum': goSum([secret]) })).rejects.toMatchObject({
      code: 'setup.fetch_failed', message: expect.stringContaining('git.private.example/team/secret is private by GOPRIVATE or GONOPROXY of this machine: no proxy is asked for it, and no version control is'),
    });
    expect(proxy.requests.slice(asked)).toEqual([]);
  }, 120_000);

  it('refuses a version that is too young, with the line that would let it through', async () => {
    await expect(preparing.prepare(TREE, {}, new MemoryJournal(), { rules: { installation: { minimumAge: 30 * 86_400_000, exceptions: [] }, now: () => new Date('2026-11-21T00:00:00Z') } })).rejects.toMatchObject({
      code: 'egress.denied', hint: expect.stringContaining('- "example.com/Leaf@v1.0.0" # asked for by go mod download'),
    });
  }, 120_000);

  it('fetches nothing where modules are part of the tree or none is named, and wants a go.sum', async () => {
    expect((await preparing.prepare({ ...TREE, 'vendor/modules.txt': '# example.com/branch v0.2.0\n' })).snapshot).toEqual({ id: null, parts: [] });
    expect((await preparing.prepare({ 'go.mod': 'module example.com/project\n' })).snapshot).toEqual({ id: null, parts: [] });
    await expect(preparing.prepare({ 'go.mod': GO_MOD })).rejects.toMatchObject({ code: 'setup.fetch_failed', message: 'Cannot fetch the modules of Go: go.mod names some and there is no go.sum' });
  });
});

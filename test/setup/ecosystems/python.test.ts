import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SandboxDriver } from '../../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../../support/journal.js';
import { Preparing } from '../../support/preparing.js';
import { type FakeIndex, startIndex, wheel } from '../../support/pypi.js';
import { type FakeRegistry, startRegistry } from '../../support/registry.js';
import { leftovers, remove, scratch, testDriver } from '../../support/sandbox.js';

/** The pip of the machine, in real sandboxes, against an index of this test. */
const BASIC = 'Basic dXNlcjp2ZXJ5LXNlY3JldC10b2tlbg==';
const [LEAF, BRANCH, OLD] = [wheel('leaf', '1.0.0', { code: 'NAME = "leaf"' }), wheel('branch_lib', '1.2.3', { code: 'import leaf\nNAME = "branch+" + leaf.NAME\ndef main(): print(NAME)', requires: ['leaf>=1', 'absent; sys_platform == "win32"'], scripts: { branch: 'branch_lib:main' } }), wheel('leaf', '0.9', {})];
let folder: string;
let index: FakeIndex;
let registry: FakeRegistry;
let driver: SandboxDriver;
let preparing: Preparing;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  index = await startIndex([LEAF, BRANCH, OLD, { file: 'sourced-1.0.tar.gz', body: Buffer.from('SOURCE') }], BASIC);
  registry = await startRegistry([{ name: 'leaf', version: '1.0.0', files: { 'index.js': 'module.exports = "leaf of npm"' } }]);
  preparing = new Preparing(folder, driver, { pypi: async () => ({ url: index.url, authorization: BASIC }), npm: async () => ({ url: registry.url, authorization: null }) });
});
afterAll(async () => {
  await driver.close();
  await index[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
});
afterEach(() => {
  index.intercept = null;
  index.form = 'html';
  expect(leftovers()).toEqual(before);
  expect(['snapshots', 'scratch'].flatMap((name) => (existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [])).filter((n) => !n.startsWith('snap_'))).toEqual([]);
});

const SEE = 'python3 -c "import branch_lib; print(branch_lib.NAME)"; branch; ls; echo $VIRTUAL_ENV; touch /opt/deps/x';
const SEEN = (files: string): string => `branch+leaf\nbranch+leaf\n${files}\n/opt/deps/python\ntouch: cannot touch '/opt/deps/x': Read-only file system\n`;
const FETCHED = (): object[] => [BRANCH, LEAF].map(({ file }) => ({ ecosystem: 'pypi', name: file === LEAF.file ? 'leaf' : 'branch-lib', version: file === LEAF.file ? '1.0.0' : '1.2.3', integrity: `sha256:${index.digest(file)}` }));
const uvLock = (): string => `version = 1
requires-python = ">=3.9"

[[package]]
name = "branch-lib"
version = "1.2.3"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "leaf" },
    { name = "absent", marker = "sys_platform == 'win32'" },
]
wheels = [
    { url = "https://files.example/${BRANCH.file}", hash = "sha256:${index.digest(BRANCH.file)}", size = 1 },
]

[[package]]
name = "leaf"
version = "1.0.0"
source = { registry = "https://index.example/simple" }
sdist = { url = "https://files.example/leaf-1.0.0.tar.gz", hash = "sha256:${'0'.repeat(64)}", size = 1 }
wheels = [
    { url = "https://files.example/${LEAF.file}", hash = "sha256:${index.digest(LEAF.file)}", size = 1 },
]

[[package]]
name = "project"
version = "0.1.0"
source = { virtual = "." }

[package.dev-dependencies]
dev = [
    { name = "branch-lib" },
]
`;
const poetryLock = (): string => `[[package]]
name = "branch-lib"
version = "1.2.3"
optional = false
python-versions = ">=3.6"
groups = ["main"]
files = [
    {file = "${BRANCH.file}", hash = "sha256:${index.digest(BRANCH.file)}"},
]

[package.dependencies]
leaf = ">=1"

[[package]]
name = "leaf"
version = "1.0.0"
optional = false
python-versions = ">=3.6"
groups = ["main"]
files = [
    {file = "${LEAF.file}", hash = "sha256:${index.digest(LEAF.file)}"},
]

[metadata]
lock-version = "2.1"
python-versions = "^3.9"
content-hash = "x"
`;
const pylock = (): string => `lock-version = "1.0"
created-by = "test"

${[['branch-lib', '1.2.3', BRANCH], ['leaf', '1.0.0', LEAF]].map(([name, version, file]) => `[[packages]]
name = "${name as string}"
version = "${version as string}"
wheels = [{ url = "https://files.example/x.whl", hashes = { sha256 = "${index.digest((file as { file: string }).file)}" } }]
`).join('\n')}`;

describe('packages of Python', () => {
  it.each<[string, () => Record<string, string>, 'html' | 'json']>([
    ['requirements with digests', () => ({ 'requirements.txt': `# made by pip-compile\n--index-url http://127.0.0.1:1/\n${index.pins([BRANCH.file])}-r requirements/more.txt\n`, 'requirements/more.txt': index.pins([LEAF.file]) }), 'html'],
    ['uv.lock', () => ({ 'uv.lock': uvLock(), 'pyproject.toml': '[project]\nname = "project"\n' }), 'json'],
    ['poetry.lock', () => ({ 'poetry.lock': poetryLock(), 'pyproject.toml': '[tool.poetry.dependencies]\npython = "^3.9"\nbranch_lib = "^1.2"\n' }), 'html'],
    ['pylock.toml', () => ({ 'pylock.toml': pylock() }), 'json'],
  ])('of %s are fetched, found by python3 and on the PATH, and lie outside of the tree', { timeout: 60_000 }, async (_, files, form) => {
    index.form = form;
    const prepared = await preparing.prepare(files());
    expect(await preparing.see(prepared, SEE)).toBe(SEEN([...new Set(Object.keys(files()).map((path) => path.split('/')[0]))].toSorted().join('\n')));
    const { journal, snapshot } = prepared;
    expect(snapshot).toEqual({ id: expect.any(String), parts: ['fetch'], dependencies: ['python'] });
    expect(journal.of('setup.fetched')[0]?.packages.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(FETCHED());
    expect(new Set(journal.of('egress.requested').map((e) => `${e.verdict} ${e.rule}`))).toEqual(new Set(['allow lockfile']));
    expect(new Set(index.requests.map((r) => r.authorization))).toEqual(new Set([BASIC]));
    expect(journal.text).not.toContain('dXNlcjp2');
  });

  it('and of npm are fetched in one sandbox', { timeout: 60_000 }, async () => {
    const prepared = await preparing.prepare({
      'requirements.txt': index.pins([LEAF.file, BRANCH.file]), 'package.json': '{"name":"x","version":"1.0.0","dependencies":{"leaf":"1.0.0"}}', 'package-lock.json': registry.lockfile([['leaf', '1.0.0']], { name: 'x' }),
    });
    expect(await preparing.see(prepared, 'branch; node -p "require(\'leaf\')"')).toBe('branch+leaf\nleaf of npm\n');
    const { journal } = prepared;
    expect([journal.of('sandbox.started').filter((s) => s.phase === 'fetch').length, journal.of('setup.fetched')[0]?.packages.map((p) => `${p.ecosystem} ${p.name}`).toSorted()]).toEqual([1, ['npm leaf', 'pypi branch-lib', 'pypi leaf']]);
  });

  it('may be added to by the setup script, which has no route', { timeout: 60_000 }, async () => {
    const prepared = await preparing.prepare({ 'requirements.txt': index.pins([LEAF.file]) }, { script: 'python3 -c "import leaf; open(\'/opt/deps/python/made\', \'w\').write(leaf.NAME)"; echo built > made' });
    expect(await preparing.see(prepared, 'cat /opt/deps/python/made made')).toBe('leafbuilt\n');
  });

  it('are chosen by pip where the environment allows it, with the digest that the index names', { timeout: 60_000 }, async () => {
    await expect(preparing.prepare({ 'requirements.txt': 'branch-lib\nleaf>=1\n' })).rejects.toMatchObject({ code: 'setup.fetch_failed', message: 'Cannot fetch dependencies: requirements.txt names "branch-lib" without --hash', hint: expect.stringContaining('resolve: true') });
    const { journal, ...prepared } = await preparing.prepare({ 'requirements.txt': 'branch-lib\nleaf>=1\n' }, { resolve: true });
    expect(await preparing.see(prepared, 'branch')).toBe('branch+leaf\n');
    expect([journal.of('setup.fetched')[0]?.packages.toSorted((a, b) => (a.name < b.name ? -1 : 1)), new Set(journal.of('egress.requested').map((e) => e.rule))]).toEqual([FETCHED(), new Set(['resolution-allowed'])]);
  });

  it('that are there as source alone are named in the error', { timeout: 60_000 }, async () => {
    await expect(preparing.prepare({ 'requirements.txt': `${index.pins([LEAF.file])}sourced==1.0 --hash=sha256:${index.digest('sourced-1.0.tar.gz')}\n` })).rejects.toMatchObject({
      code: 'setup.fetch_failed', message: expect.stringContaining('sourced 1.0 is there as source alone, and to install that would run its code while it is fetched: only wheels are'),
    });
  });

  it('with another digest are refused, and nothing is kept', { timeout: 60_000 }, async () => {
    index.intercept = (path, _, response) => path === `/files/${LEAF.file}` && response.end('TAMPERED');
    const journal = new MemoryJournal();
    await expect(preparing.prepare({ 'requirements.txt': index.pins([LEAF.file]) }, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect(journal.of('egress.requested').filter((e) => e.verdict === 'deny').map((e) => e.rule)).toContain('integrity');
  });

  it('that no lockfile names are fetched for nobody: a package that needs one fails', { timeout: 60_000 }, async () => {
    const journal = new MemoryJournal();
    await expect(preparing.prepare({ 'requirements.txt': index.pins([BRANCH.file]) }, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    await expect(preparing.prepare({ 'pylock.toml': pylock().split('\n\n').slice(0, 2).join('\n\n') }, {}, journal)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect(journal.of('egress.requested').filter((e) => e.verdict === 'deny').map((e) => [e.target, e.rule])).toContainEqual(['/pypi/simple/leaf/', 'not-in-lockfile']);
  });

  it('are none where nothing is named', async () => {
    for (const files of [{ 'requirements.txt': '# nothing\n' }, { 'pyproject.toml': '[project]\nname = "x"\ndependencies = ["leaf"]\n' }] as Record<string, string>[]) {
      expect((await preparing.prepare(files)).snapshot).toEqual({ id: null, parts: [] });
    }
  });
});

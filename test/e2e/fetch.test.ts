import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { type FakeIndex, installedWheel, startIndex, wheel } from '../support/pypi.js';
import { realRegistry } from '../support/preparing.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';

/** Changes of projects with other clients than npm, from the command line to the verdict. Registries are those of this test. */
describe('a check of a project whose packages are fetched', () => {
  let home: Home;
  let registry: FakeRegistry;
  const opened: FakeIndex[] = [];

  beforeAll(async () => {
    home = openHome();
    registry = await startRegistry([{ name: 'adder', version: '1.0.0', files: { 'index.js': 'module.exports = (a, b) => a + b' } }]);
    writeFileSync(join(home.folder, 'person/.npmrc'), `registry=${registry.url}/\n`);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    for (const index of opened) await index[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  /** A repository with a branch `mended` on which these files differ; gives the verdict and the cases. */
  async function check(name: string, files: Readonly<Record<string, string>>, mended: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
    const repo = join(home.folder, name);
    makeRepo(repo, files);
    personGit(repo, 'checkout', '--quiet', '-b', 'mended');
    write(repo, mended);
    commitAll(repo, 'mend');
    const ran = await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended', '--json'], { env });
    const evidence = JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence;
    return { code: ran.code, stderr: ran.stderr, cases: evidence.cases.map((c) => `${c.change} ${c.id}`), events: await home.events() };
  }

  it('by pnpm passes, and its scripts may call pnpm', { timeout: 180_000 }, async (context) => {
    registry.clients = await realRegistry(context);
    const lock = `lockfileVersion: '9.0'\n\nsettings:\n  autoInstallPeers: true\n  excludeLinksFromLockfile: false\n\nimporters:\n\n  .:\n    dependencies:\n      adder:\n        specifier: 1.0.0\n        version: 1.0.0\n\npackages:\n\n  adder@1.0.0:\n    resolution: {integrity: ${registry.integrity('adder', '1.0.0')}}\n\nsnapshots:\n\n  adder@1.0.0: {}\n`;
    const { events, ...result } = await check('by-pnpm', {
      'package.json': JSON.stringify({ name: 'sum', version: '1.0.0', packageManager: 'pnpm@9.15.9', dependencies: { adder: '1.0.0' }, scripts: { test: 'pnpm run unit', unit: 'node --test' } }), 'pnpm-lock.yaml': lock,
      'sum.js': 'module.exports = (list) => list.slice(1).reduce(require("adder"), 0)\n', 'sum.test.js': 'require("node:test")("adds", () => require("node:assert").equal(require("./sum.js")([1, 2]), 3))\n',
      'sallyport.yaml': 'version: 1\nchecks:\n  unit: { runner: node-test }\n  whole: { runner: command, command: pnpm test }\n',
    }, { 'sum.js': 'module.exports = (list) => list.reduce(require("adder"), 0)\n' });
    expect(result).toEqual({ code: 0, stderr: expect.any(String), cases: ['fixed sum.test.js > adds', 'fixed whole'] });
    expect(events.flatMap((e) => (e.type === 'setup.fetched' ? [e.data.packages.map((p) => `${p.ecosystem} ${p.name}@${p.version}`)] : []))).toEqual([['npm pnpm@9.15.9', 'npm adder@1.0.0']]);
  });

  it('of Python passes with the pytest that it locks', { timeout: 180_000 }, async (context) => {
    const wheels = ['pytest', 'pluggy', 'iniconfig', 'packaging', 'pygments'].map(installedWheel);
    if (!wheels.every((w) => w !== null)) return context.skip('the python3 of this machine has no pytest to make a wheel of');
    const adder = wheel('adder', '1.0.0', { code: 'def add(a, b): return a + b\n' });
    const index = await startIndex([...wheels, adder], `Basic ${Buffer.from('me:very-secret-token').toString('base64')}`);
    opened.push(index);
    const { events, ...result } = await check('by-pip', {
      'requirements.txt': index.pins([adder.file]), 'requirements-dev.txt': index.pins(wheels.map((w) => w.file)), 'pytest.ini': '[pytest]\n',
      'total.py': 'from adder import add\n\ndef total(items):\n    result = 0\n    for item in items[1:]:\n        result = add(result, item)\n    return result\n', 'test_total.py': 'from total import total\n\ndef test_all_count():\n    assert total([1, 2]) == 3\n',
    }, { 'total.py': 'from adder import add\n\ndef total(items):\n    result = 0\n    for item in items:\n        result = add(result, item)\n    return result\n' }, { PIP_INDEX_URL: index.url.replace('://', '://me:very-secret-token@') });
    expect(result).toEqual({ code: 0, stderr: expect.any(String), cases: ['fixed test_total.py > test_all_count'] });
    expect(events.flatMap((e) => (e.type === 'setup.fetched' ? e.data.packages.map((p) => p.name) : [])).toSorted()).toEqual(['adder', 'iniconfig', 'packaging', 'pluggy', 'pygments', 'pytest']);
    expect(JSON.stringify(events)).not.toMatch(/very-secret-token|bWU6dmVyeS1/);
  });

  it('of Python ends with what is missing where no index is configured', { timeout: 60_000 }, async () => {
    const repo = join(home.folder, 'no-index');
    makeRepo(repo, { 'requirements.txt': `a==1.0 --hash=sha256:${'0'.repeat(64)}\n` });
    personGit(repo, 'checkout', '--quiet', '-b', 'mended');
    write(repo, { x: 'x' });
    commitAll(repo, 'x');
    // The first pip3 of the PATH that says nothing: whatever this machine is configured for.
    writeFileSync(join(home.folder, 'pip3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const ran = await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended'], { env: { PATH: `${home.folder}:${home.env['PATH']}` } });
    expect(ran.stderr + ran.stdout).toContain('no index to fetch them from is configured');
    home.mayStay = true;
  });
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';

/** What a change does to packages, from the command line to the verdict. */
describe('a check of a change that adds packages', () => {
  let home: Home;
  let registry: FakeRegistry;

  beforeAll(async () => {
    home = openHome();
    registry = await startRegistry([
      { name: 'lib', version: '1.0.0', files: { 'index.js': 'module.exports = 1' } }, { name: 'lodahs', version: '1.0.0', files: { 'index.js': 'module.exports = 2' } }, { name: 'honest-helper', version: '2.0.0', files: { 'index.js': 'module.exports = 3' } },
    ]);
    writeFileSync(join(home.folder, 'person/.npmrc'), `registry=${registry.url}/\n`);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  const advisory = JSON.stringify({ id: 'GHSA-1', modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem: 'npm', name: 'another' }, versions: ['1.0.0'] }] });
  const project = (...names: readonly (readonly [string, string])[]): Record<string, string> => ({ 'package.json': JSON.stringify({ name: 'project', version: '1.0.0', dependencies: Object.fromEntries(names), scripts: { test: 'node --test' } }), 'package-lock.json': registry.lockfile(names) });
  async function check(name: string, head: Readonly<Record<string, string>>, packages = '{}'): Promise<Ran> {
    const repo = join(home.folder, name);
    makeRepo(repo, { ...project(['lib', '1.0.0']), 'sallyport.yaml': `version: 1\nadvisories: osv\nchecks:\n  unit: { runner: node-test, args: [] }\npackages: ${packages}\n`, 'osv/one.json': advisory, 'x.test.js': 'const test = require("node:test");\ntest("loads", () => require("lib"));\ntest("mended", () => require("./mended"));\n' });
    personGit(repo, 'checkout', '--quiet', '-b', 'mended');
    write(repo, { 'mended.js': '', ...head });
    commitAll(repo, 'mend');
    return await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended']);
  }
  const evidence = async (): Promise<Evidence> => JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence;
  const held = (found: Evidence): Record<string, string> => Object.fromEntries(found.conditions.filter((c) => c.id.startsWith('dependencies.')).map((c) => [c.id.replace('dependencies.', ''), c.holds]));
  const names = (text: string): string[] => (JSON.parse(text) as { components: { name: string; version: string }[] }).components.map((c) => `${c.name}@${c.version}`);
  const GOOD = { known: 'yes', malicious: 'yes', names: 'yes', confusion: 'yes', sources: 'yes', scripts: 'yes', advisories: 'yes' };

  it('passes one that is clean, and shows what was there before and after', { timeout: 120_000 }, async () => {
    const ran = await check('clean', project(['lib', '1.0.0'], ['honest-helper', '2.0.0']));
    const found = await evidence();
    expect([ran.code, found.verdict, held(found)]).toEqual([0, 'passed', GOOD]);
    expect(found.dependencies?.changes.map(({ state, name, version, direct, problems }) => ({ state, name, version, direct, problems }))).toEqual([{ state: 'added', name: 'honest-helper', version: '2.0.0', direct: true, problems: [] }]);
    expect(found.dependencies?.locks).toEqual([{ ecosystem: 'npm', path: 'package-lock.json', before: 1, after: 2 }]);
    expect([names((await home.sally(['sbom', 'last', '--base'])).stdout), names((await home.sally(['sbom', 'last', '--head'])).stdout)]).toEqual([['lib@1.0.0'], ['honest-helper@2.0.0', 'lib@1.0.0']]);
    expect((await home.sally(['show', 'last'])).stdout).toMatch(/packages +added {3}npm honest-helper 2\.0\.0 \(direct/);
    expect((await home.sally(['evidence', 'last'])).stdout).toContain('### Packages\n\n- `added   npm honest-helper 2.0.0 (direct');
  });

  it('fails one whose name is a slip of a well known one, though it can be fetched and every test passes', { timeout: 120_000 }, async () => {
    const ran = await check('squat', project(['lib', '1.0.0'], ['lodahs', '1.0.0']));
    const found = await evidence();
    expect([ran.code, found.verdict, held(found)]).toEqual([1, 'failed', { ...GOOD, names: 'no' }]);
    expect(found.conditions.filter((c) => c.holds === 'no').map((c) => c.detail)).toEqual(['lodahs@1.0.0: its name resembles "lodash", which is well known (two letters are exchanged).']);
    expect(found.cases.map((c) => c.change).sort()).toEqual(['fixed', 'passing']);
  });

  it('fails one that lists its own package for install scripts, and one whose licence the base does not allow', { timeout: 120_000 }, async () => {
    const head = project(['lib', '1.0.0'], ['honest-helper', '2.0.0']);
    const lock = JSON.parse(head['package-lock.json'] as string) as { packages: Record<string, object> };
    Object.assign(lock.packages['node_modules/honest-helper'] ?? {}, { license: 'GPL-3.0-only', hasInstallScript: true });
    await check('listed', { ...head, 'package-lock.json': JSON.stringify(lock), 'sallyport.yaml': 'version: 1\nsetup:\n  install_scripts: [honest-helper]\n' }, '{ licences: { allow: [MIT] } }');
    const found = await evidence();
    expect([found.verdict, held(found)]).toEqual(['failed', { ...GOOD, scripts: 'no', licences: 'no' }]);
    expect(found.dependencies?.changes.map(({ name, scripts, licence }) => [name, scripts, licence])).toEqual([['honest-helper', 'off', 'GPL-3.0-only']]);
  });

  it('fails a lockfile that leads a name to the tarball of another, and says nothing of a change without manifests', { timeout: 120_000 }, async () => {
    const head = project(['lib', '1.0.0'], ['honest-helper', '2.0.0']);
    const lock = JSON.parse(head['package-lock.json'] as string) as { packages: Record<string, object> };
    Object.assign(lock.packages['node_modules/honest-helper'] ?? {}, { resolved: `${registry.url}/lodahs/-/lodahs-1.0.0.tgz`, integrity: registry.integrity('lodahs', '1.0.0') });
    const poisoned = { ...head, 'package-lock.json': JSON.stringify(lock) };
    await check('poisoned', poisoned);
    expect((await evidence()).conditions.find((c) => c.id === 'dependencies.sources')).toEqual({ id: 'dependencies.sources', holds: 'no', detail: 'honest-helper@2.0.0: its address is that of "lodahs".' });
    await check('none', {});
    const found = await evidence();
    expect([found.dependencies, held(found)]).toEqual([null, {}]);
    const refused = await home.sally(['sbom', 'last', '--head']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('touches no manifest')]);
    home.mayStay = true;
  });
});

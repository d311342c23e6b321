import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';
import { startTls } from '../support/tls.js';

/** The rules for packages as a person meets them, from the command line to the verdict. */
describe('a check of a project under a minimum age of the installation', () => {
  let home: Home;
  let registry: FakeRegistry;
  const env = { SALLYPORT_MINIMUM_AGE: '3d' };

  beforeAll(async () => {
    home = openHome();
    const now = new Date().toISOString();
    registry = await startRegistry([
      { name: 'lib', version: '1.0.0', published: '2020-01-01T00:00:00.000Z', files: { 'index.js': 'module.exports = 1' } }, { name: 'lib', version: '1.0.1', published: now, files: { 'index.js': 'module.exports = 2' } },
      { name: 'lib', version: '1.0.2', published: now, files: { 'index.js': 'module.exports = 3' } },
    ]);
    writeFileSync(join(home.folder, 'person/.npmrc'), `registry=${registry.url}/\n`);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  const project = (version: string): Record<string, string> => ({ 'package.json': JSON.stringify({ name: 'project', version: '1.0.0', dependencies: { lib: version }, scripts: { test: 'node --test' } }), 'package-lock.json': registry.lockfile([['lib', version]]) });
  const FILES = { 'x.test.js': 'require("node:test")("loads", () => require("lib"))\n' };
  async function check(name: string, base: Readonly<Record<string, string>>, head: Readonly<Record<string, string>>, more: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const repo = join(home.folder, name);
    makeRepo(repo, { ...FILES, ...base });
    personGit(repo, 'checkout', '--quiet', '-b', 'mended');
    write(repo, head);
    commitAll(repo, 'mend');
    return await home.sally(['check', '--repo', repo, '--base', 'main', '--head', 'mended'], { env: { ...env, ...more } });
  }
  const problems = async (): Promise<string> => (JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence).conditions.map((c) => `${c.id} ${c.holds} ${c.detail}`).join('\n');

  it('ends with the lines to add where the base pins a version that is too young, and goes on where they were added', { timeout: 120_000 }, async () => {
    const refused = await check('young', project('1.0.1'), { 'a.txt': 'a' });
    expect(refused.code).toBe(3);
    expect(refused.stderr).toMatch(/lib@1\.0\.1 was published at .* and the minimum age is 3 days \[package\.too-young\], asked for by npm ci/);
    expect(refused.stderr).toContain('packages:\n  exempt:\n    - "lib@1.0.1" # asked for by npm ci');
    await check('young-by-name', { ...project('1.0.1'), 'sallyport.yaml': 'version: 1\npackages:\n  exempt: [lib]\n' }, { 'a.txt': 'a' }).then((ran) => expect(ran.code).toBe(3));
    await check('exempt', { ...project('1.0.1'), 'sallyport.yaml': 'version: 1\npackages:\n  exempt:\n    - "lib@1.0.1"\n' }, { 'a.txt': 'a' });
    expect((await home.events()).flatMap((e) => (e.type === 'egress.requested' ? [`${e.data.verdict} ${e.data.rule}`] : []))).toContain('allow package.exempt');
    expect((await home.events()).some((e) => e.type === 'gate.judged')).toBe(true);
  });

  it('takes the fix of an advisory at once, nothing above it, and nothing that a record calls malicious', { timeout: 120_000 }, async () => {
    const advisory = JSON.stringify({ id: 'GHSA-1', modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem: 'npm', name: 'lib' }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.0.1' }] }] }] });
    const environment = { 'sallyport.yaml': 'version: 1\nadvisories: osv\n', 'osv/one.json': advisory };
    await check('fix', { ...project('1.0.0'), ...environment }, project('1.0.1'));
    expect((await home.events()).flatMap((e) => (e.type === 'egress.requested' ? [`${e.data.verdict} ${e.data.rule}`] : []))).toContain('allow package.fixes-advisory');
    const above = await check('above', { ...project('1.0.0'), ...environment }, project('1.0.2'));
    expect([above.code, await problems()]).toEqual([7, expect.stringMatching(/"setup" on the head: npm could not fetch the dependencies; lib@1\.0\.2 was published at .*\[package\.too-young\]/)]);
    expect((await home.events()).flatMap((e) => (e.type === 'egress.requested' && e.data.verdict === 'deny' ? [[e.data.rule, e.data.denial?.line?.value]] : []))).toEqual([['package.too-young', 'lib@1.0.2']]);
    expect(await problems()).toContain('dependencies.age no lib@1.0.2: it is younger than the minimum age');
    const malicious = JSON.stringify({ id: 'MAL-2026-1', modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem: 'npm', name: 'lib' }, versions: ['1.0.1'] }] });
    await check('malicious', { ...project('1.0.0'), ...environment, 'osv/two.json': malicious }, project('1.0.1'));
    expect((await home.events()).flatMap((e) => (e.type === 'egress.requested' && e.data.verdict === 'deny' ? [[e.data.rule, e.data.denial?.line]] : []))).toEqual([['package.malicious', null]]);
    expect(await problems()).toContain('dependencies.malicious no lib@1.0.1: it is known to be malicious (MAL-2026-1)');
  });

  it('reaches a declared host of a private address where the installation allows it by name, and the agent and checks find what was fetched', { timeout: 120_000 }, async () => {
    await using server = await startTls(home.folder, ['localhost'], (_, response) => void response.end('fetched over tls'), 'localhost');
    const environment = { 'sallyport.yaml': `version: 1\nhosts: ["localhost:${server.port}"]\nsetup:\n  fetch: [curl -fsSk --noproxy '' https://localhost:${server.port}/x -o "$SALLYPORT_FETCHED/x"]\nchecks:\n  found: { runner: command, command: 'grep -q "over tls" /opt/deps/fetched/x && test -e fixed' }\n` };
    const refused = await check('private', environment, { fixed: '' });
    expect([refused.code, refused.stderr.includes(`SALLYPORT_ALLOW_HOSTS=localhost:${server.port}`), server.connections()]).toEqual([3, true, 0]);
    await check('allowed', environment, { fixed: '' }, { SALLYPORT_ALLOW_HOSTS: `localhost:${server.port}` });
    expect(server.requests).toEqual([`localhost:${server.port} /x`]);
    const { notChecked, cases } = JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence;
    expect([cases.map((c) => `${c.change} ${c.id}`), notChecked.includes('what commands of setup.fetch fetched')]).toEqual([['fixed found'], true]);
    expect((await home.events()).flatMap((e) => (e.type === 'egress.tunnelled' ? [`${e.data.verdict} ${e.data.rule} ${e.data.host}`] : []))).toEqual(['allow declared-host localhost']);
    home.mayStay = true;
  });
});

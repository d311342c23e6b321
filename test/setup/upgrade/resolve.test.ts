import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OsvRecord } from '../../../src/scan/advisories/osv.js';
import type { SandboxDriver } from '../../../src/sandbox/sandbox.js';
import { type FakePackage, type FakeRegistry, startRegistry } from '../../support/registry.js';
import { leftovers, remove, scratch, testDriver } from '../../support/sandbox.js';
import { advisory, project, Upgrading } from '../../support/upgrade.js';

const TOKEN = 'Bearer very-secret-registry-token';
const PACKAGES: readonly FakePackage[] = [
  { name: 'lib', version: '1.0.0', manifest: { license: 'MIT' } },
  { name: 'lib', version: '1.0.5', manifest: { license: 'MIT', dependencies: { fresh: '^1.0.0' } } },
  { name: 'lib', version: '1.0.6' },
  { name: 'lib', version: '2.0.0' },
  { name: 'lib', version: '2.0.1' },
  { name: 'fresh', version: '1.1.0', manifest: { dependencies: { deep: '1' } } },
  { name: 'fresh', version: '1.2.0', manifest: { deprecated: 'bad release', dependencies: { deep: '1' } } },
  { name: 'deep', version: '1.0.0' },
  { name: 'deep', version: '1.0.1' },
  { name: 'other', version: '1.0.0' },
  { name: 'other', version: '1.9.0' },
  { name: 'loose', version: '1.0.0', manifest: { dependencies: { lib: '^1.0.0' } } },
  { name: 'newer', version: '1.0.0', manifest: { dependencies: { lib: '^2.0.0' } } },
  { name: '@s/strict', version: '1.0.0', manifest: { dependencies: { lib: '1.0.0' } } },
  { name: 'tilde', version: '1.0.0', manifest: { dependencies: { lib: '~1.0.0 <1.0.5' } } },
  { name: 'picky', version: '1.0.0', manifest: { peerDependencies: { lib: '1.0.0' } } },
  { name: 'minimist', version: '0.0.8', manifest: { license: 'MIT' } },
  { name: 'minimist', version: '0.2.4', manifest: { license: 'MIT', funding: { url: 'https://example.com' } } },
  { name: 'minimist', version: '1.2.8' },
  { name: 'mkdirp', version: '0.5.1', manifest: { dependencies: { minimist: '0.0.8' }, bin: { mkdirp: 'bin/cmd.js' } }, files: { 'bin/cmd.js': '' } },
];
const LIB: readonly OsvRecord[] = [advisory('V-1', 'lib', [{ introduced: '0' }, { fixed: '1.0.5' }]), advisory('V-2', 'deep', [{ introduced: '1.0.1' }])];
const MINIMIST = [advisory('V-3', 'minimist', [{ introduced: '0' }, { fixed: '0.2.4' }, { introduced: '1.0.0' }, { fixed: '1.2.6' }])];

let folder: string;
let driver: SandboxDriver;
let registry: FakeRegistry;
let upgrading: Upgrading;
let before: ReturnType<typeof leftovers>;
beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  registry = await startRegistry(PACKAGES, TOKEN);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
  upgrading = new Upgrading(folder, driver, { url: registry.url, authorization: TOKEN });
});
afterEach(() => {
  expect(leftovers()).toEqual(before);
  expect(existsSync(join(folder, 'scratch')) ? readdirSync(join(folder, 'scratch')) : []).toEqual([]);
  expect(upgrading.journal.text).not.toContain('very-secret');
});

type Files = Record<string, string>;
const files = (manifest: object, locked: readonly (readonly [string, string])[], name = 'package-lock.json'): Files => {
  const whole = { name: 'project', version: '1.0.0', ...manifest };
  return { 'package.json': `${JSON.stringify(whole, null, 4)}\n`, [name]: `${JSON.stringify(JSON.parse(registry.lockfile(locked, whole)), null, 2)}\n` };
};
async function upgrade(of: Files, records: readonly OsvRecord[]): Promise<{ after: Files; plan: string[]; fetched: string[] }> {
  const from = project(of);
  const plan = await upgrading.plan(from, records);
  const after = await upgrading.resolve(from, plan, records);
  const fetched = await upgrading.ci(after);
  return { after, fetched, plan: [...plan.upgrades.map((u) => u.id), ...plan.impossible.map((i) => i.reason)] };
}

describe('an upgrade', () => {
  it('of a direct dependency brings what the new version needs, and moves nothing else', async () => {
    const of = files({ dependencies: { lib: '^1.0.0', other: '*' } }, [['lib', '1.0.0'], ['other', '1.0.0']]);
    const { after, plan, fetched } = await upgrade(of, LIB);
    expect([plan, fetched]).toEqual([['lib@1.0.5/direct'], ['deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5', 'other@1.0.0']]);
    expect(after['package.json']).toBe(of['package.json']?.replace('"lib": "^1.0.0"', '"lib": "^1.0.5"'));
    expect(JSON.parse(after['package-lock.json'] as string)).toEqual({
      name: 'project', version: '1.0.0', lockfileVersion: 3, requires: true, packages: {
        '': { name: 'project', version: '1.0.0', dependencies: { lib: '^1.0.5', other: '*' } },
        'node_modules/deep': { version: '1.0.0', integrity: registry.integrity('deep', '1.0.0') },
        'node_modules/fresh': { version: '1.1.0', integrity: registry.integrity('fresh', '1.1.0'), dependencies: { deep: '1' } },
        'node_modules/lib': { version: '1.0.5', integrity: registry.integrity('lib', '1.0.5'), license: 'MIT', dependencies: { fresh: '^1.0.0' } },
        'node_modules/other': { version: '1.0.0', integrity: registry.integrity('other', '1.0.0') },
      },
    });
  });

  it('stands on the log request by request, and asks for no tarball before the installation', async () => {
    const from = project(files({ dependencies: { lib: '1.0.0', other: '*' } }, [['lib', '1.0.0'], ['other', '1.0.0']]));
    await upgrading.resolve(from, await upgrading.plan(from, LIB), LIB);
    const events = upgrading.journal.of('egress.requested').map((e) => `${e.sandbox === 'host' ? 'host' : 'sandbox'} ${e.target} ${e.verdict} ${e.rule}`);
    expect([...new Set(events)].toSorted()).toEqual(['host /npm/lib allow version-list', 'sandbox /npm/deep allow new-dependency', 'sandbox /npm/fresh allow new-dependency', 'sandbox /npm/lib allow upgrade']);
    expect(upgrading.journal.of('command.started').map((c) => c.argv.slice(0, 3))).toContainEqual(['npm', 'install', '--package-lock-only']);
  });

  it('of what others ask for moves the lockfile alone', async () => {
    const of = files({ devDependencies: { loose: '1.0.0' }, dependencies: {} }, [['lib', '1.0.0'], ['loose', '1.0.0']]);
    const { after, plan, fetched } = await upgrade(of, [advisory('V-1', 'lib', [{ introduced: '0' }, { fixed: '1.0.6' }])]);
    expect([plan, fetched, after['package.json']]).toEqual([['lib@1.0.6/lock'], ['lib@1.0.6', 'loose@1.0.0'], of['package.json']]);
    const packages = JSON.parse(after['package-lock.json'] as string).packages;
    expect(packages).toEqual({ ...JSON.parse(of['package-lock.json'] as string).packages, 'node_modules/lib': { version: '1.0.6', integrity: registry.integrity('lib', '1.0.6'), dev: true } });
  });

  it('of what others pin is an override that npm obeys', async () => {
    const of = files({ dependencies: { mkdirp: '0.5.1' } }, [['minimist', '0.0.8'], ['mkdirp', '0.5.1']]);
    const { after, plan, fetched } = await upgrade(of, MINIMIST);
    expect([plan, fetched]).toEqual([['minimist@0.2.4/override'], ['minimist@0.2.4', 'mkdirp@0.5.1']]);
    expect(JSON.parse(after['package.json'] as string)).toEqual({ name: 'project', version: '1.0.0', dependencies: { mkdirp: '0.5.1' }, overrides: { mkdirp: { minimist: '0.2.4' } } });
    expect(after['package.json']).toContain('    },\n    "overrides": {\n        "mkdirp": {\n            "minimist": "0.2.4"\n        }\n    }\n}\n');
    const packages = JSON.parse(after['package-lock.json'] as string).packages;
    expect([packages['node_modules/minimist'].version, packages['node_modules/mkdirp']]).toEqual(['0.2.4', JSON.parse(of['package-lock.json'] as string).packages['node_modules/mkdirp']]);
  });

  it('of what several pin is one override that reaches all of them', async () => {
    const of = files({ dependencies: { '@s/strict': '1.0.0', tilde: '1.0.0', loose: '1.0.0' } }, [['@s/strict', '1.0.0'], ['lib', '1.0.0'], ['loose', '1.0.0'], ['tilde', '1.0.0']]);
    const { after, plan, fetched } = await upgrade(of, LIB);
    expect([plan, fetched]).toEqual([['lib@1.0.5/override'], ['@s/strict@1.0.0', 'deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5', 'loose@1.0.0', 'tilde@1.0.0']]);
    expect(JSON.parse(after['package.json'] as string).overrides).toEqual({ 'lib@1.0.0': '1.0.5' });
  });

  it('of what the project and others ask for reaches all of them', async () => {
    const of = files({ dependencies: { lib: '^1.0.0', '@s/strict': '1.0.0' }, overrides: { other: '1.0.0' } }, [['@s/strict', '1.0.0'], ['lib', '1.0.0']]);
    const { after, plan, fetched } = await upgrade(of, LIB);
    expect([plan, fetched]).toEqual([['lib@1.0.5/direct'], ['@s/strict@1.0.0', 'deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5']]);
    expect(JSON.parse(after['package.json'] as string).overrides).toEqual({ other: '1.0.0', '@s/strict': { lib: '1.0.5' } });
  });

  it('leaves another installed version of the package where it is', async () => {
    const of = files({ dependencies: { lib: '1.0.0', newer: '1.0.0' } }, [['lib', '1.0.0'], ['newer', '1.0.0']]);
    const lock = JSON.parse(of['package-lock.json'] as string);
    lock.packages['node_modules/newer/node_modules/lib'] = { version: '2.0.0', integrity: registry.integrity('lib', '2.0.0') };
    const { after, plan, fetched } = await upgrade({ ...of, 'package-lock.json': JSON.stringify(lock) }, LIB);
    expect([plan, fetched]).toEqual([['lib@1.0.5/direct'], ['deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5', 'lib@2.0.0', 'newer@1.0.0']]);
    expect(after['package-lock.json']).toContain('"node_modules/newer/node_modules/lib":{"version":"2.0.0"');
  });

  it('writes npm-shrinkwrap.json where that is the lockfile, and keeps version 2 with its addresses', async () => {
    const { 'package.json': manifest, 'npm-shrinkwrap.json': lock } = files({ dependencies: { lib: '1.0.0', other: '1.0.0' } }, [['lib', '1.0.0'], ['other', '1.0.0']], 'npm-shrinkwrap.json');
    const v2 = JSON.parse(lock as string);
    v2.lockfileVersion = 2;
    for (const name of ['lib', 'other']) v2.packages[`node_modules/${name}`] = { version: '1.0.0', resolved: `https://registry.example.com/${name}/-/${name}-1.0.0.tgz`, integrity: registry.integrity(name, '1.0.0') };
    v2.dependencies = { lib: v2.packages['node_modules/lib'], other: v2.packages['node_modules/other'] };
    const { after, plan, fetched } = await upgrade({ 'package.json': manifest as string, 'npm-shrinkwrap.json': JSON.stringify(v2, null, '\t') }, [advisory('V-1', 'lib', [{ introduced: '0' }, { fixed: '1.0.6' }])]);
    const lib = { version: '1.0.6', resolved: 'https://registry.example.com/lib/-/lib-1.0.6.tgz', integrity: registry.integrity('lib', '1.0.6') };
    expect([plan, fetched, Object.keys(after)]).toEqual([['lib@1.0.6/direct'], ['lib@1.0.6', 'other@1.0.0'], ['package.json', 'npm-shrinkwrap.json']]);
    expect(after['npm-shrinkwrap.json']).toBe(JSON.stringify({ ...v2, packages: { ...v2.packages, '': { ...v2.packages[''], dependencies: { lib: '1.0.6', other: '1.0.0' } }, 'node_modules/lib': lib }, dependencies: { ...v2.dependencies, lib } }, null, '\t'));
  });

  it('is made for several packages at once', async () => {
    const of = files({ dependencies: { lib: '^1.0.0', mkdirp: '0.5.1' } }, [['lib', '1.0.0'], ['minimist', '0.0.8'], ['mkdirp', '0.5.1']]);
    const { plan, fetched } = await upgrade(of, [...LIB, ...MINIMIST]);
    expect([plan, fetched]).toEqual([['lib@1.0.5/direct', 'minimist@0.2.4/override'], ['deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5', 'minimist@0.2.4', 'mkdirp@0.5.1']]);
  });
});

describe('an upgrade that cannot be made', () => {
  const direct = (): Files => files({ dependencies: { lib: '^1.0.0' } }, [['lib', '1.0.0']]);

  it('says what npm said when the registry takes the version back', async () => {
    const from = project(direct());
    const plan = await upgrading.plan(from, LIB);
    const gone = { ...plan, upgrades: plan.upgrades.map((u) => ({ ...u, to: '1.0.7', edits: [{ kind: 'range' as const, group: 'dependencies' as const, name: 'lib', range: '1.0.7' }] })) };
    await expect(upgrading.resolve(from, gone, LIB)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringMatching(/lib 1\.0\.7.*(ETARGET|No matching version)/s) });
  });

  it('says so when the old version would stay', async () => {
    const from = project(files({ dependencies: { lib: '^1.0.0', '@s/strict': '1.0.0' } }, [['@s/strict', '1.0.0'], ['lib', '1.0.0']]));
    const plan = await upgrading.plan(from, LIB);
    const half = { ...plan, upgrades: plan.upgrades.map((u) => ({ ...u, edits: u.edits.filter((e) => e.kind === 'range') })) };
    await expect(upgrading.resolve(from, half, LIB)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
  });

  it('fails with the registry, with nothing half done', async () => {
    const from = project(direct());
    const plan = await upgrading.plan(from, LIB);
    registry.intercept = (_, __, response) => response.writeHead(500).end();
    await expect(upgrading.resolve(from, plan, LIB)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    registry.intercept = null;
  });

  it('fails when package.json and the lockfile disagree: npm may fetch nothing else', async () => {
    const of = direct();
    const from = project({ ...of, 'package.json': JSON.stringify({ name: 'project', version: '1.0.0', dependencies: { lib: '^1.0.0', other: '1.0.0' } }) });
    await expect(upgrading.resolve(from, await upgrading.plan(from, LIB), LIB)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('other') });
    expect(upgrading.journal.of('egress.requested').filter((e) => e.verdict === 'deny').map((e) => [e.target, e.rule])).toEqual([['/npm/other', 'not-needed']]);
  });

  it('takes a peer into account', async () => {
    const of = files({ dependencies: { lib: '1.0.0', picky: '1.0.0' } }, [['lib', '1.0.0'], ['picky', '1.0.0']]);
    const lock = JSON.parse(of['package-lock.json'] as string);
    lock.packages['node_modules/picky'].peerDependencies = { lib: '1.0.0' };
    const { plan, fetched, after } = await upgrade({ ...of, 'package-lock.json': JSON.stringify(lock) }, LIB);
    expect([plan, fetched, JSON.parse(after['package.json'] as string).overrides]).toEqual([['lib@1.0.5/direct'], ['deep@1.0.0', 'fresh@1.1.0', 'lib@1.0.5', 'picky@1.0.0'], { picky: { lib: '1.0.5' } }]);
  });
});

import { describe, expect, it } from 'vitest';
import { matchAdvisories } from '../../../src/scan/advisories/match.js';
import { planUpgrades } from '../../../src/setup/upgrade/plan.js';
import type { NodeProject, UpgradeProject } from '../../../src/setup/upgrade/model.js';
import { pnpmProject } from '../../../src/setup/upgrade/pnpm.js';
import { pythonProject } from '../../../src/setup/upgrade/python.js';
import { yarnProject } from '../../../src/setup/upgrade/yarn.js';
import { uvInventory } from '../../../src/egress/locks/python-inventory.js';
import { advisory } from '../../support/upgrade.js';

const LIB = [advisory('V-1', 'lib', [{ introduced: '0' }, { fixed: '1.0.5' }])];
const texts = (files: Readonly<Record<string, string>>): Map<string, Buffer> => new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
function ways(project: UpgradeProject): string[] {
  const { upgrades, impossible } = planUpgrades({ project, hits: matchAdvisories({ records: LIB }, project.inventory.packages), advisories: { records: LIB }, versions: new Map([['lib', [{ version: '1.0.0' }, { version: '1.0.5' }, { version: '2.0.0' }]]]) });
  return [...upgrades.flatMap((u) => [u.id, ...u.edits.map((e) => (e.kind === 'range' ? `${e.group} ${e.name} ${e.range}` : `${e.path.join(' / ')} = ${e.version}`))]), ...impossible.map((i) => i.reason)];
}

const sri = '{integrity: sha512-AA==}';
const pnpm = (manifest: object, packages: Readonly<Record<string, readonly string[]>>, ranges: Readonly<Record<string, string>>, workspace?: string): NodeProject => pnpmProject(texts({
  'package.json': JSON.stringify({ dependencies: { top: '1' }, ...manifest }), ...(workspace === undefined ? {} : { 'pnpm-workspace.yaml': workspace }),
  'pnpm-lock.yaml': `lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      top: {specifier: '1', version: 1.0.0}\npackages:\n${Object.keys(packages).map((key) => `  '${key}': {resolution: ${sri}}\n`).join('')}snapshots:\n${Object.entries(packages).map(([key, needs]) => `  '${key}': {dependencies: {${needs.map((n) => `'${n.split('@')[0]}': '${n.split('@')[1]}'`).join(', ')}}}\n`).join('')}`,
}), (by, as) => ranges[`${by} ${as}`]);

describe('the way of an upgrade with pnpm', () => {
  const one = { 'top@1.0.0': ['lib@1.0.0'], 'lib@1.0.0': [] };
  it.each<[string, () => NodeProject, readonly string[]]>([
    ['is the lockfile where who asks allows it', () => pnpm({}, one, { 'top@1.0.0 lib': '^1.0.0' }), ['lib@1.0.5/lock']],
    ['is an override under who pins it', () => pnpm({}, one, { 'top@1.0.0 lib': '1.0.0' }), ['lib@1.0.5/override', 'top>lib = 1.0.5']],
    ['names the version of who asks where several are installed', () => pnpm({}, { ...one, 'top@2.0.0': [], }, { 'top@1.0.0 lib': '1.0.0' }), ['lib@1.0.5/override', 'top@1.0.0>lib = 1.0.5']],
    ['is one override where several pin the same', () => pnpm({}, { ...one, 'other@1.0.0': ['lib@1.0.0'] }, { 'top@1.0.0 lib': '1.0.0', 'other@1.0.0 lib': '1.0.0' }), ['lib@1.0.5/override', 'lib@1.0.0 = 1.0.5']],
    ['changes a rule that is there', () => pnpm({ pnpm: { overrides: { 'top@^1>lib': '1.0.0' } } }, one, { 'top@1.0.0 lib': '2.0.0' }), ['lib@1.0.5/override', 'top@^1>lib = 1.0.5']],
    ['changes a rule of pnpm-workspace.yaml', () => pnpm({}, one, { 'top@1.0.0 lib': '2.0.0' }, 'overrides:\n  lib: 1.0.0\n'), ['lib@1.0.5/override', 'lib = 1.0.5']],
  ])('%s', (_, project, plan) => {
    expect(ways(project())).toEqual(plan);
  });

  it.each<[string, () => NodeProject, readonly string[] | null]>([
    ['package.json', () => pnpm({}, one, {}), ['pnpm', 'overrides']], ['pnpm-workspace.yaml, where its rules are', () => pnpm({}, one, {}, 'overrides:\n  x: 1.0.0\n'), null],
    ['package.json beside a workspace without rules', () => pnpm({}, one, {}, 'hoist: true\n'), ['pnpm', 'overrides']], ['pnpm-workspace.yaml for pnpm 11', () => pnpm({ packageManager: 'pnpm@11.0.0' }, one, {}), null],
  ])('stands in %s', (_, project, at) => {
    expect(project().client.overridesAt).toEqual(at);
  });

  it('is none in a workspace of several packages', () => {
    const text = `lockfileVersion: '9.0'\nimporters:\n  .: {}\n  a: {}\n`;
    expect(() => pnpmProject(texts({ 'package.json': '{}', 'pnpm-lock.yaml': text }), () => undefined)).toThrow(expect.objectContaining({ code: 'input.invalid', message: expect.stringContaining('packages of the tree') }));
    expect(() => pnpmProject(texts({ 'package.json': '{}', 'pnpm-lock.yaml': 'lockfileVersion: 4\n' }), () => undefined)).toThrow(expect.objectContaining({ code: 'input.invalid', message: expect.stringContaining('pnpm-lock.yaml cannot be used') }));
  });
});

describe('the way of an upgrade with yarn', () => {
  const classic = (manifest: object, range: string): NodeProject => yarnProject(texts({
    'package.json': JSON.stringify({ dependencies: { '@s/top': '1' }, ...manifest }),
    'yarn.lock': `# yarn lockfile v1\n\n\n"@s/top@1":\n  version "1.0.0"\n  resolved "https://r.example/@s/top/-/top-1.0.0.tgz"\n  integrity sha512-AA==\n  dependencies:\n    lib "${range}"\n\nlib@${range}:\n  version "1.0.0"\n  resolved "https://r.example/lib/-/lib-1.0.0.tgz"\n  integrity sha512-AA==\n`,
  }));
  const berry = (manifest: object, range: string, more = ''): NodeProject => yarnProject(texts({
    'package.json': JSON.stringify({ dependencies: { top: '1' }, ...manifest }),
    'yarn.lock': `__metadata:\n  version: 8\n\n"lib@npm:${range}":\n  version: 1.0.0\n  resolution: "lib@npm:1.0.0"\n\n"me@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "me@workspace:."\n  dependencies:\n    top: "npm:1"\n\n"top@npm:1":\n  version: 1.0.0\n  resolution: "top@npm:1.0.0"\n  dependencies:\n    lib: "npm:${range}"\n${more}`,
  }));
  it.each<[string, () => NodeProject, readonly string[]]>([
    ['1 is the lockfile where who asks allows it', () => classic({}, '^1.0.0'), ['lib@1.0.5/lock']],
    ['1 is a resolution below who pins it', () => classic({}, '1.0.0'), ['lib@1.0.5/override', '**/@s/top/lib = 1.0.5']],
    ['1 changes a resolution that is there', () => classic({ resolutions: { '**/lib': '1.0.0' } }, '1.0.0'), ['lib@1.0.5/override', '**/lib = 1.0.5']],
    ['4 is the lockfile where who asks allows it', () => berry({}, '^1.0.0'), ['lib@1.0.5/lock']],
    ['4 is a resolution below who pins it', () => berry({}, '1.0.0'), ['lib@1.0.5/override', 'top/lib = 1.0.5']],
    ['4 names the version of who asks where several are installed', () => berry({}, '1.0.0', '\n"top@npm:2":\n  version: 2.0.0\n  resolution: "top@npm:2.0.0"\n'), ['lib@1.0.5/override', 'top@npm:1.0.0/lib = 1.0.5']],
    ['4 changes a resolution that is there', () => berry({ resolutions: { 'top@npm:1.0.0/lib': '1.0.0' } }, '1.0.0'), ['lib@1.0.5/override', 'top@npm:1.0.0/lib = 1.0.5']],
  ])('%s', (_, project, plan) => {
    expect(ways(project())).toEqual(plan);
  });
});

describe('the way of an upgrade of a package of Python', () => {
  const uv = (specifier: string, release = '1.0.5', client: 'uv' | 'poetry' = 'uv'): readonly string[] => {
    const packages = uvInventory(`[[package]]\nname = "me"\nversion = "0"\nsource = { virtual = "." }\n[package.metadata]\nrequires-dist = [{ name = "lib", specifier = "${specifier}" }]\n[[package]]\nname = "lib"\nversion = "1.0.0"\nsource = { registry = "x" }\n`);
    const records = [advisory('V-1', 'Lib', [], { affected: [{ package: { ecosystem: 'PyPI', name: 'Lib' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.0.5rc1' }] }] }] })];
    const hits = matchAdvisories({ records }, packages.map((p) => ({ ...p, ecosystem: 'PyPI' })));
    const { upgrades, impossible } = planUpgrades({ project: pythonProject({ client, path: 'uv.lock', packages }), hits, advisories: { records }, versions: new Map([['lib', ['1.0.5rc1', '1.0.5.dev1', '1.0.4', release, '1.0.10'].map((version) => ({ version }))]]) });
    return [...upgrades.flatMap((u) => [u.id, ...(u.specifiers ?? []).map((s) => `${s.from} → ${s.to}`)]), ...impossible.map((i) => i.reason)];
  };
  it('is the lockfile where pyproject.toml allows it, for uv another exact version where it has one, and closed otherwise', () => {
    expect([uv('>=1,<2'), uv('>=1,<2', '1.0.5.post1'), uv('==1.0.0'), uv('==1.0.0', '1.0.5', 'poetry'), uv('<1.0.1'), uv('what')]).toEqual([
      ['pypi:lib@1.0.5/lock'], ['pypi:lib@1.0.5.post1/lock'], ['pypi:lib@1.0.5/direct', '==1.0.0 → ==1.0.5'], [expect.stringMatching(/pyproject\.toml asks for lib==1\.0\.0, which does not allow 1\.0\.5/)], [expect.stringMatching(/lib<1\.0\.1/)], [expect.stringMatching(/pyproject\.toml asks for libwhat/)],
    ]);
  });
});

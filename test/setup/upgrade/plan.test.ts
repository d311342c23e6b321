import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ReleasedVersion } from '../../../src/egress/versions.js';
import { matchAdvisories } from '../../../src/scan/advisories/match.js';
import { type OsvRecord, readOsv } from '../../../src/scan/advisories/osv.js';
import { planUpgrades, type UpgradePlan } from '../../../src/setup/upgrade/plan.js';
import { npmProject } from '../../../src/setup/upgrade/project.js';
import { advisory, project } from '../../support/upgrade.js';

const BELOW = (fixed: string): OsvRecord => advisory('V-1', 'a', [{ introduced: '0' }, { fixed }]);
type Packages = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
interface Case { manifest?: object; packages: Packages; records?: readonly OsvRecord[]; versions?: readonly (string | ReleasedVersion)[]; others?: Readonly<Record<string, readonly string[]>> }
function plan({ manifest = {}, packages, records = [BELOW('1.0.5')], versions = ['1.0.0', '1.0.4', '1.0.5', '1.0.6', '2.0.0'], others = {} }: Case): UpgradePlan {
  const of = project({ 'package.json': JSON.stringify(manifest), 'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { '': manifest, ...packages } }) });
  const released = (list: readonly (string | ReleasedVersion)[]): ReleasedVersion[] => list.map((v) => (typeof v === 'string' ? { version: v } : v));
  return planUpgrades({ project: of, hits: matchAdvisories({ records }, of.inventory.packages), advisories: { records }, versions: new Map([['a', released(versions)], ...Object.entries(others).map(([name, list]) => [name, released(list)] as const)]) });
}
const at = (version: string, more: object = {}): Readonly<Record<string, unknown>> => ({ version, ...more });
const one = (of: UpgradePlan) => of.upgrades.map(({ to, how, note, edits }) => ({ to, how, note, edits: edits.map((e) => (e.kind === 'range' ? `${e.group} ${e.name} ${e.range}` : `${e.path.join(' > ')}: ${e.version}`)) }));
const why = (of: UpgradePlan) => of.impossible.map((i) => i.reason);

describe('the version that an upgrade goes to', () => {
  const to = (records: readonly OsvRecord[], versions: readonly (string | ReleasedVersion)[], from = '1.0.0') => {
    const made = plan({ manifest: { dependencies: { a: '*' } }, packages: { 'node_modules/a': at(from) }, records, versions });
    return made.upgrades.map((u) => u.to)[0] ?? why(made)[0];
  };
  it.each<[string, readonly OsvRecord[], readonly (string | ReleasedVersion)[], string]>([
    ['the smallest that is fixed', [BELOW('1.0.5')], ['2.0.0', '1.0.10', '1.0.9', '1.0.4'], '1.0.9'],
    ['above what a second advisory names', [BELOW('1.0.5'), advisory('V-2', 'a', [{ introduced: '1.0.5' }, { fixed: '1.0.7' }])], ['1.0.5', '1.0.6', '1.0.7', '1.0.8'], '1.0.7'],
    ['the same major first', [BELOW('1.9.0')], ['2.0.0', '1.9.0'], '1.9.0'],
    ['a later major when only that is fixed', [BELOW('2.0.0')], ['1.9.0', '2.0.0', '3.0.0'], '2.0.0'],
    ['no prerelease', [BELOW('1.0.5')], ['1.0.5-rc.1', '1.0.6-beta', '1.0.7'], '1.0.7'],
    ['none that is deprecated', [BELOW('1.0.5')], [{ version: '1.0.5', deprecated: true }, '1.0.6'], '1.0.6'],
    ['a later major before one that is deprecated', [BELOW('1.0.5')], [{ version: '1.0.5', deprecated: true }, '2.0.0'], '2.0.0'],
    ['one that is deprecated when there is no other', [BELOW('1.0.5')], ['1.0.0', { version: '1.0.5', deprecated: true }], '1.0.5'],
    ['never one below', [BELOW('0.9.0'), advisory('V-2', 'a', [{ introduced: '1.0.0' }])], ['0.9.5'], 'no later version is released'],
    ['nothing where all are affected', [advisory('V-1', 'a', [{ introduced: '0' }])], ['1.0.1', '2.0.0'], 'every later version is affected by a known advisory'],
    ['nothing where the registry knows nothing', [BELOW('1.0.5')], [], 'the registry does not know the package'],
    ['nothing of what is no version', [BELOW('1.0.5')], ['latest', '../x'], 'no later version is released'],
  ])('is %s', (_, records, versions, expected) => {
    expect(to(records, versions)).toBe(expected);
  });

  it('comes with what a person should know of it', () => {
    const direct = { manifest: { dependencies: { a: '^1.0.0' } }, packages: { 'node_modules/a': at('1.0.0') } };
    expect(one(plan({ ...direct, records: [BELOW('2.0.0')] }))).toEqual([{ to: '2.0.0', how: 'direct', note: 'a new major version: 1.0.0 → 2.0.0', edits: ['dependencies a ^2.0.0'] }]);
    expect(one(plan({ manifest: { dependencies: { a: '0.1.0' } }, packages: { 'node_modules/a': at('0.1.0') }, records: [BELOW('0.2.0')], versions: ['0.2.0'] }))).toEqual([{ to: '0.2.0', how: 'direct', note: 'below 1.0 a new minor version may break: 0.1.0 → 0.2.0', edits: ['dependencies a 0.2.0'] }]);
    expect(one(plan({ ...direct, versions: [{ version: '1.0.5', deprecated: true }] }))[0]?.note).toBe('1.0.5 is deprecated; no other is free of known advisories');
  });
});

describe('the way of an upgrade', () => {
  it('is the range of package.json, in every group that names the package', () => {
    expect(plan({ manifest: { dependencies: { a: '^1.0.0' }, devDependencies: { a: '1.0.0' }, peerDependencies: { a: '1.0.0' } }, packages: { 'node_modules/a': at('1.0.0') } })).toEqual({
      upgrades: [{
        id: 'a@1.0.5/direct', ecosystem: 'npm', package: 'a', from: ['1.0.0'], to: '1.0.5', advisories: ['V-1'], how: 'direct', note: '',
        edits: [{ kind: 'range', group: 'dependencies', name: 'a', range: '^1.0.5' }, { kind: 'range', group: 'devDependencies', name: 'a', range: '1.0.5' }],
      }],
      impossible: [],
    });
    expect(one(plan({ manifest: { dependencies: { a: '>=1' } }, packages: { 'node_modules/a': at('1.0.0') } }))).toEqual([{ to: '1.0.5', how: 'direct', note: 'package.json already allows 1.0.5 (>=1)', edits: [] }]);
    expect(one(plan({ manifest: { dependencies: { other: 'npm:a@^1.0.0' } }, packages: { 'node_modules/other': at('1.0.0', { name: 'a' }) } }))).toEqual([{ to: '1.0.5', how: 'direct', note: '', edits: ['dependencies other npm:a@^1.0.5'] }]);
  });

  it('is the lockfile alone when everybody who asks allows it', () => {
    expect(one(plan({ manifest: { dependencies: { p: '1' } }, packages: { 'node_modules/p': at('1.0.0', { dependencies: { a: '^1.0.0' } }), 'node_modules/a': at('1.0.0', { dev: true }) } }))).toEqual([{ to: '1.0.5', how: 'lock', note: '', edits: [] }]);
  });

  it('is an override under the one package that does not allow it', () => {
    const packages = { 'node_modules/p': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/q': at('1.0.0', { dependencies: { a: '^1.0.0' } }), 'node_modules/a': at('1.0.0') };
    expect(one(plan({ packages }))).toEqual([{ to: '1.0.5', how: 'override', note: '', edits: ['p > a: 1.0.5'] }]);
  });

  it('is an override by range when several packages do not allow it', () => {
    const packages = { 'node_modules/p': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/q': at('1.0.0', { dependencies: { a: '~1.0.0 <1.0.5' } }), 'node_modules/r': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/a': at('1.0.0') };
    // The two ranges have 1.0.0 in common, so one rule reaches both: npm compares them so.
    expect(one(plan({ packages }))).toEqual([{ to: '1.0.5', how: 'override', note: '', edits: ['a@1.0.0: 1.0.5'] }]);
  });

  it('overrides below each package where the project asks for the package too: npm refuses it at the top', () => {
    const packages = { 'node_modules/p': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/@s/q': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/a': at('1.0.0') };
    expect(one(plan({ manifest: { dependencies: { a: '^1.0.0' } }, packages }))).toEqual([{ to: '1.0.5', how: 'direct', note: 'also overrides what p > a, @s/q > a asks for', edits: ['dependencies a ^1.0.5', 'p > a: 1.0.5', '@s/q > a: 1.0.5'] }]);
  });

  it('does not touch what another version of the same package asks for', () => {
    const packages = {
      'node_modules/p': at('1.0.0', { dependencies: { a: '1.0.0' } }), 'node_modules/a': at('1.0.0'),
      'node_modules/q/node_modules/p': at('2.0.0', { dependencies: { a: '2.0.0' } }), 'node_modules/q/node_modules/a': at('2.0.0'), 'node_modules/q': at('1.0.0', { dependencies: { p: '2' } }),
    };
    expect(one(plan({ packages }))).toEqual([{ to: '1.0.5', how: 'override', note: '', edits: ['a@1.0.0: 1.0.5'] }]);
    expect(why(plan({ packages, manifest: { dependencies: { a: '1.0.0' } } }))).toEqual(['p asks for a@1.0.0, and no override reaches it without changing what others get']);
  });

  it('keeps to the overrides that are there', () => {
    const packages = { 'node_modules/p': at('1.0.0', { dependencies: { a: '0.0.1' } }), 'node_modules/a': at('1.0.0') };
    const edits = (overrides: object) => one(plan({ packages, manifest: { overrides } })).map((u) => [u.how, ...u.edits]);
    expect(edits({ a: '1.0.0' })).toEqual([['override', 'a: 1.0.5']]);
    expect(edits({ a: '^1.0.0' })).toEqual([['lock']]);
    expect(edits({ a: '$a' })).toEqual([['lock']]);
    expect(edits({ p: { a: '1.0.0' } })).toEqual([['override', 'p > a: 1.0.5']]);
    expect(edits({ 'p@1': { '.': '1.0.0', a: '1.0.0' } })).toEqual([['override', 'p@1 > a: 1.0.5']]);
    expect(edits({ 'a@0.0.1': '1.0.0' })).toEqual([['override', 'a@0.0.1: 1.0.5']]);
    expect(edits({ 'a@2': '2.0.0', b: '1', p: '1.0.0' })).toEqual([['override', 'p > a: 1.0.5']]);
    expect(edits({ '__proto__': { a: '1.0.0' }, x: { y: { z: 5 } } })).toEqual([['override', 'p > a: 1.0.5']]);
  });

  it('lets an override that repeats the range of package.json go along: npm refuses two that differ', () => {
    const edits = (range: string) => one(plan({ manifest: { dependencies: { a: range }, overrides: { a: range } }, packages: { 'node_modules/a': at('1.0.0') } })).map((u) => [u.how, u.note, ...u.edits]);
    expect([edits('^1.0.0'), edits('1.0.0')]).toEqual([[['direct', '', 'dependencies a ^1.0.5', 'a: ^1.0.5']], [['direct', '', 'dependencies a 1.0.5', 'a: 1.0.5']]]);
  });

  it('is not there where the package cannot be exchanged by itself', () => {
    expect(why(plan({ packages: { 'node_modules/p': at('1.0.0', { dependencies: { a: '1' } }), 'node_modules/p/node_modules/a': at('1.0.0', { inBundle: true }) } }))).toEqual(['it comes inside another package (node_modules/p/node_modules/a), which must be upgraded']);
    expect(plan({ manifest: { dependencies: { a: 'latest' } }, packages: { 'node_modules/a': at('1.0.0') } })).toEqual({ upgrades: [], impossible: [{ package: 'a', version: '1.0.0', advisories: ['V-1'], reason: 'package.json: "latest" is not a range of versions' }] });
  });

  it('is one for two versions that go to the same, and two for those that do not', () => {
    const packages = { 'node_modules/p': at('1.0.0', { dependencies: { a: '^1.0.1' } }), 'node_modules/p/node_modules/a': at('1.0.1'), 'node_modules/q': at('1.0.0', { dependencies: { a: '^1.0.0' } }), 'node_modules/a': at('1.0.0'), 'node_modules/r': at('1.0.0', { dependencies: { a: '^2.0.0' } }), 'node_modules/r/node_modules/a': at('2.0.0') };
    const records = [BELOW('1.0.5'), advisory('V-0', 'a', [{ introduced: '1.0.1' }, { fixed: '1.0.2' }, { introduced: '2.0.0' }, { fixed: '2.0.1' }])];
    expect(plan({ packages, records, versions: ['1.0.5', '2.0.1'] }).upgrades.map((u) => [u.id, u.from, u.advisories, u.how])).toEqual([['a@1.0.5/lock', ['1.0.0', '1.0.1'], ['V-0', 'V-1'], 'lock'], ['a@2.0.1/lock', ['2.0.0'], ['V-0'], 'lock']]);
  });

  it('needs something installed: a hit of something else is left aside', () => {
    const of = project({ 'package.json': '{}', 'package-lock.json': '{"lockfileVersion":3,"packages":{"":{}}}' });
    expect(planUpgrades({ project: of, hits: [{ id: 'x', aliases: [], package: '__proto__', version: '1.0.0', severity: null, summary: '', fixed: [] }], advisories: { records: [] }, versions: new Map() })).toEqual({ upgrades: [], impossible: [] });
  });
});

describe('the vulnerable shop', () => {
  const shop = join(import.meta.dirname, '../../../examples/vulnerable-shop');
  const read = (name: string): string => readFileSync(join(shop, name), 'utf8');
  const records = readdirSync(join(shop, 'advisories')).flatMap((name) => {
    const found = readOsv(JSON.parse(read(`advisories/${name}`)));
    return 'record' in found ? [found.record] : [];
  });

  it('has two packages that its snapshot names, and an upgrade for each', () => {
    const of = project({ 'package.json': read('package.json'), 'package-lock.json': read('package-lock.json') });
    const hits = matchAdvisories({ records }, of.inventory.packages);
    expect(hits.map((h) => `${h.package} ${h.version} ${h.id} ${h.severity}`)).toEqual([
      'lodash 4.17.15 GHSA-29mw-wpgm-hmr9 moderate', 'lodash 4.17.15 GHSA-35jh-r3h4-6jhm high', 'lodash 4.17.15 GHSA-f23m-r3pf-42rh moderate', 'lodash 4.17.15 GHSA-p6mc-m468-83gw high', 'lodash 4.17.15 GHSA-r5fr-rjxr-66jc high', 'lodash 4.17.15 GHSA-xxjr-mmjv-4gpg moderate',
      'minimist 0.0.8 GHSA-vh95-rmgr-6w4m moderate', 'minimist 0.0.8 GHSA-xvch-5gv4-984h critical',
    ]);
    const versions = new Map([['lodash', ['4.17.15', '4.17.19', '4.17.20', '4.17.21', '4.17.23', '4.18.0', '4.18.1']], ['minimist', ['0.0.8', '0.0.10', '0.1.0', '0.2.0', '0.2.1', '0.2.3', '0.2.4', '1.2.0', '1.2.6', '1.2.8']]].map(([name, list]) => [name as string, (list as string[]).map((version) => ({ version }))]));
    expect(planUpgrades({ project: of, hits, advisories: { records }, versions }).upgrades.map((u) => [u.id, u.edits.length])).toEqual([['lodash@4.18.0/direct', 1], ['minimist@0.2.4/override', 1]]);
  });
});

describe('what cannot be upgraded', () => {
  const good = { 'package.json': '{"dependencies":{"a":"1"}}', 'package-lock.json': '{"lockfileVersion":3,"packages":{}}' };
  const lock = (packages: object, version = 3): string => JSON.stringify({ lockfileVersion: version, packages });
  it.each<[string, Record<string, string>, RegExp]>([
    ['no package.json', { 'package-lock.json': good['package-lock.json'] }, /no package.json/],
    ['no lockfile', { 'package.json': '{}' }, /no package-lock.json/],
    ['a lockfile of version 1', { ...good, 'package-lock.json': '{"lockfileVersion":1,"dependencies":{}}' }, /version 2 or 3/],
    ['a lockfile of the future', { ...good, 'package-lock.json': lock({}, 4) }, /version 2 or 3/],
    ['a lockfile that is not JSON', { ...good, 'package-lock.json': '<<<<<<< HEAD' }, /version 2 or 3/],
    ['workspaces', { ...good, 'package.json': '{"workspaces":["a"]}' }, /workspaces/],
    ['packages of the tree', { ...good, 'package-lock.json': lock({ 'node_modules/a': { link: true, resolved: 'a' }, a: { version: '1.0.0' } }) }, /packages of the tree/],
    ['a package.json that is not JSON', { ...good, 'package.json': '{' }, /not JSON/],
    ['a package.json that is a list', { ...good, 'package.json': '[]' }, /not what npm expects/],
    ['dependencies that are a list', { ...good, 'package.json': '{"dependencies":["a"]}' }, /dependencies is not/],
  ])('is said, with what can: %s', (_, files, reason) => {
    expect(() => npmProject(new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])))).toThrow(expect.objectContaining({ code: 'input.invalid', message: expect.stringMatching(reason) }));
  });

  it('prefers npm-shrinkwrap.json, as npm does', () => {
    expect(project({ ...good, 'npm-shrinkwrap.json': good['package-lock.json'] }).lockfile.path).toBe('npm-shrinkwrap.json');
  });
});

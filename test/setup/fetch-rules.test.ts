import { describe, expect, it } from 'vitest';
import type { PackageVersion } from '../../src/egress/package-rules.js';
import { EnvironmentSpec, milliseconds } from '../../src/protocol/environment.js';
import { type OsvRecord, readOsv } from '../../src/scan/advisories/osv.js';
import { fetchRules, type FetchRulesInput } from '../../src/setup/fetch-rules.js';

const NOW = new Date('2026-01-10T00:00:00Z');
function record(id: string, ecosystem: string, name: string, affected: object, more: object = {}): OsvRecord {
  const read = readOsv({ id, modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem, name }, ...affected }], ...more });
  if ('problem' in read) throw new Error(read.problem);
  return read.record;
}
const made = (records: readonly OsvRecord[], packages: object = {}, more: Partial<FetchRulesInput> = {}) => fetchRules({ spec: EnvironmentSpec.parse({ version: 1, packages }), installation: { minimumAge: 0, exceptions: [] }, records, base: [], now: () => NOW, ...more }).packages;
const npm = (name: string, version: string): PackageVersion => ({ ecosystem: 'npm', name, version });
const pypi = (name: string, version: string): PackageVersion => ({ ecosystem: 'pypi', name, version });
const ALL = { ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }] };

describe('records of malicious packages', () => {
  it('refuse what they name, of npm and of Python in every spelling, and no entry of a repository lifts it', () => {
    const rules = made([
      record('MAL-2026-1', 'npm', 'all-bad', ALL), record('MAL-2026-2', 'npm', 'one-bad', { versions: ['2.0.0'] }), record('MAL-2026-3', 'PyPI', 'Py.Bad', { versions: ['1.0'] }),
      record('MAL-2026-4', 'PyPI', 'py-all', { ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }] }), record('GHSA-aaaa', 'npm', 'aliased', ALL, { aliases: ['CVE-2026-1', 'MAL-2026-5'] }), record('GHSA-bbbb', 'npm', 'flawed', ALL),
    ], { exempt: ['all-bad', 'all-bad@1.0.0'] });
    const judged = [npm('all-bad', '1.0.0'), npm('one-bad', '1.0.0'), npm('one-bad', '2.0.0'), pypi('py_bad', '1.0.0'), pypi('py-bad', '1.1'), pypi('py-all', '7'), npm('aliased', '1.0.0'), npm('flawed', '1.0.0'), npm('py-all', '7.0.0')];
    expect(judged.map((of) => /MAL-\d+-\d+/.exec(rules.judge(of)?.why ?? '')?.[0] ?? null)).toEqual(['MAL-2026-1', null, 'MAL-2026-2', 'MAL-2026-3', null, 'MAL-2026-4', 'MAL-2026-5', null, null]);
  });

  it('hold for modules of Go, whose versions have no v in advisories, and for crates, whose names are exact', () => {
    const range = { ranges: [{ type: 'SEMVER', events: [{ introduced: '1.0.0' }, { fixed: '1.2.0' }] }] };
    const rules = made([record('MAL-2026-7', 'Go', 'example.com/Bad', range), record('MAL-2026-8', 'crates.io', 'bad-crate', range)]);
    const of: PackageVersion[] = [{ ecosystem: 'go', name: 'example.com/Bad', version: 'v1.1.0' }, { ecosystem: 'go', name: 'example.com/Bad', version: 'v1.2.0' }, { ecosystem: 'go', name: 'example.com/bad', version: 'v1.1.0' }, { ecosystem: 'cargo', name: 'bad-crate', version: '1.1.0' }, { ecosystem: 'cargo', name: 'bad_crate', version: '1.1.0' }];
    expect(of.map((one) => rules.judge(one)?.rule ?? null)).toEqual(['package.malicious', null, null, 'package.malicious', null]);
  });

  it('hold for every version where they do not say which', () => {
    expect(made([record('MAL-2026-6', 'npm', 'unclear', {})]).judge(npm('unclear', '1.0.0'))?.rule).toBe('package.malicious');
  });
});

describe('a version that fixes an advisory of the base', () => {
  const flaw = record('GHSA-1', 'npm', 'a', { ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.0.5' }] }] });
  const later = record('GHSA-2', 'npm', 'a', { versions: ['1.0.5'], ranges: [{ type: 'SEMVER', events: [{ introduced: '1.0.5' }, { fixed: '1.0.6' }] }] });
  const python = record('PYSEC-1', 'PyPI', 'lib', { versions: ['1.0.0'], ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.1.0' }] }] });

  it.each<[string, readonly OsvRecord[], readonly PackageVersion[], PackageVersion, string]>([
    ['the release that is named as the fix', [flaw], [npm('a', '1.0.0')], npm('a', '1.0.5'), 'package.fixes-advisory'],
    ['a release above the fix, which anybody may have made since', [flaw], [npm('a', '1.0.0')], npm('a', '1.0.6'), 'package.too-young'],
    ['the fix of what the base does not install', [flaw], [npm('b', '1.0.0')], npm('a', '1.0.5'), 'package.too-young'],
    ['the fix of what the base has fixed', [flaw], [npm('a', '1.0.5')], npm('a', '1.0.5'), 'package.too-young'],
    ['a fix that has a flaw itself', [flaw, later], [npm('a', '1.0.0')], npm('a', '1.0.5'), 'package.too-young'],
    ['without advisories', [], [npm('a', '1.0.0')], npm('a', '1.0.5'), 'package.too-young'],
    ['a fix of Python, spelled in another way', [python], [pypi('Lib', '1.0')], pypi('lib', '1.1'), 'package.fixes-advisory'],
  ])('%s', (_, records, base, of, rule) => {
    expect(made(records, { minimum_age: '3d' }, { base }).judgeAge(of, NOW).rule).toBe(rule);
  });
});

describe('a declared host', () => {
  it('is an exact name; addresses and patterns are refused when the environment is read', () => {
    expect(fetchRules({ spec: EnvironmentSpec.parse({ version: 1, hosts: ['a.example', 'b.example:8443'] }), installation: { minimumAge: 0, exceptions: ['x'] }, records: [], base: [] })).toMatchObject({ hosts: [{ name: 'a.example', port: 443 }, { name: 'b.example', port: 8443 }], exceptions: ['x'] });
    for (const wrong of ['*.example', '10.0.0.1', '10.0.0.1:443', '0x7f.0x1', '[::1]:443', 'A.example', 'a.example:0', 'https://a.example', 'a.example.', '']) expect(() => EnvironmentSpec.parse({ version: 1, hosts: [wrong] })).toThrow();
    expect(() => fetchRules({ spec: { ...EnvironmentSpec.parse({ version: 1 }), hosts: ['a.example:99999'] }, installation: { minimumAge: 0, exceptions: [] }, records: [], base: [] })).toThrow('Cannot use the host "a.example:99999"');
  });
});

describe('a span of time', () => {
  it('is hours, days or weeks, or none', () => {
    expect(([0, '0', '36h', '3d', '2w'] as const).map(milliseconds)).toEqual([0, 0, 129_600_000, 259_200_000, 1_209_600_000]);
    for (const wrong of ['3', '3 d', '-3d', '03d', '3m', '3.5d', 3, '12345d', '']) expect(() => EnvironmentSpec.parse({ version: 1, packages: { minimum_age: wrong } })).toThrow();
  });
});

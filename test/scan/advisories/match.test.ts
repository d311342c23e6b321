import { describe, expect, it } from 'vitest';
import { baseScore, ratingOf } from '../../../src/scan/advisories/cvss.js';
import { indexAdvisories, isAffected, matchAdvisories } from '../../../src/scan/advisories/match.js';
import { type OsvAffected, type OsvRecord, readOsv } from '../../../src/scan/advisories/osv.js';

type Events = Readonly<Record<string, string>>[];
const entry = (events: Events, more: Partial<OsvAffected> = {}, type = 'SEMVER'): OsvAffected => ({ package: { ecosystem: 'npm', name: 'a' }, ranges: [{ type, events }], versions: [], ...more });
function record(value: object): OsvRecord {
  const read = readOsv({ id: 'X-1', modified: '2026-01-01T00:00:00Z', ...value });
  if ('problem' in read) throw new Error(read.problem);
  return read.record;
}

describe('a record', () => {
  it('is read with what is needed of it, and without the rest', () => {
    expect(record({ id: 'GHSA-1', schema_version: '9', details: 'long', aliases: null, severity: [{ type: 'CVSS_V3', score: 'x', source: 's' }], affected: [{ package: { ecosystem: 'npm', name: 'a', purl: 'p' }, versions: ['1.0.0'], ranges: null }], database_specific: { severity: 'HIGH', more: 1 } })).toEqual({
      id: 'GHSA-1', modified: '2026-01-01T00:00:00Z', aliases: [], summary: '', severity: [{ type: 'CVSS_V3', score: 'x' }], affected: [{ package: { ecosystem: 'npm', name: 'a' }, versions: ['1.0.0'], ranges: [] }], database_specific: { severity: 'HIGH' },
    });
  });

  it('may lack everything but its id and date, and is cut where it is too long', () => {
    expect(record({ summary: 'x'.repeat(5000) })).toEqual({ id: 'X-1', modified: '2026-01-01T00:00:00Z', aliases: [], summary: 'x'.repeat(300), severity: [], affected: [] });
  });

  it.each<[string, unknown]>([
    ['nothing', null], ['a text', 'x'], ['no id', { modified: '2026-01-01T00:00:00Z' }], ['an id with blanks', { id: 'a b', modified: '2026-01-01T00:00:00Z' }], ['an id with control characters', { id: 'a\u001b[2J', modified: '2026-01-01T00:00:00Z' }],
    ['no date', { id: 'a' }], ['a date that is none', { id: 'a', modified: 'yesterday' }], ['events that are a text', { id: 'a', modified: '2026-01-01T00:00:00Z', affected: [{ ranges: [{ type: 'SEMVER', events: 'x' }] }] }],
    ['a version of a megabyte', { id: 'a', modified: '2026-01-01T00:00:00Z', affected: [{ versions: ['1'.repeat(1_000_000)] }] }], ['too many aliases', { id: 'a', modified: '2026-01-01T00:00:00Z', aliases: new Array(2000).fill('x') }],
  ])('is refused with a reason: %s', (_, value) => {
    expect(readOsv(value)).toEqual({ problem: expect.stringMatching(/./) });
  });
});

describe('the evaluation of a range', () => {
  it.each<[string, string, Events, string]>([
    ['below the fix', '1.2.2', [{ introduced: '0' }, { fixed: '1.2.3' }], 'yes'],
    ['at the fix', '1.2.3', [{ introduced: '0' }, { fixed: '1.2.3' }], 'no'],
    ['a prerelease of the fix', '1.2.3-rc.1', [{ introduced: '0' }, { fixed: '1.2.3' }], 'yes'],
    ['before the introduction', '0.9.0', [{ introduced: '1.0.0' }, { fixed: '1.2.3' }], 'no'],
    ['a prerelease of the introduction', '1.0.0-rc.1', [{ introduced: '1.0.0' }], 'no'],
    ['the first version of all', '0.0.0', [{ introduced: '0' }], 'yes'],
    ['at the last affected', '1.5.0', [{ introduced: '0' }, { last_affected: '1.5.0' }], 'yes'],
    ['after the last affected', '1.5.1', [{ introduced: '0' }, { last_affected: '1.5.0' }], 'no'],
    ['introduced again', '2.1.0', [{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '2.0.0' }, { fixed: '2.2.0' }], 'yes'],
    ['between two introductions', '1.9.0', [{ introduced: '0' }, { fixed: '1.0.0' }, { introduced: '2.0.0' }, { fixed: '2.2.0' }], 'no'],
    ['in another order', '1.9.0', [{ fixed: '2.2.0' }, { introduced: '2.0.0' }, { fixed: '1.0.0' }, { introduced: '0' }], 'no'],
    ['fixed and introduced again at once', '1.0.0', [{ introduced: '1.0.0' }, { fixed: '1.0.0' }, { introduced: '0' }], 'yes'],
    ['numbers, not texts', '1.10.0', [{ introduced: '0' }, { fixed: '1.9.0' }], 'no'],
    ['without an end', '99.0.0', [{ introduced: '1.0.0' }], 'yes'],
    ['never introduced', '1.0.0', [{ fixed: '2.0.0' }], 'no'],
    ['no event', '1.0.0', [], 'no'],
    ['below the limit', '1.0.0', [{ introduced: '0' }, { limit: '2.0.0' }], 'yes'],
    ['at the limit', '2.0.0', [{ introduced: '0' }, { limit: '2.0.0' }], 'no'],
    ['an endless limit', '2.0.0', [{ introduced: '0' }, { limit: '*' }], 'yes'],
    ['short versions', '1.1.0', [{ introduced: '1' }, { fixed: '1.2' }], 'yes'],
    ['both ends in one event', '1.1.0', [{ introduced: '1.0.0', fixed: '1.2.0' }], 'yes'],
    ['after both ends in one event', '1.2.0', [{ introduced: '1.0.0', fixed: '1.2.0' }], 'no'],
    ['build metadata', '1.2.3+build', [{ introduced: '0' }, { fixed: '1.2.3' }], 'no'],
    ['an event that cannot be read', '1.0.0', [{ introduced: '0' }, { fixed: 'soon' }], 'unknown'],
    ['an empty event', '1.0.0', [{ introduced: '0' }, {}], 'unknown'],
    ['a version that is none', 'main', [{ introduced: '0' }], 'unknown'],
    ['a commit', '1.0.0', [{ introduced: '0' }, { fixed: 'a'.repeat(40) }], 'unknown'],
  ])('%s: %s', (_, version, events, expected) => {
    expect([isAffected(version, entry(events)), isAffected(version, entry(events, {}, 'ECOSYSTEM'))]).toEqual([expected, expected]);
  });

  it.each<[string, string, OsvAffected, string]>([
    ['a version that is listed', '1.0.0', entry([{ fixed: '0.1.0' }], { versions: ['1.0.0'] }), 'yes'],
    ['a list alone', '1.0.1', entry([], { ranges: [], versions: ['1.0.0'] }), 'no'],
    ['nothing at all', '1.0.0', entry([], { ranges: [] }), 'unknown'],
    ['commits alone', '1.0.0', entry([{ introduced: '0' }], {}, 'GIT'), 'unknown'],
    ['commits beside a range', '2.0.0', entry([], { ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }, { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '2.0.0' }] }] }), 'no'],
    ['one of two ranges', '1.0.0', entry([], { ranges: [{ type: 'SEMVER', events: [{ introduced: '2.0.0' }] }, { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.1.0' }] }] }), 'yes'],
    ['a kind of range that is not known', '1.0.0', entry([{ introduced: '0' }], {}, 'NEW'), 'unknown'],
    ['another ecosystem by list', '1.0.post1', { package: { ecosystem: 'Packagist', name: 'a' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }], versions: ['1.0.post1'] }, 'yes'],
    ['another ecosystem, not in its list', '2.0', { package: { ecosystem: 'Packagist', name: 'a' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }], versions: ['1.0'] }, 'no'],
    ['PyPI by its ranges', '1.0.post1', { package: { ecosystem: 'PyPI', name: 'a' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.1rc1' }] }], versions: ['0.9'] }, 'yes'],
    ['PyPI above its ranges', '1.1', { package: { ecosystem: 'PyPI', name: 'a' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.1rc1' }] }], versions: ['0.9'] }, 'no'],
    ['PyPI by another spelling of a version', '1.0.0', { package: { ecosystem: 'PyPI', name: 'a' }, ranges: [], versions: ['1.0'] }, 'yes'],
    ['another ecosystem without a list', '2.0', { package: { ecosystem: 'Packagist', name: 'a' }, ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }] }], versions: [] }, 'unknown'],
  ])('%s', (_, version, affected, expected) => {
    expect(isAffected(version, affected)).toBe(expected);
  });
});

describe('matching', () => {
  const a = record({ id: 'B-2', aliases: ['CVE-1'], summary: 's', affected: [entry([{ introduced: '0' }, { fixed: '1.5.0' }]), entry([{ introduced: '2.0.0' }, { fixed: '2.3.0' }])], database_specific: { severity: 'MEDIUM' } });
  const b = record({ id: 'A-1', affected: [entry([{ introduced: '0' }])], severity: [{ type: 'CVSS_V4', score: 'CVSS:4.0/AV:N' }, { type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }] });
  const other = record({ id: 'C-3', affected: [{ package: { ecosystem: 'npm', name: 'A' }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }] }, { package: null, ranges: [] }] });

  it('names what is affected once, in order, with the fixes above it', () => {
    const packages = [{ name: 'a', version: '2.0.0' }, { name: 'a', version: '1.0.0' }, { name: 'a', version: '1.0.0' }, { name: 'toString', version: '1.0.0' }, { name: '__proto__', version: '1.0.0' }];
    const hit = (id: string, version: string, fixed: string[]): object => (id === 'B-2' ? { id, aliases: ['CVE-1'], package: 'a', version, severity: 'moderate', summary: 's', fixed } : { id, aliases: [], package: 'a', version, severity: 'critical', summary: '', fixed });
    expect(matchAdvisories({ records: [a, b, other] }, packages)).toEqual([hit('A-1', '1.0.0', []), hit('B-2', '1.0.0', ['1.5.0', '2.3.0']), hit('A-1', '2.0.0', []), hit('B-2', '2.0.0', ['2.3.0'])]);
  });

  it('takes the newer of two records with the same id', () => {
    const newer = record({ id: 'A-1', modified: '2026-02-01T00:00:00Z', affected: [entry([{ introduced: '0' }, { fixed: '1.0.0' }])] });
    expect([matchAdvisories({ records: [newer, b] }, [{ name: 'a', version: '1.0.0' }]), matchAdvisories({ records: [b, newer] }, [{ name: 'a', version: '1.0.0' }])]).toEqual([[], []]);
  });

  it('tells what is neither affected nor clean', () => {
    const index = indexAdvisories([record({ id: 'U-1', affected: [entry([{ introduced: '0' }], {}, 'GIT')] }), a]);
    expect([index.unknown({ name: 'a', version: '1.6.0' }), index.hits({ name: 'a', version: '1.6.0' })]).toEqual([['U-1'], []]);
  });

  it('knows the spellings of a name of PyPI, and keeps ecosystems apart', () => {
    const index = indexAdvisories([record({ id: 'P-1', affected: [{ package: { ecosystem: 'PyPI', name: 'Zope.Interface' }, versions: ['1.0'] }] })]);
    expect(['zope-interface', 'ZOPE__interface', 'zope'].map((name) => index.hits({ ecosystem: 'PyPI', name, version: '1.0' }).length)).toEqual([1, 1, 0]);
    expect(index.hits({ name: 'zope-interface', version: '1.0' })).toEqual([]);
  });
});

describe('CVSS', () => {
  it.each<[string, number | null, string | null]>([
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', 9.8, 'critical'], // CVE-2021-44906
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:L/I:L/A:L', 5.6, 'moderate'], // CVE-2020-7598
    ['CVSS:3.1/AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H', 7.2, 'high'], // CVE-2021-23337
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L', 5.3, 'moderate'], // CVE-2020-28500
    ['CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:H', 7.4, 'high'], // CVE-2020-8203
    ['CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N', 6.1, 'moderate'], // the usual reflected XSS
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H', 10, 'critical'], // CVE-2021-44228
    ['CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', 7.5, 'high'], // CVE-2014-0160
    ['CVSS:3.0/AV:L/AC:H/PR:L/UI:N/S:C/C:H/I:N/A:N', 5.6, 'moderate'], // CVE-2017-5753
    ['CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H', 8.2, 'high'],
    ['CVSS:3.0/AV:P/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N', 2.4, 'low'],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:N', 0, null],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O', 9.8, 'critical'],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H', null, null],
    ['CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', null, null],
    ['CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:toString/I:H/A:H', null, null],
    ['CVSS:2.0/AV:N/AC:L/Au:N/C:P/I:P/A:P', null, null],
    ['CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N', null, null],
    ['', null, null],
  ])('%s', (vector, score, rating) => {
    const found = baseScore(vector);
    expect([found, found === null ? null : ratingOf(found)]).toEqual([score, rating]);
  });
});

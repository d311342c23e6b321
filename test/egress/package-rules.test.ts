import { describe, expect, it } from 'vitest';
import { packageRules, type PackageRulesOptions, type PackageVersion } from '../../src/egress/package-rules.js';

const NOW = new Date('2026-01-10T00:00:00Z');
const HOUR = 3_600_000;
const rules = (options: Partial<PackageRulesOptions>) => packageRules({ minimumAge: 0, floor: 0, exempt: [], deny: [], malicious: () => null, fixes: () => null, now: () => NOW, ...options });
const npm = (name: string, version = '1.0.0'): PackageVersion => ({ ecosystem: 'npm', name, version });
const pypi = (name: string, version = '1.0.0'): PackageVersion => ({ ecosystem: 'pypi', name, version });
const ago = (hours: number): Date => new Date(NOW.getTime() - hours * HOUR);

describe('the minimum age', () => {
  it.each<[string, Partial<PackageRulesOptions>, PackageVersion, Date | null, string | null]>([
    ['old enough to the millisecond', { minimumAge: 72 * HOUR }, npm('a'), ago(72), null],
    ['a moment too young', { minimumAge: 72 * HOUR }, npm('a'), new Date(ago(72).getTime() + 1), 'package.too-young'],
    ['published in the future', { minimumAge: HOUR }, npm('a'), ago(-1), 'package.too-young'],
    ['of no known time', { minimumAge: HOUR }, npm('a'), null, 'package.too-young'],
    ['under the floor of the installation', { minimumAge: HOUR, floor: 72 * HOUR }, npm('a'), ago(24), 'package.too-young'],
    ['over the floor and under that of the environment', { minimumAge: 72 * HOUR, floor: HOUR }, npm('a'), ago(24), 'package.too-young'],
    ['exempt by name', { minimumAge: 72 * HOUR, exempt: ['a'] }, npm('a'), ago(1), 'package.exempt'],
    ['exempt by name, of no known time', { minimumAge: 72 * HOUR, exempt: ['a'] }, npm('a'), null, 'package.exempt'],
    ['exempt by name, under the floor', { minimumAge: 72 * HOUR, floor: 24 * HOUR, exempt: ['a'] }, npm('a'), ago(1), 'package.too-young'],
    ['exempt by name, over the floor', { minimumAge: 72 * HOUR, floor: 24 * HOUR, exempt: ['a'] }, npm('a'), ago(30), 'package.exempt'],
    ['exempt by name, of no known time under a floor', { floor: 24 * HOUR, exempt: ['a'] }, npm('a'), null, 'package.too-young'],
    ['exempt by version, under the floor', { floor: 24 * HOUR, exempt: ['@s/a@1.0.0'] }, npm('@s/a'), ago(1), 'package.exempt'],
    ['exempt in another version', { floor: 24 * HOUR, exempt: ['@s/a@1.0.1'] }, npm('@s/a'), ago(1), 'package.too-young'],
    ['a scope alone', { minimumAge: HOUR, exempt: ['@s'] }, npm('@s/a'), ago(0), 'package.too-young'],
    ['spelled in another way, of Python', { minimumAge: HOUR, exempt: ['My_Lib@1.0'] }, pypi('my-lib', '1.0.0'), ago(0), 'package.exempt'],
    ['spelled in another way, of npm', { minimumAge: HOUR, exempt: ['My_Lib'] }, npm('my-lib'), ago(0), 'package.too-young'],
    ['the fix of an advisory', { floor: HOUR, fixes: (of) => (of.version === '1.0.0' ? 'GHSA-1' : null) }, npm('a'), ago(0), 'package.fixes-advisory'],
  ])('judges one that is %s', (_, options, of, published, rule) => {
    const made = rules(options);
    expect([made.judgesAge, made.judge(of), made.judgeAge(of, published).rule]).toEqual([true, null, rule]);
  });

  it('says what is needed', () => {
    expect([rules({ minimumAge: 72 * HOUR }).judgeAge(npm('a'), ago(50)), rules({ floor: HOUR }).judgeAge(npm('a'), null)]).toEqual([
      { rule: 'package.too-young', why: 'a@1.0.0 was published at 2026-01-07T22:00:00.000Z, 2 days and 2 hours ago, and the minimum age is 3 days' },
      { rule: 'package.too-young', why: 'the registry does not say when a@1.0.0 was published, and the minimum age is 1 hour' },
    ]);
  });
});

describe('what is never fetched', () => {
  it('is what is denied, and before that what is known to be malicious', () => {
    const made = rules({ deny: ['bad', 'old@1.0.0', 'Py_Bad'], malicious: (of) => (of.name === 'evil' ? 'MAL-2026-1' : null), exempt: ['evil', 'evil@1.0.0', 'bad'] });
    expect([npm('bad'), npm('old'), npm('old', '1.0.1'), npm('evil'), pypi('py-bad'), npm('py-bad'), npm('constructor')].map((of) => made.judge(of)?.why ?? null)).toEqual([
      'bad@1.0.0 is on the list packages.deny of the environment', 'old@1.0.0 is on the list packages.deny of the environment', null, 'evil@1.0.0 is known to be malicious (MAL-2026-1)',
      'py-bad@1.0.0 is on the list packages.deny of the environment', null, null,
    ]);
    expect(made.judgesAge).toBe(false);
  });
});

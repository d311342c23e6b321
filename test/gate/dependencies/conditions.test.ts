import { describe, expect, it } from 'vitest';
import { dependencyConditions } from '../../../src/gate/dependencies/conditions.js';
import { judge, type Unjudged } from '../../../src/gate/judge.js';
import type { Dependencies, Dependency } from '../../../src/protocol/dependencies.js';
import { Evidence } from '../../../src/protocol/evidence.js';
import { evidenceOf } from '../evidence.js';

const ADDED: Dependency = { state: 'added', ecosystem: 'npm', name: 'thing', version: '1.0.0', from: [], direct: true, source: 'registry', address: null, scripts: 'none', licence: 'MIT', problems: [] };
const KNOWN = { source: 'osv', newest: '2026-11-20T00:00:00Z', ageDays: 1, problem: null, results: [] };
const DAY = 86_400_000;
const dependencies = (more: Partial<Dependencies> = {}): Dependencies => ({ problem: null, locks: [], changes: [ADDED], more: 0, rules: { minimumAge: 0, advisoryAge: 0, licences: false }, sbom: { base: null, head: null }, ...more });
const against = (rule: Dependency['problems'][number]['rule'], holds: 'no' | 'unknown'): Partial<Dependencies> => ({ changes: [{ ...ADDED, problems: [{ rule, holds, why: 'so it is' }] }] });
const evidence = (found: Unjudged['dependencies'], more: Partial<Unjudged> = {}): Unjudged => evidenceOf({ dependencies: found, advisories: KNOWN, ...more });
const held = (given: Unjudged): Record<string, string> => Object.fromEntries(dependencyConditions(given).map((c) => [c.id.replace('dependencies.', ''), c.holds]));
const GOOD = { known: 'yes', malicious: 'yes', names: 'yes', confusion: 'yes', sources: 'yes', scripts: 'yes', advisories: 'yes' };

describe('conditions over the packages that a change brings', () => {
  it.each<[string, Unjudged, Record<string, string>]>([
    ['nothing that names packages is touched', evidence(null), {}],
    ['nobody looked', evidence(undefined), { known: 'unknown' }],
    ['a manifest is touched, and no package', evidence(dependencies({ changes: [] })), { known: 'yes' }],
    ['a package is gone', evidence(dependencies({ changes: [{ ...ADDED, state: 'removed' }] })), { known: 'yes' }],
    ['a package is added', evidence(dependencies()), GOOD],
    ['one side cannot be read', evidence(dependencies({ problem: 'of the head: no', changes: [] })), { known: 'unknown' }],
    ['it is malicious', evidence(dependencies(against('malicious', 'no'))), { ...GOOD, malicious: 'no' }],
    ['its name resembles another', evidence(dependencies(against('names', 'no'))), { ...GOOD, names: 'no' }],
    ['its name was not held against others', evidence(dependencies(against('names', 'unknown'))), { ...GOOD, names: 'unknown' }],
    ['it is mistaken for an internal one', evidence(dependencies(against('confusion', 'no'))), { ...GOOD, confusion: 'no' }],
    ['it comes from elsewhere', evidence(dependencies(against('sources', 'no'))), { ...GOOD, sources: 'no' }],
    ['nobody pins it', evidence(dependencies(against('sources', 'unknown'))), { ...GOOD, sources: 'unknown' }],
    ['the change lists its scripts', evidence(dependencies(against('scripts', 'no'))), { ...GOOD, scripts: 'no' }],
    ['an advisory names it', evidence(dependencies(against('advisories', 'no'))), { ...GOOD, advisories: 'no' }],
    ['an advisory may mean it', evidence(dependencies(against('advisories', 'unknown'))), { ...GOOD, advisories: 'unknown' }],
    ['no advisories are configured', evidence(dependencies(), { advisories: { source: null, newest: null, ageDays: null, problem: null, results: [] } }), { ...GOOD, advisories: 'unknown' }],
    ['the advisories do not count', evidence(dependencies(), { advisories: { ...KNOWN, problem: 'torn' } }), { ...GOOD, advisories: 'unknown' }],
    ['the advisories are too old', evidence(dependencies({ rules: { minimumAge: 0, advisoryAge: DAY, licences: false } }), { advisories: { ...KNOWN, ageDays: 2 } }), { ...GOOD, advisories: 'unknown' }],
    ['the advisories have no date', evidence(dependencies({ rules: { minimumAge: 0, advisoryAge: DAY, licences: false } }), { advisories: { ...KNOWN, ageDays: null } }), { ...GOOD, advisories: 'unknown' }],
    ['the advisories are young enough', evidence(dependencies({ rules: { minimumAge: 0, advisoryAge: DAY, licences: false } })), GOOD],
    ['it was too young to be fetched', evidence(dependencies({ ...against('age', 'no'), rules: { minimumAge: DAY, advisoryAge: 0, licences: false } })), { ...GOOD, age: 'no' }],
    ['its age was not asked', evidence(dependencies({ rules: { minimumAge: DAY, advisoryAge: 0, licences: false } })), { ...GOOD, age: 'unknown' }],
    ['it is old enough', evidence(dependencies({ rules: { minimumAge: DAY, advisoryAge: 0, licences: false } }), { environment: { ...evidenceOf().environment, headSnapshot: 'snap' } }), { ...GOOD, age: 'yes' }],
    ['its licence is not allowed', evidence(dependencies({ ...against('licences', 'no'), rules: { minimumAge: 0, advisoryAge: 0, licences: true } })), { ...GOOD, licences: 'no' }],
    ['its licence is not known', evidence(dependencies({ ...against('licences', 'unknown'), rules: { minimumAge: 0, advisoryAge: 0, licences: true } })), { ...GOOD, licences: 'unknown' }],
    ['its licence is allowed', evidence(dependencies({ rules: { minimumAge: 0, advisoryAge: 0, licences: true } })), { ...GOOD, licences: 'yes' }],
  ])('%s', (_, given, expected) => {
    expect(held(given)).toEqual(expected);
  });

  it('decide the verdict, and name the package', () => {
    expect([judge(evidence(dependencies())).verdict, judge(evidence(dependencies(against('names', 'no')))).verdict, judge(evidence(dependencies(against('sources', 'unknown')))).verdict]).toEqual(['passed', 'failed', 'unverified']);
    expect(judge(evidence(dependencies(against('names', 'no')))).conditions.find((c) => c.id === 'dependencies.names')?.detail).toBe('thing@1.0.0: so it is.');
    expect(judge(evidence(dependencies({ more: 3 }))).conditions.find((c) => c.id === 'dependencies.known')?.detail).toBe('Packages: 1 added, and 3 that are not listed.');
  });

  it('evidence of before there was this part can still be read', () => {
    const { dependencies: _, ...older } = evidenceOf();
    expect(Evidence.parse({ ...older, conditions: [], verdict: 'passed' }).dependencies).toBeUndefined();
    const many = dependencies({ changes: Array.from({ length: 1001 }, () => ADDED) });
    expect(Evidence.safeParse({ ...older, dependencies: many, conditions: [], verdict: 'passed' }).success).toBe(false);
  });
});

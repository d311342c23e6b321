import { describe, expect, it } from 'vitest';
import { judge, type Unjudged } from '../../src/gate/judge.js';
import type { AdvisoryResult, Remedy, ScanResult, Target } from '../../src/protocol/evidence.js';
import { evidenceOf, nodeRun } from './evidence.js';

const green = { base: [nodeRun(['passed t.test.js > b'])], head: [nodeRun(['passed t.test.js > b'])], red: [] };
const result = (more: Partial<ScanResult> = {}): ScanResult => ({ rule: 'js/x', level: 'error', message: 'm', path: 'src/a.js', line: 3, fingerprint: 'f1', state: 'absent', cwe: null, ...more });
const hit = (more: Partial<AdvisoryResult> = {}): AdvisoryResult => ({ id: 'GHSA-1', aliases: [], package: 'p', version: '1.0.0', severity: 'high', summary: 's', fixed: ['1.0.1'], state: 'absent', ...more });
const finding: Target = { kind: 'finding', rule: 'js/x', path: 'src/a.js', line: 3, fingerprint: 'f1' };
const advisory: Target = { kind: 'advisory', id: 'GHSA-1', package: 'p', version: '1.0.0' };
const remedy = (target: Target, more: Partial<Remedy> = {}): Remedy => ({ id: 'r', title: 'mend x', targets: [target], kept: true, reason: null, ...more });
const scan = (results: ScanResult[], problem: string | null = null): Unjudged['scan'] => ({ ran: true, problem, results, sarif: null });
const known = (results: AdvisoryResult[], problem: string | null = null): Unjudged['advisories'] => ({ source: 'set', newest: '2026-01-01T00:00:00Z', ageDays: 3, problem, results });
const outcome = (more: Partial<Unjudged>): string => {
  const { verdict, conditions } = judge(evidenceOf({ checks: green, ...more }));
  return [verdict, ...conditions.filter((c) => c.holds !== 'yes').map((c) => `${c.id}=${c.holds}`)].join(' ');
};
const nothing = { files: [], head: { commit: 'c1', tree: 't1' } };

describe('the work of the remediator', () => {
  it.each<[string, Partial<Unjudged>, string]>([
    ['a finding that is gone', { remedies: [remedy(finding)], scan: scan([result()]) }, 'passed'],
    ['a finding and an advisory that are gone', { remedies: [remedy(finding), remedy(advisory)], scan: scan([result()]), advisories: known([hit()]) }, 'passed'],
    ['a finding that is still there', { remedies: [remedy(finding)], scan: scan([result({ state: 'unchanged' })]) }, 'failed proof.targets_gone=no'],
    ['a finding that nobody saw on the base', { remedies: [remedy(finding)], scan: scan([]) }, 'failed proof.targets_gone=no'],
    ['another rule with its fingerprint', { remedies: [remedy(finding)], scan: scan([result({ rule: 'js/y' })]) }, 'failed proof.targets_gone=no'],
    ['a scan that does not count', { remedies: [remedy(finding)], scan: scan([result()], 'cut') }, 'failed scan.none_new=unknown tests.not_weakened=unknown proof.targets_gone=no'],
    ['an advisory that is still there', { remedies: [remedy(advisory)], advisories: known([hit({ state: 'unchanged' })]) }, 'failed proof.targets_gone=no'],
    ['advisories that do not count', { remedies: [remedy(advisory)], advisories: known([hit()], 'unreadable') }, 'failed advisories.none_new=unknown proof.targets_gone=no'],
    ['an upgrade to a version with an advisory of its own', { remedies: [remedy(advisory)], advisories: known([hit(), hit({ id: 'GHSA-2', version: '1.0.1', state: 'new' })]) }, 'failed advisories.none_new=no'],
    ['a change without a target', { remedies: [remedy(finding, { kept: false, reason: 'it breaks a' })], scan: scan([result()]) }, 'failed proof.targets_gone=no'],
    ['a test that broke', { remedies: [remedy(finding)], scan: scan([result()]), checks: { ...green, head: [nodeRun(['failed t.test.js > b'])] } }, 'failed tests.ran=unknown cases.none_broken=no'],
    ['no test', { remedies: [remedy(finding)], scan: scan([result()]), checks: { base: [], head: [], red: [] } }, 'unverified checks.same=unknown checks.believable.head=unknown checks.believable.base=unknown tests.ran=unknown'],
    ['nothing to do', nothing, 'passed'],
    ['nothing to do as far as an unfinished scan tells', { ...nothing, scan: scan([], 'cut') }, 'unverified remedies.none_left=unknown'],
    ['nothing that could be kept', { ...nothing, remedies: [remedy(finding, { kept: false, reason: 'it breaks a' })] }, 'failed remedies.none_left=no'],
  ])('with %s', (_what, more, expected) => {
    expect(outcome({ agent: 'remediator', ...more })).toBe(expected);
  });
});

describe('an upgrade by an agent', () => {
  it.each<[string, Unjudged['advisories'], string]>([
    ['an advisory that is gone', known([hit()]), 'passed'],
    ['one gone, one left', known([hit(), hit({ id: 'GHSA-2', state: 'unchanged' })]), 'passed'],
    ['none gone', known([hit({ state: 'unchanged' })]), 'failed advisory.gone=no'],
    ['none that applied', known([]), 'unverified advisory.gone=unknown'],
    ['a new one', known([hit(), hit({ version: '9.0.0', state: 'new' })]), 'failed advisories.none_new=no'],
    ['advisories that do not count', known([hit()], 'unreadable'), 'unverified advisories.none_new=unknown advisory.gone=unknown'],
  ])('with %s', (_what, advisories, expected) => {
    expect(outcome({ kind: 'upgrade', advisories })).toBe(expected);
  });
});

describe('security tests', () => {
  const path = 'test/security/a.test.js';
  const failing = { base: [nodeRun([`failed ${path} > a`, 'passed t.test.js > b'])], head: [nodeRun(['passed t.test.js > b'])], red: [] };

  it('may not be deleted, red ones neither, and the gate names them', () => {
    const { verdict, conditions } = judge(evidenceOf({ checks: failing, files: [{ path, status: 'deleted', mode: '100644' }] }));
    expect(verdict).toBe('failed');
    expect(conditions.find((c) => c.id === 'tests.security_kept')).toEqual({ id: 'tests.security_kept', holds: 'no', detail: `Security tests were deleted: ${path}.` });
  });

  it('may not lose a case', () => {
    const { conditions } = judge(evidenceOf({ checks: failing, files: [{ path, status: 'modified', mode: '100644' }] }));
    expect(conditions.find((c) => c.id === 'tests.security_kept')).toMatchObject({ holds: 'no', detail: `Security tests were removed or skipped: ${path} > a.` });
  });
});

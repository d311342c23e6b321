import { describe, expect, it } from 'vitest';
import { judge } from '../../src/gate/judge.js';
import { renderEvidence, renderFeedback } from '../../src/gate/render.js';
import type { Evidence, ScanResult, ToolEvidence } from '../../src/protocol/evidence.js';
import { Suppression } from '../../src/protocol/tools.js';
import { evidenceSarif } from '../../src/sarif/evidence.js';
import { decisive, matchSuppressions, refusedSuppressions, stateOf } from '../../src/sarif/suppress.js';
import { evidenceOf } from '../gate/evidence.js';

const PRINT = `sha256:${'a'.repeat(64)}`;
const result = (rule: string, more: Partial<ScanResult> = {}): ScanResult => ({ rule, level: 'warning', message: 'm', path: 'src/old/a.js', line: 3, fingerprint: PRINT, state: 'new', cwe: null, ...more });
const held = (rule: string, more: Partial<Suppression> = {}): Suppression => Suppression.parse({ rule, path: 'src/old/**', reason: 'it goes with the old shop', until: '2026-12-31', ...more });
const at = (day: string, ...list: Suppression[]) => matchSuppressions(list, day, [result('js/weak-hash')]);

describe('a suppression', () => {
  it('holds for rule and path until its last day', () => {
    const of = (day: string, one: Suppression, more: Partial<ScanResult> = {}) => decisive(result('js/weak-hash', more), at(day, one));
    expect([
      of('2026-11-21', held('js/weak-hash')), of('2026-12-31', held('js/weak-*')), of('2027-01-01', held('js/weak-hash')), of('2026-11-21', held('js/sql-injection')), of('2026-11-21', held('js/weak-hash'), { path: 'src/new/a.js' }),
      of('2026-11-21', held('js/weak-hash', { fingerprint: PRINT })), of('2026-11-21', held('js/weak-hash', { fingerprint: PRINT }), { fingerprint: 'sha256:other' }), decisive(result('js/weak-hash'), undefined),
    ]).toEqual([false, false, true, true, true, false, true, true]);
  });

  it('never holds for what the gate rests on, and for a secret only by its fingerprint', () => {
    const of = (rule: string, one: Partial<Suppression>, more: Partial<ScanResult> = {}) => decisive(result(rule, more), at('2026-11-21', held(rule, one)));
    expect([
      of('tamper/hidden-unicode', {}), of('tamper/hidden-unicode', { fingerprint: PRINT }), of('tamper/emptied-test', {}), of('tamper/protected-file', {}, { level: 'note' }), of('flow/removed-defence', { fingerprint: PRINT }), of('tamper/symlink', {}, { level: 'error' }), of('tamper/of-tomorrow', {}),
      of('secret/aws-key', {}), of('gitleaks/any', {}, { cwe: 'CWE-798' }),
      of('tamper/suppression', {}), of('secret/aws-key', { fingerprint: PRINT }), of('gitleaks/any', { fingerprint: PRINT }, { cwe: 'CWE-798' }),
    ]).toEqual([true, true, true, true, true, true, true, true, true, false, false, false]);
  });

  it('is refused where it is too wide or too long, with the reason', () => {
    const refused = (rule: string, more: Partial<Suppression> = {}, today = '2026-11-21') => refusedSuppressions([held(rule, more)], today);
    expect([refused('js/weak-hash'), refused('js/*'), refused('eslint/*'), refused('tamper/suppression'), refused('secret/aws-key', { fingerprint: PRINT }), refused('x', { until: '2027-11-21' }), refused('x', { until: '2029-02-28' }, '2028-02-29'), refused('x', { until: '2020-01-01' })]).toEqual(Array(8).fill([]));
    expect([
      ...refused('*', { fingerprint: PRINT }), ...refused('tamper/*'), ...refused('flow/removed-defence'), ...refused('flow/*'), ...refused('tamper/homo?lyph'), ...refused('secret/aws-key'), ...refused('s*'), ...refused('*-key'), ...refused('x', { until: '2027-11-22' }),
    ]).toEqual([
      'suppressions.0.rule: "*" takes in flow/removed-defence, which is never suppressed', expect.stringMatching(/"tamper\/\*" takes in tamper\/\S+, which is never suppressed/), expect.stringContaining('never suppressed'), expect.stringContaining('never suppressed'), expect.stringContaining('tamper/homoglyph, which is never suppressed'),
      'suppressions.0.rule: "secret/aws-key" takes in secrets, which are suppressed one by one: give the `fingerprint`', expect.stringContaining('takes in secrets'), expect.stringContaining('takes in secrets'), 'suppressions.0.until: 2027-11-22 is more than a year ahead, the last day that can be had is 2027-11-21',
    ]);
  });

  it('needs a reason and a day that there is', () => {
    const whole = { rule: 'x', path: 'a', reason: 'r', until: '2026-12-31' };
    const accepted = (more: object) => Suppression.safeParse({ ...whole, ...more }).success;
    expect([accepted({}), accepted({ by: 'Ann' }), accepted({ reason: ' ' }), accepted({ reason: undefined }), accepted({ until: undefined }), accepted({ until: '2026-02-30' }), accepted({ until: '2026-1-1' }), accepted({ until: 'never' }), accepted({ fingerprint: 'x' }), accepted({ path: '' }), accepted({ forever: true })]).toEqual([true, true, ...Array(9).fill(false)]);
  });
});

describe('evidence with suppressions', () => {
  const scan = { ran: true, problem: null, results: [result('js/weak-hash')], sarif: null };
  const tool: ToolEvidence = { name: 'eslint', report: 'eslint-json', command: 'eslint', base: null, head: null, counts: { new: 1, unchanged: 0, absent: 0 }, results: [result('eslint/no-eval')], unlisted: { new: 0, other: 0 }, rules: [], definitions: [] };
  const whole = (more: Parameters<typeof evidenceOf>[0]): Evidence => ({ ...evidenceOf(more), ...judge(evidenceOf(more)) });
  const conditionsOf = (evidence: Evidence) => evidence.conditions.filter((c) => c.id === 'scan.none_new').map((c) => `${c.holds} ${c.detail}`);

  it('does not decide by what is suppressed, and says so', () => {
    expect(conditionsOf(whole({ scan, suppressions: at('2026-11-21', held('js/weak-hash')) }))).toEqual(['yes No new scan result of level error or warning. 1 new one is suppressed.']);
    expect(conditionsOf(whole({ scan, suppressions: at('2027-02-01', held('js/weak-hash')) }))).toEqual(['no 1 new scan result: js/weak-hash at src/old/a.js:3. The suppression of js/weak-hash in src/old/** expired on 2026-12-31.']);
  });

  it('is judged by the day that stands in it, not by that of the judge', () => {
    const evidence = evidenceOf({ scan, suppressions: { at: '1999-01-01', list: [{ ...held('js/weak-hash', { until: '1999-01-01' }), matched: 1 }] } });
    expect(judge(evidence).verdict).toBe('passed');
  });

  it('shows each in the report with what became of it, and tells the agent nothing of what it need not mend', () => {
    const evidence = whole({ scan, tools: [tool], suppressions: at('2026-11-21', held('js/weak-hash', { by: 'Ann' }), held('js/xss'), held('js/weak-hash', { until: '2026-01-01' })) });
    const text = renderEvidence(evidence);
    expect(text).toContain('- warning `js/weak-hash` at `src/old/a.js:3`: `m`, suppressed until 2026-12-31 because `it goes with the old shop`');
    expect(text.slice(text.indexOf('### Suppressions')).split('\n').slice(2, 5)).toEqual([
      '- `js/weak-hash in src/old/**`: holds for 1, until 2026-12-31, because `it goes with the old shop` by `Ann`', '- `js/xss in src/old/**`: unused, until 2026-12-31, because `it goes with the old shop`', '- `js/weak-hash in src/old/**`: expired on 2026-01-01, decides again, because `it goes with the old shop`',
    ]);
    expect([renderFeedback(evidence).includes('js/weak-hash at'), renderFeedback(evidence).includes('eslint/no-eval at')]).toEqual([false, true]);
    expect(stateOf({ ...held('x', { until: '2020-01-01' }), matched: 0 }, '2026-01-01')).toBe('expired on 2020-01-01, nothing fits it');
  });

  it('gives SARIF a run for each tool, and the suppression with its justification', () => {
    const eslint = { ...tool, head: { exit: 1, reason: 'exited' as const, ms: 1, found: 1, outside: 0, version: '9.1', problem: null, output: null }, rules: [{ id: 'eslint/no-eval', title: 'No eval', help: null, uri: 'https://example.com/x', severity: 7, level: 'error' as const }] };
    const log = evidenceSarif([result('js/weak-hash'), result('js/xss')], [], { name: 'sallyport', version: '1' }, { tools: [eslint], suppressions: at('2026-11-21', held('js/weak-hash', { by: 'Ann' })) });
    expect(log).toMatchObject({ runs: [
      { tool: { driver: { name: 'sallyport' } }, results: [{ suppressions: [{ kind: 'external', status: 'accepted', justification: 'it goes with the old shop (until 2026-12-31, by Ann)' }] }, { suppressions: [] }] },
      { tool: { driver: { name: 'eslint', version: '9.1', rules: [{ id: 'eslint/no-eval', shortDescription: { text: 'No eval' }, helpUri: 'https://example.com/x', defaultConfiguration: { level: 'error' }, properties: { tags: ['security'], 'security-severity': '7.0' } }] } }, invocations: [{ executionSuccessful: false }], results: [{ ruleId: 'eslint/no-eval' }] },
    ] });
    expect((log as { runs: { results: object[] }[] }).runs[1]?.results[0]).not.toHaveProperty('suppressions');
  });
});

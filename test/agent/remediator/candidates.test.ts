import { describe, expect, it } from 'vitest';
import { codeCandidates, joinPlans, MAX_CANDIDATES, Plan, upgradeCandidates } from '../../../src/agent/remediator/candidates.js';
import { dropReason } from '../../../src/agent/remediator/keep.js';
import { reviewReport } from '../../../src/agent/remediator/review.js';
import { fingerprints } from '../../../src/sarif/compare.js';
import type { SarifResult } from '../../../src/sarif/parse.js';
import { evidenceOf, nodeRun } from '../../gate/evidence.js';

const result = (more: Partial<SarifResult> = {}): SarifResult => ({
  rule: 'js/x', level: 'error', message: 'Do y.', path: 'src/a.js', line: 3, snippet: 'x(1)', cwe: 'CWE-1', fix: { title: 'Do y', edits: [{ start: 5, end: 6, text: 'y' }] }, ...more,
});

describe('candidates of the code', () => {
  it('are one for equal findings of a file, whose fingerprints tell them apart by order only', () => {
    const results = [result(), result({ line: 9, fix: { title: 'Do y', edits: [{ start: 50, end: 51, text: 'y' }] } }), result({ path: 'src/b.js' })];
    const { candidates } = codeCandidates(results);
    expect(candidates.map((c) => [c.title, c.targets.length])).toEqual([['js/x at src/a.js:3, 9: Do y', 2], ['js/x at src/b.js:3: Do y', 1]]);
    expect(candidates[0]).toMatchObject({ kind: 'code', path: 'src/a.js', edits: [{ start: 5, end: 6, text: 'y' }, { start: 50, end: 51, text: 'y' }] });
    expect(candidates.flatMap((c) => c.targets.map((t) => (t.kind === 'finding' ? t.fingerprint : null)))).toEqual(fingerprints(results));
    expect(Plan.parse({ candidates, advice: [] }).candidates).toEqual(candidates);
  });

  it('ask for an import once', () => {
    const add = { start: 0, end: 0, text: "const c = require('c');\n" };
    const { candidates } = codeCandidates([result({ fix: { title: 'Do y', edits: [add, { start: 5, end: 6, text: 'y' }] } }), result({ line: 9, fix: { title: 'Do y', edits: [add, { start: 50, end: 51, text: 'y' }] } })]);
    expect(candidates).toMatchObject([{ edits: [add, { start: 5 }, { start: 50 }] }]);
  });

  it('leave tests alone, and generated files and what needs judgement to a person; a note is nobody’s work', () => {
    const { candidates, advice } = codeCandidates([result({ path: 'test/a.test.js' }), result({ path: 'dist/a.js' }), result({ path: 'lib/a.min.js' }), result({ fix: null, line: 7 }), result({ fix: null, level: 'note' })]);
    expect(candidates).toEqual([]);
    expect(advice.map((a) => [a.where, a.advice])).toEqual([['dist/a.js:3', 'The file looks generated: mend its source.'], ['lib/a.min.js:3', 'The file looks generated: mend its source.'], ['src/a.js:7', 'Do y.']]);
  });

  it('are cut to what one run tries, and the rest is named', () => {
    const many = codeCandidates(Array.from({ length: MAX_CANDIDATES + 2 }, (_, i) => result({ path: `src/${i}.js` })));
    const { candidates, advice } = joinPlans([many, { candidates: [], advice: [] }]);
    expect([candidates.length, advice.map((a) => a.where)]).toEqual([MAX_CANDIDATES, [`src/${MAX_CANDIDATES}.js`, `src/${MAX_CANDIDATES + 1}.js`]]);
  });
});

const hit = { id: 'GHSA-1', aliases: [], package: 'p', version: '1.0.0', severity: 'high' as const, summary: 'bad', fixed: ['1.0.1'] };

describe('candidates of the dependencies', () => {
  it('aim at the advisories that they are for, and what no release mends is told', () => {
    const { candidates, advice } = upgradeCandidates(
      [{ id: 'p@1.0.1/lock', package: 'p', from: ['1.0.0'], to: '1.0.1', advisories: ['GHSA-1'], ecosystem: 'npm', how: 'lock', note: '', edits: [] }], [{ package: 'q', version: '2.0.0', advisories: ['GHSA-2'], reason: 'No release is free of it.' }], [hit, { ...hit, id: 'GHSA-3' }],
    );
    expect(candidates).toMatchObject([{ kind: 'deps', title: 'p 1.0.0 → 1.0.1 (lockfile only; GHSA-1)', targets: [{ kind: 'advisory', id: 'GHSA-1', package: 'p', version: '1.0.0' }] }]);
    expect(advice).toEqual([{ what: 'GHSA-2', where: 'q@2.0.0', advice: 'No release is free of it.' }]);
  });
});

describe('whether a fix is kept', () => {
  const target = { kind: 'finding' as const, rule: 'js/x', path: 'src/a.js', line: 3, fingerprint: 'f1' };
  const green = { base: [nodeRun(['passed t.test.js > a'])], head: [nodeRun(['passed t.test.js > a'])], red: [] };
  const gone = { ran: true, problem: null, sarif: null, results: [{ rule: 'js/x', level: 'error' as const, message: 'm', path: 'src/a.js', line: 3, fingerprint: 'f1', state: 'absent' as const, cwe: null }] };

  it.each<[string, object, string | null]>([
    ['kept', {}, null],
    ['a test broke', { checks: { ...green, head: [nodeRun(['failed t.test.js > a'])] } }, '1 case fails that did not fail before: t.test.js > a.'],
    ['no test', { checks: { base: [], head: [], red: [] } }, 'No check ran, so nothing shows that the change works.'],
    ['the finding stayed', { scan: { ...gone, results: [{ ...gone.results[0], state: 'unchanged' }] } }, 'still there: js/x at src/a.js:3'],
    ['it brings another', { scan: { ...gone, results: [...gone.results, { ...gone.results[0], rule: 'js/z', fingerprint: 'f2', state: 'new' }] } }, '1 new scan result: js/z at src/a.js:3.'],
    ['its dependencies cannot be had', { checks: { ...green, head: [{ ...nodeRun([]), name: 'setup', runner: 'command', problem: 'npm could not' }] } }, 'its dependencies cannot be set up: npm could not'],
  ])('%s', (_, more, reason) => {
    expect(dropReason(evidenceOf({ checks: green, scan: gone, ...more }), [target])).toBe(reason);
  });
});

describe('the report of a review', () => {
  it('orders by level, names the class, the remedy and what fix would try, and cites every place once', () => {
    const results = [result({ level: 'note', line: 1, fix: null, cwe: null }), result(), result({ line: 3, rule: 'js/y', fix: null })];
    const rules = new Map([{ id: 'js/x', title: 'Bad x', help: 'Use y.', cwe: 1, severity: 9.1, level: 'error' as const }].map((rule) => [rule.id, rule]));
    const { text, citations } = reviewReport({ results, hits: [hit], plan: codeCandidates(results), unlooked: null, rules, change: null });
    expect(citations).toEqual(['src/a.js:3', 'src/a.js:1']);
    expect(text).toMatch(/^3 findings and 1 known advisory\.\n(.|\n)*## Critical \(1\)\n\n### js\/x \(CWE-1\): Bad x\n\nTo mend it: Use y\.\n\n- src\/a\.js:3\n {2}Do y\.\n {2}`sallyport fix` tries this one\.(.|\n)*## High \(1\)(.|\n)*js\/y(.|\n)*## Less certain \(1\)(.|\n)*GHSA-1 in p@1\.0\.0, high: bad\n {2}Fixed in 1\.0\.1\./);
    expect(reviewReport({ results: [], hits: [], plan: { candidates: [], advice: [] }, unlooked: 'none are configured', rules: new Map(), change: null }).text).toContain('says nothing about what they cannot see');
  });
});

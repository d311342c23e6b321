import { describe, expect, it } from 'vitest';
import { judge } from '../../../src/gate/judge.js';
import { believed, type ToolSide } from '../../../src/gate/tools/collect.js';
import { compareTools, fitted } from '../../../src/gate/tools/compare.js';
import { toolConditions } from '../../../src/gate/tools/conditions.js';
import { toolText } from '../../../src/gate/tools/text-of.js';
import { Evidence, type ToolEvidence, type ToolRun } from '../../../src/protocol/evidence.js';
import { ToolSpec } from '../../../src/protocol/tools.js';
import type { SarifResult } from '../../../src/sarif/parse.js';
import { evidenceOf } from '../evidence.js';

const TSC = ToolSpec.parse({ command: 'tsc', report: 'tsc' });
const found = (snippet: string, more: Partial<SarifResult> = {}): SarifResult => ({ rule: 'tsc/TS1', level: 'error', message: 'm', path: 'src/a.ts', line: 3, snippet, cwe: null, fix: null, ...more });
const run = (more: Partial<ToolRun> = {}): ToolRun => ({ exit: 0, reason: 'exited', ms: 1, found: 0, outside: 0, version: null, problem: null, output: null, ...more });
const side = (results: readonly SarifResult[], more: Partial<ToolRun> = {}): ToolSide => ({ name: 'tsc', run: run({ found: results.length, ...more }), results, rules: [{ id: 'tsc/TS1', title: null, help: null, uri: null, severity: null, level: null }, { id: 'tsc/unused', title: null, help: null, uri: null, severity: null, level: null }] });
const compared = (base: ToolSide | null, head: ToolSide | null, definitions: string[] = []): ToolEvidence[] => compareTools({ tsc: TSC }, base === null ? [] : [base], head === null ? [] : [head], () => definitions);
const said = (tools: readonly ToolEvidence[]) => Object.fromEntries(toolConditions({ tools: [...tools] }).map((c) => [c.id.replace('tools.', ''), c.broken === true ? 'broken' : c.holds]));
const verdictOf = (tools: ToolEvidence[]) => judge(evidenceOf({ tools })).verdict;

describe('what tools found', () => {
  it('is new only where the base had none like it, wherever it stands', () => {
    const tools = compared(side([found('let a: x'), found('let b: x', { path: 'old.ts' })]), side([found('let  a: x', { line: 90 }), found('let b: x', { path: 'moved.ts' })]));
    expect({ said: said(tools), counts: tools[0]?.counts, verdict: verdictOf(tools) }).toEqual({ said: { 'believable.base': 'yes', 'believable.head': 'yes', definition: 'yes', none_new: 'yes' }, counts: { new: 0, unchanged: 2, absent: 0 }, verdict: 'passed' });
  });

  it('decides where it is new, also in place of another that went, and names the tool; a note does not', () => {
    const swapped = compared(side([found('eval(a)')]), side([found('eval(b)')]));
    expect(toolConditions({ tools: swapped }).find((c) => c.id === 'tools.none_new')).toEqual({ id: 'tools.none_new', holds: 'no', detail: 'tsc: 1 new finding (tsc/TS1 at src/a.ts:3).' });
    expect([swapped[0]?.counts, verdictOf(swapped), toolText(swapped[0] as ToolEvidence)]).toEqual([{ new: 1, unchanged: 0, absent: 1 }, 'failed', 'tsc: 1 on the base; 1 on the head; 1 new, 1 gone']);
    expect(said(compared(side([]), side([found('x', { level: 'note' })])))).toMatchObject({ none_new: 'yes' });
  });

  it('says nothing where nothing is declared', () => {
    expect([toolConditions({}), toolConditions({ tools: [] })]).toEqual([[], []]);
  });
});

describe('a tool that did not do its work', () => {
  const broken = (more: Partial<ToolRun> = {}) => side([], { exit: 134, problem: 'exit code 134: out of memory', ...more });
  it.each([
    ['on the head alone: the change did it', compared(side([]), broken()), { 'believable.base': 'yes', 'believable.head': 'no', definition: 'yes', none_new: 'unknown' }, 'failed'],
    ['on the base: there is nothing to compare with', compared(broken(), side([found('x')])), { 'believable.base': 'unknown', 'believable.head': 'yes', definition: 'yes', none_new: 'unknown' }, 'unverified'],
    ['on both', compared(broken(), broken()), { 'believable.base': 'unknown', 'believable.head': 'unknown', definition: 'yes', none_new: 'unknown' }, 'unverified'],
    ['by a time-out', compared(side([]), broken({ exit: null, reason: 'timeout' })), { 'believable.base': 'yes', 'believable.head': 'no', definition: 'yes', none_new: 'unknown' }, 'failed'],
    ['for its sandbox was lost', compared(side([]), broken({ reason: 'lost' })), { 'believable.base': 'yes', 'believable.head': 'broken', definition: 'yes', none_new: 'unknown' }, 'error'],
    ['for it did not run', compared(side([]), null), { 'believable.base': 'yes', 'believable.head': 'unknown', definition: 'yes', none_new: 'unknown' }, 'unverified'],
    ['as the base has it: the change says how', compared(side([]), side([]), ['tsconfig.json']), { 'believable.base': 'yes', 'believable.head': 'yes', definition: 'unknown', none_new: 'yes' }, 'unverified'],
  ])('%s', (_, tools, expected, verdict) => {
    expect({ said: said(tools), verdict: verdictOf(tools) }).toEqual({ said: expected, verdict });
  });
});

it('evidence holds no more results than a reader needs, and what it leaves out decides all the same', () => {
  const many = (snippet: string, n: number, more: Partial<SarifResult> = {}) => Array.from({ length: n }, (_, i) => found(`${snippet}${i}`, more));
  const all = compared(side(many('old', 900)), side([...many('old', 900), ...many('note', 100, { level: 'note' }), ...many('new', 2100)]))[0] as ToolEvidence;
  const kept = fitted(all);
  expect({ kept: kept.results.length, unlisted: kept.unlisted, counts: kept.counts, rules: kept.rules.map((rule) => rule.id) }).toEqual({ kept: 2500, unlisted: { new: 100, other: 500 }, counts: { new: 2200, unchanged: 900, absent: 0 }, rules: ['tsc/TS1'] });
  const held = { at: '2026-11-21', list: [{ rule: '*', path: '**', reason: 'r', until: '2026-12-01', matched: 1 }] };
  expect([toolConditions({ tools: [kept], suppressions: held }), toolConditions({ tools: [all], suppressions: held })].map((conditions) => conditions.find((c) => c.id === 'tools.none_new')?.holds)).toEqual(['no', 'yes']);
  expect(Evidence.safeParse({ ...evidenceOf({ tools: [kept] }), ...judge(evidenceOf({ tools: [kept] })) }).success).toBe(true);
});

describe('run, exit code and report', () => {
  const told = (spec: Partial<ToolSpec>, exit: number | null, text: string | null, more: { readonly reason?: 'exited' | 'timeout' | 'output_limit'; readonly cut?: boolean } = {}) => {
    const { results, problem } = believed({ report: 'tsc', clean: [0], ...spec }, { exit, reason: more.reason ?? 'exited', stdout: Buffer.from(text ?? ''), stderr: Buffer.from('') }, { text, cut: more.cut ?? false }, { paths: new Set(['a.ts']) });
    return problem ?? results.length;
  };
  const LINE = 'a.ts(1,1): error TS1: x\n';

  it('must tell one story', () => {
    expect([
      told({}, 0, ''), told({}, 2, LINE), told({}, 0, LINE), told({}, 2, 'a.ts has errors'), told({}, 3, LINE), told({}, null, LINE), told({}, 0, '', { reason: 'timeout' }), told({}, 0, LINE, { reason: 'output_limit' }), told({}, 0, null), told({}, 0, null, { cut: true }),
      told({ report: 'eslint-json' }, 0, ''), told({ report: 'eslint-json' }, 2, '[]'), told({ report: 'eslint-json' }, 1, '[]'), told({ report: 'sarif' }, 0, '{}'), told({ findings: [3] }, 3, LINE), told({ findings: [3] }, 1, LINE), told({ clean: [0, 7] }, 7, ''),
    ]).toEqual([
      0, 1, 1, 'exit code 2 with nothing found: a.ts has errors', 'exit code 3: a.ts(1,1): error TS1: x', 'exit code none: a.ts(1,1): error TS1: x', 'it did not end by itself: timeout', 'the report is over the limit', 'it left no report', 'the report is over the limit',
      'the report is not JSON', 'exit code 2: []', 'exit code 1 with nothing found: []', expect.stringContaining('is not SARIF 2.1.0'), 1, 'exit code 1: a.ts(1,1): error TS1: x', 0,
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { type AdvisorySide, compareAdvisories } from '../../src/workflow/steps/advisories.js';

const hit = { id: 'GHSA-1', aliases: [], package: 'p', version: '1.0.0', severity: null, summary: 's', fixed: [] };
const side = (more: Partial<AdvisorySide> = {}): AdvisorySide => ({ hits: [], problem: null, locked: true, unknown: [], ...more });
const compared = (base: AdvisorySide, head: AdvisorySide): object => {
  const { problem, results } = compareAdvisories([], base, head, new Date());
  return { problem, states: results.map((r) => r.state) };
};

describe('advisories of base and head', () => {
  it.each<[string, AdvisorySide, AdvisorySide, object]>([
    ['one is gone', side({ hits: [hit] }), side(), { problem: null, states: ['absent'] }],
    ['one is new', side(), side({ hits: [hit] }), { problem: null, states: ['new'] }],
    ['one stays', side({ hits: [hit] }), side({ hits: [hit] }), { problem: null, states: ['unchanged'] }],
    ['the lockfile is taken away', side({ hits: [hit] }), side({ locked: false }), { problem: expect.stringContaining('takes the lockfile away'), states: ['absent'] }],
    ['a version of which nothing can be said comes in', side(), side({ unknown: ['GHSA-2 of q@x'] }), { problem: expect.stringContaining('GHSA-2 of q@x'), states: [] }],
    ['one was there before', side({ unknown: ['GHSA-2 of q@x'] }), side({ unknown: ['GHSA-2 of q@x'] }), { problem: null, states: [] }],
    ['the head cannot be read', side({ hits: [hit] }), side({ problem: 'not JSON' }), { problem: 'not JSON', states: ['absent'] }],
  ])('%s', (_, base, head, expected) => {
    expect(compared(base, head)).toEqual(expected);
  });
});

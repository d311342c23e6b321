import { describe, expect, it } from 'vitest';
import { compareCases, type CheckRuns } from '../../src/gate/compare.js';
import { sidesToRepeat } from '../../src/gate/flaky.js';
import { judge } from '../../src/gate/judge.js';
import type { RunAgain } from '../../src/protocol/evidence.js';
import { commandRun, evidenceOf, nodeRun } from './evidence.js';

const again = (side: RunAgain['side'], cases: readonly string[], more: Partial<RunAgain['run']> = {}, covered = false): RunAgain => ({ side, covered, run: nodeRun(cases, more) });
const A = 't.test.js > a';
const FIXED = { base: [nodeRun([`failed ${A}`])], head: [nodeRun([`passed ${A}`])], red: [] };
const marks = (runs: CheckRuns) => compareCases(runs).map((one) => `${one.change}${one.flaky === true ? ' flaky' : ''} ${one.id}`);
const judged = (runs: CheckRuns) => {
  const checks = { ...runs, base: [...runs.base], head: [...runs.head], red: [...runs.red], old: [], again: [...(runs.again ?? [])] };
  const { verdict, conditions } = judge(evidenceOf({ checks }));
  return { verdict, details: conditions.filter((one) => one.holds !== 'yes').map((one) => `${one.id}: ${one.detail}`) };
};

describe('a case that two runs over the same tree tell differently', () => {
  it('is marked, on whatever side', () => {
    expect(marks({ ...FIXED, again: [again('base', [`failed ${A}`]), again('head', [`passed ${A}`])] })).toEqual([`fixed ${A}`]);
    expect(marks({ ...FIXED, again: [again('base', [`passed ${A}`])] })).toEqual([`fixed flaky ${A}`]);
    expect(marks({ ...FIXED, again: [again('head', [`failed ${A}`], {}, true)] })).toEqual([`fixed flaky ${A}`]);
    expect(marks({ ...FIXED, again: [again('head', ['passed t.test.js > another'])] })).toEqual([`fixed flaky ${A}`]);
  });

  it('is no proof that anything was mended', () => {
    expect(judged({ ...FIXED, again: [again('base', [`passed ${A}`])] })).toEqual({
      verdict: 'unverified', details: [`proof.red_before: No case was red before and is green now, so nothing shows that the fault is gone. Flaky, so no proof: ${A}.`],
    });
  });

  it('counts as broken all the same where it fails at the head, and is said to be flaky', () => {
    const runs = { base: [nodeRun([`passed ${A}`, 'failed t.test.js > b'])], head: [nodeRun([`failed ${A}`, 'passed t.test.js > b'])], red: [], again: [again('head', [`passed ${A}`, 'passed t.test.js > b'])] };
    expect(judged(runs)).toEqual({ verdict: 'failed', details: [`cases.none_broken: 1 case fails that did not fail before: ${A} (flaky).`] });
  });

  it('is every one that proves something where the second run came to no end; a run that was slowed down by measuring says nothing', () => {
    const two = { base: [nodeRun([`failed ${A}`, 'passed t.test.js > b'])], head: [nodeRun([`passed ${A}`, 'passed t.test.js > b'])], red: [] };
    expect(marks({ ...two, again: [again('base', [], { reason: 'timeout', exit: null })] })).toEqual([`fixed flaky ${A}`, 'passing t.test.js > b']);
    expect(marks({ ...two, again: [again('head', [], { reason: 'timeout', exit: null }, true)] })).toEqual([`fixed ${A}`, 'passing t.test.js > b']);
  });

  it('is told of a check by its exit code too', () => {
    const runs = { base: [commandRun(1)], head: [commandRun(0)], red: [], again: [{ side: 'base' as const, covered: false, run: commandRun(0) }] };
    expect(marks(runs)).toEqual(['fixed flaky lint']);
  });
});

describe('what is run once more', () => {
  const repeated = (runs: CheckRuns) => sidesToRepeat('unit', runs);

  it('is base and head where a case changed its mind, and the base with the new tests where they were red; nothing else', () => {
    expect(repeated(FIXED)).toEqual(['base', 'head']);
    expect(repeated({ base: [nodeRun([`passed ${A}`])], head: [nodeRun([`failed ${A}`])], red: [] })).toEqual(['base', 'head']);
    expect(repeated({ base: [nodeRun([])], head: [nodeRun([`passed ${A}`])], red: [nodeRun([`failed ${A}`])] })).toEqual(['head', 'red']);
    expect(repeated({ base: [nodeRun([`passed ${A}`])], head: [nodeRun([`passed ${A}`])], red: [] })).toEqual([]);
  });

  it('is not the head again where coverage was measured over the same code, nor a side whose first run gave no result', () => {
    expect(repeated({ ...FIXED, again: [again('head', [`passed ${A}`], {}, true)] })).toEqual(['base']);
    expect(repeated({ ...FIXED, again: [again('head', [], { reason: 'timeout', exit: null }, true)] })).toEqual(['base', 'head']);
    expect(repeated({ ...FIXED, base: [nodeRun([`failed ${A}`], { problem: 'cut' })] })).toEqual(['head']);
  });
});

import { describe, expect, it } from 'vitest';
import { compareCases } from '../../src/gate/compare.js';
import { isTestFile } from '../../src/gate/test-files.js';
import { commandRun, nodeRun } from './evidence.js';

function changes(base: readonly string[], head: readonly string[], red: readonly string[] = []) {
  return compareCases({ base: [nodeRun(base)], head: [nodeRun(head)], red: red.length === 0 ? [] : [nodeRun(red)] }).map((c) => `${c.change} ${c.id}`);
}

describe('comparing cases', () => {
  it.each([
    ['passed', 'passed', 'passing'], ['failed', 'passed', 'fixed'], ['skipped', 'passed', 'new_passing'], ['todo', 'passed', 'new_passing'],
    ['passed', 'failed', 'broken'], ['failed', 'failed', 'still_failing'], ['skipped', 'failed', 'new_failing'],
    ['passed', 'skipped', 'now_skipped'], ['failed', 'skipped', 'now_skipped'], ['failed', 'todo', 'now_skipped'], ['skipped', 'skipped', 'skipped'], ['skipped', 'todo', 'skipped'],
  ])('%s then %s is %s', (before, after, change) => {
    expect(changes([`${before} f > a`], [`${after} f > a`])).toEqual([`${change} f > a`]);
  });

  it('tells new and removed cases', () => {
    expect(changes(['passed f > old'], ['passed f > p', 'failed f > q', 'skipped f > r'])).toEqual(['new_passing f > p', 'new_failing f > q', 'skipped f > r', 'removed f > old']);
  });

  it('does not call a case fixed that its edit made pass', () => {
    expect(changes(['failed f > a'], ['passed f > a'], ['passed f > a'])).toEqual(['passing f > a']);
    expect(changes(['failed f > a'], ['passed f > a'], ['failed f > a'])).toEqual(['fixed f > a']);
  });

  it('takes a file that did not load as the failure of what is in it, on either side', () => {
    expect(changes(['failed f'], ['passed f > a', 'passed f > b'])).toEqual(['new_passing f > a', 'new_passing f > b', 'fixed f']);
    expect(changes(['passed f > a', 'failed f > b'], ['failed f'])).toEqual(['still_failing f', 'broken f > a', 'still_failing f > b']);
    expect(changes(['passed f > a'], ['failed f'])).toEqual(['broken f', 'broken f > a']);
    expect(changes(['failed f'], ['failed f > a'])).toEqual(['still_failing f > a', 'still_failing f']);
  });

  it('takes a suite that was skipped as a whole as skipping what is in it', () => {
    expect(changes(['passed f > s > a'], ['skipped f > s'])).toEqual(['now_skipped f > s', 'now_skipped f > s > a']);
  });

  it('believes no case to be there because its file passed', () => {
    expect(changes(['passed f > a'], ['passed f'])).toEqual(['passing f', 'removed f > a']);
  });

  it('does not call a parent fixed because the failing test in it was deleted', () => {
    expect(changes(['failed f > p > bad', 'passed f > p > good'], ['passed f > p', 'passed f > p > good'])).toEqual(['new_passing f > p', 'passing f > p > good', 'removed f > p > bad']);
  });

  it('does not mistake a common beginning for nesting', () => {
    expect(changes(['failed f > a'], ['passed f > ab'])).toEqual(['new_passing f > ab', 'removed f > a']);
  });

  it('judges a command by its exit code, and only when it ran to its end', () => {
    const compare = (base: ReturnType<typeof commandRun>, head: ReturnType<typeof commandRun>) => compareCases({ base: [base], head: [head], red: [] }).map((c) => `${c.change} ${c.id} ${c.message}`);
    expect(compare(commandRun(1), commandRun(0))).toEqual(['fixed lint null']);
    expect(compare(commandRun(0), commandRun(3))).toEqual(['broken lint exit code 3']);
    expect(compare(commandRun(null, { reason: 'timeout' }), commandRun(0))).toEqual(['new_passing lint null']);
    expect(compare(commandRun(0), commandRun(0, { problem: 'cut' }))).toEqual(['removed lint passed on the base']);
  });

  it('keeps checks of different names apart, and believes none of two with one name', () => {
    const named = (name: string, cases: string[]) => nodeRun(cases, { name });
    expect(compareCases({ base: [named('a', ['failed f'])], head: [named('b', ['passed f'])], red: [] }).map((c) => `${c.check} ${c.change}`)).toEqual(['b new_passing', 'a removed']);
    expect(compareCases({ base: [named('a', ['failed f'])], head: [named('a', ['passed f']), named('a', [])], red: [] }).map((c) => c.change)).toEqual(['removed']);
  });
});

describe('a test file', () => {
  it.each(['test/a.js', 'src/a.test.ts', 'src/a_test.py', 'lib/__tests__/x.js', 'a.spec.mjs', 'test-a.js', 'test_a.py', 'tests/fixtures/x.json', 'test.js', 'src/a-test.js', 'conftest.py'])('is %s', (path) => {
    expect(isTestFile(path)).toBe(true);
  });
  it.each(['src/a.js', 'src/latest.js', 'src/contest.ts', 'testing.md', 'src/attest/x.ts', 'package.json', 'src/inspect.js'])('is not %s', (path) => {
    expect(isTestFile(path)).toBe(false);
  });
});

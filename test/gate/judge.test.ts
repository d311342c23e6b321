import { describe, expect, it } from 'vitest';
import { judge, type Unjudged } from '../../src/gate/judge.js';
import type { ScanResult } from '../../src/protocol/evidence.js';
import type { Kind } from '../../src/protocol/task.js';
import { commandRun, evidenceOf, nodeRun } from './evidence.js';

const TEST_FILE = { path: 't.test.js', status: 'modified', mode: '100644' } as const;
const SOURCE = { path: 'src/a.js', status: 'modified', mode: '100644' } as const;
const result = (more: Partial<ScanResult> = {}): ScanResult => ({ rule: 'js/x', level: 'error', message: 'm', path: 'a.js', line: 1, fingerprint: 'f', state: 'new', cwe: null, ...more });
const runs = (base: readonly string[], head: readonly string[], red: readonly string[] | null = null, old: readonly string[] | null = null) => ({ base: [nodeRun(base)], head: [nodeRun(head)], red: red === null ? [] : [nodeRun(red)], ...(old === null ? {} : { old: [nodeRun(old)] }) });
/** The verdict and the conditions that do not hold. */
function outcome(evidence: Unjudged): string {
  const { verdict, conditions } = judge(evidence);
  return [verdict, ...conditions.filter((c) => c.holds !== 'yes').map((c) => `${c.id}=${c.holds}`)].join(' ');
}

describe('what a policy says of the verdict', () => {
  const covering = (executable: number, executed: number): NonNullable<Unjudged['coverage']> => ({ checks: [], files: executable === 0 ? [] : [{ path: 'src/a.js', changed: executable, executable, executed, unexecuted: [], reason: null }], more: 0 });
  const SECURITY = { ...nodeRun(['failed t.test.js > a', 'passed test/security/x.test.js > b']) };
  const note = { scan: { ran: true, problem: null, sarif: null, results: [result({ level: 'note' })] } };
  it.each<[string, readonly string[], Partial<Unjudged>, string]>([
    ['notes, where there are none', ['notes'], {}, 'passed'],
    ['notes, where there is one', ['notes'], note, 'failed policy.notes=no'],
    ['advisories that nobody configured', ['advisories'], {}, 'unverified policy.advisories=unknown'],
    ['advisories that were looked up', ['advisories'], { advisories: { source: 'x', newest: null, ageDays: null, problem: null, results: [] } }, 'passed'],
    ['advisories that could not be', ['advisories'], { advisories: { source: 'x', newest: null, ageDays: null, problem: 'no lockfile', results: [] } }, 'unverified advisories.none_new=unknown policy.advisories=unknown'],
    ['security tests, where there are none', ['security-tests'], {}, 'unverified policy.security-tests=unknown'],
    ['security tests that pass', ['security-tests'], { checks: { base: [SECURITY], head: [nodeRun(['passed t.test.js > a', 'passed test/security/x.test.js > b'])], red: [] } }, 'passed'],
    ['a check that passes', ['check:unit'], {}, 'passed'],
    ['a check that fails as it did before', ['check:lint'], { checks: { base: [nodeRun(['failed t.test.js > a']), commandRun(1)], head: [nodeRun(['passed t.test.js > a']), commandRun(1)], red: [] } }, 'failed policy.check:lint=no'],
    ['a check that is not there', ['check:lint'], {}, 'unverified policy.check:lint=unknown'],
    ['coverage that nobody measured', ['coverage>=80'], {}, 'unverified policy.coverage>=80=unknown'],
    ['coverage that is enough', ['coverage>=80'], { coverage: covering(10, 8) }, 'passed'],
    ['coverage that is too little', ['coverage>=81'], { coverage: covering(10, 8) }, 'failed policy.coverage>=81=no'],
    ['coverage of which a part was not measured', ['coverage>=80'], { coverage: { ...covering(10, 10), more: 1 } }, 'unverified policy.coverage>=80=unknown'],
    ['coverage of no code', ['coverage>=80'], { coverage: covering(0, 0) }, 'passed'],
    ['what this version does not know', ['miracles'], {}, 'unverified policy.miracles=unknown'],
  ])('requires %s', (_, requires, more, expected) => expect(outcome(evidenceOf({ ...more, terms: { requires: [...requires], accepts: [] } }))).toBe(expected));

  it('accepts what is unknown, of the conditions that it may, and says so; never what does not hold, nor that the proof broke', () => {
    const red = runs(['passed t.test.js > a'], ['passed t.test.js > a']);
    const terms = (...accepts: string[]) => ({ terms: { requires: [], accepts } });
    const accepted = judge(evidenceOf({ checks: red, ...terms('proof.red_before') }));
    expect([accepted.verdict, accepted.conditions.filter((c) => c.holds !== 'yes')]).toEqual(['passed', [{ id: 'proof.red_before', holds: 'unknown', detail: expect.any(String), accepted: true }]]);
    expect(outcome(evidenceOf({ checks: red, ...terms('files.protected') }))).toBe('unverified proof.red_before=unknown');
    expect(outcome(evidenceOf({ checks: runs(['failed t.test.js > a'], ['failed t.test.js > a']), ...terms('proof.red_before', 'tests.ran') }))).toBe('failed tests.ran=unknown proof.red_before=no');
    expect(outcome(evidenceOf({ checks: { base: [], head: [], red: [] }, ...terms('tests.ran', 'checks.same', 'checks.believable.head', 'checks.believable.base', 'proof.red_before') }))).toMatch(/^unverified /);
    expect(outcome(evidenceOf({ cases: [], ...terms('evidence.consistent', 'proof.red_before') }))).toMatch(/^error evidence\.consistent=unknown/);
  });
});

describe('a fix', () => {
  it('is passed with a case red before and green after, nothing broken and nothing new found', () => {
    expect(judge(evidenceOf())).toEqual({
      verdict: 'passed',
      conditions: [
        { id: 'evidence.consistent', holds: 'yes', detail: 'Runs, cases, files and trees agree.' },
        { id: 'change.present', holds: 'yes', detail: '1 file changed.' },
        { id: 'checks.same', holds: 'yes', detail: '1 check ran on base and head.' },
        { id: 'checks.definition', holds: 'yes', detail: 'The change does not say how the checks run.' },
        { id: 'checks.believable.head', holds: 'yes', detail: 'Every report of the head can be believed.' },
        { id: 'checks.believable.base', holds: 'yes', detail: 'Every report of the base can be believed.' },
        { id: 'checks.judges_kept', holds: 'yes', detail: 'Nothing is known to have changed what judges the tests while they ran.' },
        { id: 'tests.ran', holds: 'yes', detail: '2 cases pass at the head.' },
        { id: 'cases.none_broken', holds: 'yes', detail: 'No case broke.' },
        { id: 'cases.none_removed', holds: 'yes', detail: 'No case was removed or skipped.' },
        { id: 'tests.security_kept', holds: 'yes', detail: 'No security test was deleted or silenced.' },
        { id: 'scan.none_new', holds: 'yes', detail: 'No new scan result of level error or warning.' },
        { id: 'tests.not_weakened', holds: 'yes', detail: 'No test of the base is known to say less.' },
        { id: 'files.protected', holds: 'yes', detail: 'The change leaves alone what judges changes and steers agents.' },
        { id: 'proof.red_before', holds: 'yes', detail: '1 case was red before and is green now: t.test.js > a.' },
        { id: 'proof.old_tests_hold', holds: 'yes', detail: 'The tests of the base were not edited.' },
      ],
    });
  });

  it.each<[string, Partial<Unjudged>, string]>([
    ['a new test that is red over the base', { files: [SOURCE, TEST_FILE], checks: runs(['passed t.test.js > b'], ['passed t.test.js > a', 'passed t.test.js > b'], ['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > b']) }, 'passed'],
    ['a new test file that does not load over the base', { files: [SOURCE, { ...TEST_FILE, status: 'added' }], checks: runs(['passed u.test.js > b'], ['passed t.test.js > a', 'passed u.test.js > b'], ['failed t.test.js', 'passed u.test.js > b']) }, 'passed'],
    ['an edited test that is red over the base', { files: [SOURCE, TEST_FILE], checks: runs(['failed t.test.js > a'], ['passed t.test.js > a'], ['failed t.test.js > a'], ['passed t.test.js > a']) }, 'passed'],
    ['a source that loads again', { checks: runs(['failed t.test.js'], ['passed t.test.js > a']) }, 'passed'],
    ['a command that failed', { checks: { base: [commandRun(1)], head: [commandRun(0)], red: [] } }, 'passed'],
    ['other cases that fail as before', { checks: runs(['failed t.test.js > a', 'failed t.test.js > z'], ['passed t.test.js > a', 'failed t.test.js > z']) }, 'passed'],
    ['a new note of the scanner, and an old error', { scan: { ran: true, problem: null, sarif: null, results: [result({ level: 'note' }), result({ state: 'unchanged' }), result({ state: 'absent' })] } }, 'passed'],
  ])('is proven by %s', (_what, more, expected) => {
    expect(outcome(evidenceOf(more))).toBe(expected);
  });

  it.each<[string, Partial<Unjudged>, string]>([
    ['nothing changed', { files: [], head: { commit: 'c1', tree: 't1' } }, 'failed change.present=no'],
    ['the case still fails', { checks: runs(['failed t.test.js > a'], ['failed t.test.js > a']) }, 'failed tests.ran=unknown proof.red_before=no'],
    ['another case broke', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a', 'failed t.test.js > b']) }, 'failed cases.none_broken=no'],
    ['a new case fails', { checks: runs(['failed t.test.js > a'], ['passed t.test.js > a', 'failed t.test.js > c']) }, 'failed cases.none_broken=no'],
    ['a passing case was removed', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a']) }, 'failed cases.none_removed=no'],
    ['a passing case is skipped now', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a', 'skipped t.test.js > b']) }, 'failed cases.none_removed=no'],
    ['the failing case is skipped now', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['skipped t.test.js > a', 'passed t.test.js > b']) }, 'failed cases.none_removed=no proof.red_before=unknown'],
    ['the failing case was deleted', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > b']) }, 'failed cases.none_removed=no proof.red_before=unknown'],
    ['the test file exits before its tests', { checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js']) }, 'failed cases.none_removed=no proof.red_before=unknown'],
    ['a new error was found', { scan: { ran: true, problem: null, sarif: null, results: [result()] } }, 'failed scan.none_new=no'],
    ['a new warning was found in a scan that does not count', { scan: { ran: true, problem: 'cut', sarif: null, results: [result({ level: 'warning' })] } }, 'failed scan.none_new=no tests.not_weakened=unknown'],
    ['the head hangs where the base did not', { checks: { base: [nodeRun(['failed t.test.js > a'])], head: [nodeRun([], { reason: 'timeout', exit: null, problem: 'did not end' })], red: [] } }, 'failed checks.believable.head=no tests.ran=unknown cases.none_removed=no proof.red_before=unknown'],
    ['the head reports no list of cases', { checks: { base: [nodeRun(['failed t.test.js > a'])], head: [nodeRun([], { cases: null })], red: [] } }, 'failed checks.believable.head=no tests.ran=unknown cases.none_removed=no proof.red_before=unknown'],
    ['the head names a failure and its exit code denies it', { checks: { base: [nodeRun(['failed t.test.js > a', 'failed t.test.js > z'])], head: [nodeRun(['passed t.test.js > a', 'failed t.test.js > z'], { exit: 0 })], red: [] } }, 'failed checks.believable.head=no tests.ran=unknown proof.red_before=no'],
    ['the red case passes only as the change rewrote it', { files: [SOURCE, TEST_FILE], checks: runs(['failed t.test.js > a'], ['passed t.test.js > a'], ['failed t.test.js > a'], ['failed t.test.js > a']) }, 'failed proof.old_tests_hold=no'],
    ['what judges the tests was changed', { checks: { base: [nodeRun(['failed t.test.js > a'], { meddled: ['replaced Array.from (1)'] })], head: [nodeRun(['passed t.test.js > a'], { meddled: ['replaced Array.from (1)', 'replaced JSON.stringify (2)'] })], red: [] } }, 'failed checks.judges_kept=no'],
    ['the head garbles its report', { checks: { base: [nodeRun(['failed t.test.js > a'])], head: [nodeRun(['passed t.test.js > a'], { problem: 'counts differ' })], red: [] } }, 'failed checks.believable.head=no tests.ran=unknown proof.red_before=unknown'],
  ])('is failed when %s', (_what, more, expected) => {
    expect(outcome(evidenceOf(more))).toBe(expected);
  });

  it.each<[string, Partial<Unjudged>, string]>([
    ['there is no test', { checks: runs([], []) }, 'unverified tests.ran=unknown proof.red_before=unknown'],
    ['there is no check', { checks: { base: [], head: [], red: [] } }, 'unverified checks.same=unknown checks.believable.head=unknown checks.believable.base=unknown tests.ran=unknown proof.red_before=unknown'],
    ['every case is skipped', { checks: runs(['skipped t.test.js > a'], ['skipped t.test.js > a']) }, 'unverified tests.ran=unknown proof.red_before=unknown'],
    ['all cases passed before', { checks: runs(['passed t.test.js > a'], ['passed t.test.js > a']) }, 'unverified proof.red_before=unknown'],
    ['the edit of the test made it pass', { files: [TEST_FILE], checks: runs(['failed t.test.js > a'], ['passed t.test.js > a'], ['passed t.test.js > a']) }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a test was edited and there is no red run', { files: [SOURCE, TEST_FILE], checks: runs(['failed t.test.js > a'], ['passed t.test.js > a']) }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a helper was edited and there is no red run', { files: [SOURCE, { ...SOURCE, path: 'test/helper.js' }], checks: runs(['failed t.test.js > a'], ['passed t.test.js > a']) }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a test was edited and the red run broke', { files: [SOURCE, TEST_FILE], checks: { ...runs(['failed t.test.js > a'], ['passed t.test.js > a']), red: [nodeRun(['failed t.test.js > a'], { problem: 'cut' })] } }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a command passes after its test files were edited', { files: [TEST_FILE], checks: { base: [commandRun(1)], head: [commandRun(0)], red: [] } }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a new test is green over the base', { files: [TEST_FILE], checks: runs(['passed t.test.js > b'], ['passed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a', 'passed t.test.js > b']) }, 'unverified proof.red_before=unknown proof.old_tests_hold=unknown'],
    ['a case that passed before passes only as the change rewrote it', { files: [SOURCE, TEST_FILE], checks: runs(['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a', 'passed t.test.js > b'], ['failed t.test.js > a', 'passed t.test.js > b'], ['passed t.test.js > a', 'failed t.test.js > b']) }, 'unverified proof.old_tests_hold=unknown'],
    ['the old tests could not be believed over the change', { files: [SOURCE, TEST_FILE], checks: { ...runs(['failed t.test.js > a'], ['passed t.test.js > a'], ['failed t.test.js > a']), old: [nodeRun(['passed t.test.js > a'], { problem: 'cut' })] } }, 'unverified proof.old_tests_hold=unknown'],
    ['the base hangs', { checks: { base: [nodeRun([], { reason: 'timeout', exit: null })], head: [nodeRun(['passed t.test.js > a'])], red: [] } }, 'unverified checks.believable.base=unknown proof.red_before=unknown'],
    ['the scan did not run', { scan: { ran: false, problem: null, results: [], sarif: null } }, 'unverified scan.none_new=unknown tests.not_weakened=unknown'],
    ['the scan did not finish', { scan: { ran: true, problem: 'time is up', results: [], sarif: null } }, 'unverified scan.none_new=unknown tests.not_weakened=unknown'],
  ])('is unverified when %s', (_what, more, expected) => {
    expect(outcome(evidenceOf(more))).toBe(expected);
  });

  it.each<[string, Partial<Unjudged>, string]>([
    ['the sandbox of the head was lost', { checks: { base: [nodeRun(['passed t.test.js > b'])], head: [nodeRun([], { reason: 'lost', exit: null })], red: [] } }, 'checks.believable.head'],
    ['the sandbox of the base was killed', { checks: { base: [nodeRun([], { reason: 'killed', exit: null })], head: [nodeRun(['passed t.test.js > b'])], red: [] } }, 'checks.believable.base'],
    ['base and head ran different checks', { checks: { base: [nodeRun(['failed t.test.js > a'], { name: 'x' })], head: [nodeRun(['passed t.test.js > a'])], red: [] } }, 'checks.same'],
    ['a check has another runner on the base', { checks: { base: [commandRun(1, { name: 'unit' })], head: [nodeRun(['passed t.test.js > a'])], red: [] } }, 'checks.same'],
    ['a check ran twice', { checks: { base: [nodeRun([])], head: [nodeRun([]), nodeRun([])], red: [] } }, 'checks.same'],
    ['the cases do not follow from the runs', { cases: [{ id: 't.test.js > a', check: 'unit', change: 'fixed', message: null }] }, 'evidence.consistent'],
    ['files are named and the tree is the same', { head: { commit: 'c2', tree: 't1' } }, 'evidence.consistent'],
    ['no file is named and the tree is another', { files: [] }, 'evidence.consistent'],
    ['nothing is said to be unchecked', { notChecked: [] }, 'evidence.consistent'],
  ])('is an error when %s', (_what, more, condition) => {
    const { verdict, conditions } = judge(evidenceOf(more));
    expect({ verdict, holds: conditions.find((c) => c.id === condition)?.holds }).toEqual({ verdict: 'error', holds: 'unknown' });
  });
});

describe('a fix in Rust', () => {
  const cargo = (id: string, files = [{ path: 'src/lib.rs', status: 'modified' as const, mode: '100644' }]) => {
    const of = (status: string) => nodeRun([`${status} ${id}`, 'passed tests/b.rs (b) > b'], { runner: 'cargo', exit: status === 'failed' ? 101 : 0 });
    return outcome(evidenceOf({ files, checks: { base: [of('failed')], head: [of('passed')], red: [] } }));
  };

  it('is proved by a case in a file of tests, and not by one beside the code, which the change may have rewritten', () => {
    expect([cargo('tests/a.rs (a) > a'), cargo('src/lib.rs (shop) > tests > a'), cargo('documentation (shop) > src/lib.rs - a')]).toEqual(['passed', 'unverified proof.red_before=unknown', 'unverified proof.red_before=unknown']);
  });
});

describe('other kinds', () => {
  const withNew = runs(['passed t.test.js > b'], ['passed t.test.js > a', 'passed t.test.js > b'], ['failed t.test.js > a', 'passed t.test.js > b']);
  const same = runs(['passed t.test.js > b'], ['passed t.test.js > b']);

  const scanned = (level: 'note' | 'warning'): Unjudged['scan'] => ({ ran: true, problem: null, sarif: null, results: [{ rule: 'flow/removed-defence', level, message: 'A check that ended "f" early is gone: a.', path: 'src/a.js', line: 3, fingerprint: 'x', state: 'new', cwe: null }] });
  const offered = (state: 'added' | 'removed'): Unjudged['interface'] => ({ entries: 1, names: 1, counts: { removed: 0, changed: 0, added: 0, [state]: 1 }, changes: [{ state, entry: 'main', name: 'a', before: state === 'added' ? null : 'function ()', after: state === 'added' ? 'function ()' : null, path: 'index.js' }], unclear: [] });

  it.each<[Kind, string, Partial<Unjudged>, string]>([
    ['feature', 'new cases red on the base', { files: [SOURCE, TEST_FILE], checks: withNew }, 'passed'],
    ['feature', 'no new case', { checks: same }, 'unverified proof.new_cases_red_on_base=unknown'],
    ['feature', 'a fixed case only', {}, 'unverified proof.new_cases_red_on_base=unknown'],
    ['feature', 'new cases and no red run', { files: [TEST_FILE], checks: { ...withNew, red: [] } }, 'unverified proof.new_cases_red_on_base=unknown'],
    ['refactor', 'the same cases', { checks: same }, 'passed'],
    ['refactor', 'edited tests', { files: [SOURCE, TEST_FILE], checks: same }, 'unverified proof.same_cases=unknown'],
    ['refactor', 'an added test', { files: [SOURCE, { ...TEST_FILE, status: 'added' }], checks: withNew }, 'passed'],
    ['refactor', 'a guard gone that elsewhere is a note', { checks: same, scan: scanned('note') }, 'unverified proof.guards_kept=unknown'],
    ['fix', 'the same', { scan: scanned('note') }, 'passed'],
    ['refactor', 'a guard gone before a dangerous call', { checks: same, scan: scanned('warning') }, 'failed scan.none_new=no proof.guards_kept=no'],
    ['refactor', 'a name more to offer', { checks: same, interface: offered('added') }, 'passed'],
    ['refactor', 'a name gone that others used', { checks: same, interface: offered('removed') }, 'unverified proof.interface_kept=unknown'],
    ['fix', 'the same', { interface: offered('removed') }, 'passed'],
    ['refactor', 'no tests', { checks: runs([], []) }, 'unverified tests.ran=unknown'],
    ['test', 'everything green', { files: [TEST_FILE], checks: withNew }, 'unverified mutants.killed=unknown'],
    ['upgrade', 'everything green', { checks: same }, 'unverified advisory.gone=unknown'],
    ['upgrade', 'something broken', { checks: runs(['passed t.test.js > b'], ['failed t.test.js > b']) }, 'failed tests.ran=unknown cases.none_broken=no advisory.gone=unknown'],
  ])('%s with %s', (kind, _what, more, expected) => {
    expect(outcome(evidenceOf({ kind, ...more }))).toBe(expected);
  });

  const still = { files: [], head: { commit: 'c1', tree: 't1' }, checks: { base: [], head: [], red: [] }, scan: { ran: false, problem: null, results: [], sarif: null } };
  it.each<[string, Partial<Unjudged>, string]>([
    ['citations that exist', { citations: [{ ref: 'a.js:1', exists: true }] }, 'passed'],
    ['a citation that does not', { citations: [{ ref: 'a.js:1', exists: true }, { ref: 'b.js:9', exists: false }] }, 'failed citations.exist=no'],
    ['no citation', {}, 'unverified citations.exist=unknown'],
    ['a changed tree', { citations: [{ ref: 'a.js:1', exists: true }], files: [SOURCE], head: { commit: 'c2', tree: 't2' } }, 'failed tree.unchanged=no'],
  ])('a review or a question with %s', (_what, more, expected) => {
    expect(outcome(evidenceOf({ ...still, kind: 'review', ...more }))).toBe(expected);
    expect(outcome(evidenceOf({ ...still, kind: 'ask', ...more }))).toBe(expected);
  });

  it('is an error, never an exception, for evidence that is not of the expected form', () => {
    for (const broken of [null, {}, { ...evidenceOf(), checks: null }, { ...evidenceOf(), kind: 'other' }]) expect(judge(broken as unknown as Unjudged).verdict).not.toBe('passed');
    expect(judge(null as unknown as Unjudged).verdict).toBe('error');
  });
});

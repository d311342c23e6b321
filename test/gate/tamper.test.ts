import { describe, expect, it } from 'vitest';
import { judge } from '../../src/gate/judge.js';
import type { ScanResult } from '../../src/protocol/evidence.js';
import { evidenceOf } from './evidence.js';

const result = (rule: string, path: string, level: ScanResult['level'], state: ScanResult['state'] = 'new'): ScanResult => ({ rule, level, message: 'm', path, line: 3, fingerprint: 'f', state, cwe: null });
function judged(results: readonly ScanResult[], securityTests?: string[]): string {
  const evidence = evidenceOf({ scan: { ran: true, problem: null, sarif: null, results: [...results] } });
  const { verdict, conditions } = judge(securityTests === undefined ? evidence : { ...evidence, environment: { ...evidence.environment, securityTests } });
  return [verdict, ...conditions.filter((one) => one.holds !== 'yes').map((one) => `${one.id}=${one.holds} ${one.detail}`)].join('\n');
}

describe('a change that weakens what judges it', () => {
  it('is failed where a test is known to say less', () => {
    expect(judged([result('tamper/loosened-assertion', 'test/a.test.js', 'warning')])).toBe('failed\nscan.none_new=no 1 new scan result: tamper/loosened-assertion at test/a.test.js:3.\ntests.not_weakened=no Tests were weakened in 1 place: tamper/loosened-assertion at test/a.test.js:3.');
  });

  it('is open where a person has to see whether a test says less', () => {
    expect(judged([result('tamper/fewer-assertions', 'test/a.test.js', 'note')])).toBe('unverified\ntests.not_weakened=unknown Tests may say less than before, which a person has to look at: tamper/fewer-assertions at test/a.test.js:3.');
  });

  it('is failed by any weakening of a security test, by its path or as the environment declares', () => {
    const said = 'tests.not_weakened=no Security tests were weakened, which needs an approval of its own: tamper/fewer-assertions at';
    expect(judged([result('tamper/fewer-assertions', 'test/security/a.test.js', 'note')])).toBe(`failed\n${said} test/security/a.test.js:3.`);
    expect(judged([result('tamper/fewer-assertions', 'test/login.test.js', 'note')], ['test/login.*'])).toBe(`failed\n${said} test/login.test.js:3.`);
  });

  it('is open where it touches what judges changes, and a person is told how to take it on', () => {
    expect(judged([result('tamper/protected-file', 'AGENTS.md', 'note')])).toBe('unverified\nfiles.protected=unknown The change touches what judges changes or steers agents; a person has to look at it and take it on (sallyport apply TASK --accept "REASON"): AGENTS.md.');
  });

  it('is passed with notes that weaken nothing, and with what stood there before', () => {
    expect(judged([result('tamper/executable', 'run.sh', 'note'), result('tamper/binary', 'a.png', 'note'), result('tamper/emptied-test', 'test/a.test.js', 'warning', 'unchanged')])).toBe('passed');
  });
});

import { describe, expect, it } from 'vitest';
import { judge, type Unjudged } from '../../src/gate/judge.js';
import { losesSecurityTests } from '../../src/gate/security-tests.js';
import type { ScanResult } from '../../src/protocol/evidence.js';
import { evidenceOf, nodeRun } from './evidence.js';

const weaker = (path: string, level: ScanResult['level'] = 'warning'): Unjudged['scan'] => ({ ran: true, problem: null, sarif: null, results: [{ rule: 'tamper/loosened-assertion', level, message: 'm', path, line: 1, fingerprint: 'x', state: 'new', cwe: null }] });
const loses = (more: Partial<Unjudged>): boolean => {
  const evidence = evidenceOf(more);
  return losesSecurityTests({ ...evidence, ...judge(evidence) });
};

describe('a verdict rests on security tests that are lost', () => {
  it('where one says less, also by what is a note elsewhere, or is deleted, or its case is skipped', () => {
    const skipped = { base: [nodeRun(['passed test/security.test.js > a'])], head: [nodeRun(['skipped test/security.test.js > a', 'passed t.test.js > b'])], red: [] };
    expect([
      loses({ scan: weaker('test/security.test.js') }), loses({ scan: weaker('test/security.test.js', 'note') }), loses({ files: [{ path: 'test/security.test.js', status: 'deleted', mode: '100644' }] }), loses({ checks: skipped }),
      loses({ scan: weaker('test/pay.js'), environment: { ...evidenceOf().environment, securityTests: ['test/pay.js'] } }),
    ]).toEqual([true, true, true, true, true]);
  });

  it('and not where others are, or none is', () => {
    expect([loses({}), loses({ scan: weaker('cart.test.js') }), loses({ files: [{ path: 'cart.test.js', status: 'deleted', mode: '100644' }] })]).toEqual([false, false, false]);
  });
});

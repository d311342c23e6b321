import type { Evidence } from '../protocol/evidence.js';
import { weakenedSecurityTests } from './tamper.js';

/** True where the verdict rests on security tests that a change takes away or weakens: whoever takes that on says so by itself. */
export function losesSecurityTests({ conditions, scan, environment }: Pick<Evidence, 'conditions' | 'scan' | 'environment'>): boolean {
  const fails = (id: string): boolean => conditions.some((one) => one.id === id && one.holds === 'no');
  return fails('tests.security_kept') || (fails('tests.not_weakened') && weakenedSecurityTests({ scan, environment }).length > 0);
}

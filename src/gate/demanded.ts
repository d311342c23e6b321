import type { Evidence } from '../protocol/evidence.js';
import type { Finding } from './conditions.js';
import { isSecurityTest } from './test-files.js';
import { believable } from './proof.js';

type Given = Pick<Evidence, 'terms' | 'scan' | 'advisories' | 'checks' | 'environment'>;

/** What the policy requires of the gate beyond its own conditions: one condition a term, `policy.TERM`. A term that is not known is not met. */
export function demandedConditions(evidence: Given): Finding[] {
  return (evidence.terms?.requires ?? []).map((term) => ({ id: `policy.${term}`, ...holdsOf(term, evidence) }));
}

type Held = Pick<Finding, 'holds' | 'detail'>;

function holdsOf(term: string, { scan, advisories, checks, environment }: Given): Held {
  if (term === 'notes') {
    const found = scan.results.filter((r) => r.state === 'new' && r.level === 'note');
    return found.length === 0 ? { holds: 'yes', detail: 'No new scan result of level note either.' } : { holds: 'no', detail: `New scan results of level note: ${found.slice(0, 5).map((r) => `${r.rule} at ${r.path}:${r.line}`).join(', ')}.`.slice(0, 2000) };
  }
  if (term === 'advisories') return advisories.source !== null && advisories.problem === null ? { holds: 'yes', detail: 'Known advisories were looked up.' } : { holds: 'unknown', detail: `Known advisories were not looked up: ${advisories.problem ?? 'none are configured'}.`.slice(0, 2000) };
  if (term === 'security-tests') {
    const ran = checks.head.filter(believable).flatMap((run) => run.cases ?? []).filter((one) => one.status === 'passed' && isSecurityTest(one.file ?? one.id, environment.securityTests ?? []));
    return ran.length > 0 ? { holds: 'yes', detail: 'Security tests ran and pass.' } : { holds: 'unknown', detail: 'No security test ran and passed at the head.' };
  }
  const name = /^check:(.+)$/.exec(term)?.[1];
  if (name === undefined) return { holds: 'unknown', detail: `This version does not know what "${term}" asks for.` };
  const run = checks.head.find((one) => one.name === name);
  if (run === undefined) return { holds: 'unknown', detail: `There is no check "${name}".` };
  if (!believable(run)) return { holds: 'unknown', detail: `The check "${name}" ran and cannot be believed.` };
  return run.exit === 0 ? { holds: 'yes', detail: `The check "${name}" passes at the head.` } : { holds: 'no', detail: `The check "${name}" fails at the head, whether it did before or not.` };
}

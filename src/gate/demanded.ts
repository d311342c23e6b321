import type { Evidence } from '../protocol/evidence.js';
import type { Finding } from './conditions.js';
import { decisive } from '../sarif/suppress.js';
import { leastCoverage } from '../protocol/gate-terms.js';
import { isSecurityTest } from './test-files.js';
import { believable } from './proof.js';

type Given = Pick<Evidence, 'terms' | 'coverage' | 'suppressions' | 'tools' | 'scan' | 'advisories' | 'checks' | 'environment'>;

/** What the policy requires of the gate beyond its own conditions: one condition a term, `policy.TERM`. A term that is not known is not met. */
export function demandedConditions(evidence: Given): Finding[] {
  return (evidence.terms?.requires ?? []).map((term) => ({ id: `policy.${term}`, ...holdsOf(term, evidence) }));
}

type Held = Pick<Finding, 'holds' | 'detail'>;

function holdsOf(term: string, { coverage, scan, tools, suppressions, advisories, checks, environment }: Given): Held {
  if (term === 'notes') {
    const found = [...scan.results, ...(tools ?? []).flatMap((tool) => tool.results)].filter((r) => r.state === 'new' && r.level === 'note' && decisive(r, suppressions));
    return found.length === 0 ? { holds: 'yes', detail: 'No new result of level note either.' } : { holds: 'no', detail: `New results of level note: ${found.slice(0, 5).map((r) => `${r.rule} at ${r.path}:${r.line}`).join(', ')}.`.slice(0, 2000) };
  }
  if (term === 'advisories') return advisories.source !== null && advisories.problem === null ? { holds: 'yes', detail: 'Known advisories were looked up.' } : { holds: 'unknown', detail: `Known advisories were not looked up: ${advisories.problem ?? 'none are configured'}.`.slice(0, 2000) };
  if (term === 'security-tests') {
    const ran = checks.head.filter(believable).flatMap((run) => run.cases ?? []).filter((one) => one.status === 'passed' && isSecurityTest(one.file ?? one.id, environment.securityTests ?? []));
    return ran.length > 0 ? { holds: 'yes', detail: 'Security tests ran and pass.' } : { holds: 'unknown', detail: 'No security test ran and passed at the head.' };
  }
  const least = leastCoverage(term);
  if (least !== null) return covered(least, coverage);
  const name = /^check:(.+)$/.exec(term)?.[1];
  if (name === undefined) return { holds: 'unknown', detail: `This version does not know what "${term}" asks for.` };
  const run = checks.head.find((one) => one.name === name);
  if (run === undefined) return { holds: 'unknown', detail: `There is no check "${name}".` };
  if (!believable(run)) return { holds: 'unknown', detail: `The check "${name}" ran and cannot be believed.` };
  return run.exit === 0 ? { holds: 'yes', detail: `The check "${name}" passes at the head.` } : { holds: 'no', detail: `The check "${name}" fails at the head, whether it did before or not.` };
}

/** Of the changed lines of code. A file that was not measured leaves it open, unless what was measured is too little already. */
function covered(least: number, coverage: Given['coverage']): Held {
  if (coverage === undefined) return { holds: 'unknown', detail: 'The coverage of the changed lines was not measured.' };
  const { files, more } = coverage;
  const sum = (of: (one: (typeof files)[number]) => number): number => files.reduce((total, one) => total + of(one), 0);
  const [executable, executed] = [sum((one) => one.executable ?? 0), sum((one) => one.executed)];
  const left = files.filter((one) => one.executable === null).length + more;
  const told = `${executed} of ${executable} changed lines of code were executed; ${least} % are asked for`;
  if (executable > 0 && executed * 100 < least * executable) return { holds: 'no', detail: `${told}.` };
  return left > 0 ? { holds: 'unknown', detail: `${told}, and ${left} changed files of code were not measured.` } : { holds: 'yes', detail: `${told}.` };
}

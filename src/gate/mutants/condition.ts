import { count } from '../../protocol/words.js';
import type { Evidence } from '../../protocol/evidence.js';
import type { Mutant } from '../../protocol/mutants.js';
import type { Finding } from '../conditions.js';

/** That new tests notice a fault in the code that they run by what they assert: a test that asserts nothing, or what is always so, notices none. */
export function mutantsCondition({ mutants }: Pick<Evidence, 'mutants'>): Finding {
  const id = 'mutants.killed';
  if (mutants === undefined) return { id, holds: 'unknown', detail: 'No fault was put into the covered code.' };
  const of = (outcome: Mutant['outcome']): Mutant[] => mutants.tried.filter((one) => one.outcome === outcome);
  const [killed, survived, other] = [of('killed'), of('survived'), of('stopped').length + of('unclear').length];
  const told = killed.length + survived.length;
  if (told === 0) return { id, holds: 'unknown', detail: (mutants.reason ?? `${count(mutants.tried.length, 'fault')} put into the covered code: each stopped it or told nothing, so what the new tests assert is not known.`).slice(0, 2000) };
  const left = survived.length === 0 ? '' : ` Not noticed: ${survived.slice(0, 5).map(mutantText).join('; ')}.`;
  const detail = `The new tests notice ${killed.length} of ${count(told, 'fault')} put into the code that they execute${other === 0 ? '' : ` (${other} more stopped the code or told nothing)`}.${left}`.slice(0, 2000);
  return { id, holds: killed.length > 0 ? 'yes' : 'no', detail };
}

export function mutantText({ path, line, operator, before, after }: Mutant): string {
  return `${path}:${line} ${operator.replaceAll('-', ' ')}: ${before} → ${after === '' || after === ';' || after === 'pass' ? '(nothing)' : after}`;
}

import type { Evidence } from '../../protocol/evidence.js';
import type { InterfaceChange } from '../../protocol/interface.js';
import { count } from '../../protocol/words.js';
import type { Finding } from '../conditions.js';

type Given = Pick<Evidence, 'interface'>;
const MOST_NAMED = 8;

/** For `refactor`: others find all that they found before, in the same words. Whether something that is gone was meant to go, a person says. No condition where there is no such thing, which *not checked* says. */
export function interfaceConditions({ interface: offered }: Given): Finding[] {
  const id = 'proof.interface_kept';
  if (offered === undefined) return [];
  const lost = offered.changes.filter((one) => one.state !== 'added');
  const { removed, changed, added } = offered.counts;
  if (removed + changed > 0) return [{ id, holds: 'unknown', detail: `Of what the package offers to others ${count(removed, 'name')} ${removed === 1 ? 'is' : 'are'} gone and ${changed} changed; a person has to say whether that was meant: ${lost.slice(0, MOST_NAMED).map(interfaceText).join('; ')}.`.slice(0, 2000) }];
  if (offered.unclear.length > 0) return [{ id, holds: 'unknown', detail: `Whether the package offers what it did cannot be told: ${offered.unclear.slice(0, 5).join('; ')}.`.slice(0, 2000) }];
  return [{ id, holds: 'yes', detail: `All that the package offered to others is there with the same parameters${added === 0 ? '' : `; ${count(added, 'name')} ${added === 1 ? 'is' : 'are'} new`}.` }];
}

/** Lines of *not checked*. */
export function interfaceNotChecked({ interface: offered }: Given): string[] {
  return [offered === undefined ? 'the public interface: no way into a package of JavaScript or Python is known' : 'of the public interface: what functions give back, what types hold, and what comes from other packages'];
}

/** Of one name, in words. */
export function interfaceText({ entry, name, before, after }: InterfaceChange): string {
  const what = name === '' ? entry : `${name} of ${entry}`;
  if (before === null) return `${what}: ${after}`;
  return after === null ? `${what}: was ${before}` : `${what}: was ${before}, is ${after}`;
}

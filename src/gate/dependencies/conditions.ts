import type { Dependencies, Dependency, DependencyRule } from '../../protocol/dependencies.js';
import type { Evidence } from '../../protocol/evidence.js';
import { count } from '../../protocol/words.js';
import type { Finding } from '../conditions.js';

type Given = Pick<Evidence, 'dependencies' | 'advisories'> & { readonly environment?: Pick<Evidence['environment'], 'headSnapshot'> };

const RULES: readonly (readonly [DependencyRule, string])[] = [
  ['malicious', 'No package that the change brings is known to be malicious.'],
  ['names', 'No name that the change brings resembles one that is well known or in use.'],
  ['confusion', 'No internal name comes from elsewhere.'],
  ['sources', 'All that the change brings comes from a registry that may be named, by a digest that did not change.'],
  ['scripts', 'The change lists none of its own packages among those whose install scripts run.'],
];
const SHOWN = 5;

/** What holds of the packages that a change adds, moves or alters. Nothing is claimed where it touches no manifest and no lockfile. */
export function dependencyConditions({ dependencies, advisories, environment }: Given): readonly Finding[] {
  if (dependencies === null) return [];
  if (dependencies === undefined) return [{ id: 'dependencies.known', holds: 'unknown', detail: 'What the change does to packages was not looked at.' }];
  const known = listsKnown(dependencies);
  const brought = dependencies.changes.filter((c) => c.state !== 'removed');
  if (brought.length + dependencies.more === 0) return [known];
  return [
    known, ...RULES.map(([rule, good]) => ruleHolds(rule, good, brought)), advisoriesAsked(dependencies, brought, advisories),
    ...(dependencies.rules.minimumAge > 0 ? [oldEnough(brought, environment?.headSnapshot ?? null)] : []),
    ...(dependencies.rules.licences ? [ruleHolds('licences', 'Every licence is one that the environment allows.', brought)] : []),
  ];
}

function listsKnown({ problem, changes, more, locks }: Dependencies): Finding {
  const id = 'dependencies.known';
  if (problem !== null) return { id, holds: 'unknown', detail: `What the change does to packages is not known: ${problem}.`.slice(0, 2000) };
  const of = (state: Dependency['state']): number => changes.filter((c) => c.state === state).length;
  const words = [['added', 'added'], ['moved', 'moved'], ['altered', 'altered in place'], ['removed', 'removed']] as const;
  const told = words.flatMap(([state, word]) => (of(state) > 0 ? [`${of(state)} ${word}`] : []));
  const rest = more === 0 ? '' : `, and ${more} that are not listed`;
  return { id, holds: 'yes', detail: told.length === 0 && more === 0 ? `No package was added, moved or removed (${count(locks.length, 'list')} of packages).` : `Packages: ${told.join(', ')}${rest}.` };
}

function ruleHolds(rule: DependencyRule, good: string, brought: readonly Dependency[]): Finding {
  const id = `dependencies.${rule}`;
  const found = (holds: 'no' | 'unknown'): string[] => brought.flatMap((c) => c.problems.filter((p) => p.rule === rule && p.holds === holds).map((p) => `${c.name}@${c.version}: ${p.why}`));
  const [bad, open] = [found('no'), found('unknown')];
  if (bad.length > 0) return { id, holds: 'no', detail: listed(bad) };
  return open.length > 0 ? { id, holds: 'unknown', detail: listed(open) } : { id, holds: 'yes', detail: good };
}

function listed(texts: readonly string[]): string {
  return `${texts.slice(0, SHOWN).join('; ')}${texts.length > SHOWN ? `; and ${texts.length - SHOWN} more` : ''}.`.slice(0, 2000);
}

/** What is known of packages is worth something only where somebody says it, and lately. */
function advisoriesAsked({ rules }: Dependencies, brought: readonly Dependency[], { source, ageDays, problem }: Evidence['advisories']): Finding {
  const id = 'dependencies.advisories';
  const found = ruleHolds('advisories', '', brought);
  if (found.holds === 'no') return found;
  const most = Math.floor(rules.advisoryAge / 86_400_000);
  if (source === null) return { id, holds: 'unknown', detail: 'No advisories are configured, so what is known of the packages that the change brings was not asked.' };
  if (problem !== null) return { id, holds: 'unknown', detail: `The advisories do not count: ${problem}.`.slice(0, 2000) };
  if (rules.advisoryAge > 0 && (ageDays === null || ageDays > most)) return { id, holds: 'unknown', detail: `The newest advisory ${ageDays === null ? 'has no date' : `is ${count(ageDays, 'day')} old`}; packages.advisory_age of the environment allows ${count(most, 'day')}.` };
  if (found.holds === 'unknown') return found;
  return { id, holds: 'yes', detail: `No known advisory names what the change brings${ageDays === null ? '' : `; the newest is ${count(ageDays, 'day')} old`}.` };
}

/** The fetch holds every version against the minimum age. Where nothing was fetched, nobody did. */
function oldEnough(brought: readonly Dependency[], headSnapshot: string | null): Finding {
  const found = ruleHolds('age', 'Every version is as old as the minimum age demands, or exempt: the fetch refused none.', brought);
  return found.holds === 'yes' && headSnapshot === null ? { ...found, holds: 'unknown', detail: 'How old the versions are is not known: the head could not be set up.' } : found;
}

/**
 * What a policy may say of the gate. Here, because the policy reads it and the gate obeys it.
 */
export function isGateTerm(term: string): boolean {
  return ['notes', 'advisories', 'security-tests'].includes(term) || /^check:[a-z][a-z0-9_-]{0,62}$/.test(term) || leastCoverage(term) !== null;
}

/** Percent of the changed lines of code that `coverage>=N` asks for; null for another term. */
export function leastCoverage(term: string): number | null {
  const percent = /^coverage>=(\d{1,3})$/.exec(term)?.[1];
  return percent === undefined || Number(percent) > 100 ? null : Number(percent);
}

/**
 * Conditions whose `unknown` a policy may accept: what a person would have to look at. Not among them: that the proof is whole, that tests ran, and that their reports and the scan can be believed.
 * A condition that does not hold is never accepted.
 */
export const ACCEPTABLE: ReadonlySet<string> = new Set([
  'files.protected', 'tests.not_weakened', 'checks.definition', 'tools.definition', 'dependencies.known', 'dependencies.advisories', 'dependencies.age', 'dependencies.licences',
  'advisories.none_new', 'advisory.gone', 'proof.red_before', 'proof.old_tests_hold', 'proof.new_cases_red_on_base', 'proof.same_cases', 'proof.interface_kept', 'proof.guards_kept', 'mutants.killed', 'change.executed',
]);

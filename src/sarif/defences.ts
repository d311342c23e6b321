import { ALL_FUNCTIONS, type Defences, type DefenceUse, type RuleMeta } from './model.js';
import type { SarifResult } from './parse.js';

/** Rule of the results below. Most real vulnerabilities enter as a check that is missing: what left is as much a finding as what came. */
export const REMOVED_DEFENCE = 'flow/removed-defence';
export const REMOVED_DEFENCE_META: RuleMeta = {
  id: REMOVED_DEFENCE, title: 'Defence taken away', cwe: 693, severity: 7, level: 'warning',
  help: 'Put the check, the escape or the guard back, or another one that is good enough before the same call.',
};
/** A condition over what is allowed, of what kind or how large something is. */
const DEFENSIVE = /auth|valid|allow|permit|role|admin|owner|token|secret|csrf|\blength\b|size|max|limit|\.\.|proto|typeof|instanceof|isInteger|isArray|\.test\(|includes\(|\.has\(|startsWith|match|origin|host|safe|trusted/i;
/** Results for one change; more than that is a rewrite, which says nothing call by call. */
const MOST = 200;

/**
 * Defences that the base had and the head lacks, before a call that is still there and that data reaches: a guard, a sanitizer, an anchored pattern, a middleware. A defence that
 * was replaced by another one that is good enough leaves nothing. A condition that ended a function early and is gone is a note, and a warning where the function does something dangerous.
 */
export function removedDefences(base: Defences, head: Defences): SarifResult[] {
  const before = new Map(base.uses.map((use) => [keyOf(use), use]));
  const gone = head.uses.flatMap((use) => {
    const was = before.get(keyOf(use));
    const left = was === undefined ? [] : was.defences.filter((defence) => !use.defences.includes(defence));
    // A guard of a route counts for itself; one of several defences of a value only where what is left does not do.
    const missing = was === undefined || !use.open ? [] : was.open ? left.filter((defence) => defence.startsWith('guard ')) : left;
    return missing.length === 0 ? [] : [resultOf(use, `The call of ${use.sink} ${inFunction(use.where)} lost a defence that stood before it: ${missing.slice(0, 5).join('; ')}.`, use.cwe, 'warning')];
  });
  const told = new Set(gone.map((result) => result.path + result.snippet.split('\n')[1]));
  const dangerous = new Set(head.uses.filter((use) => use.open).map((use) => placeOf(use)));
  const now = new Map(head.exits.map((exit) => [placeOf(exit), exit]));
  const lost = base.exits.flatMap((was) => {
    if (was.where === ALL_FUNCTIONS || !(was.where === '' || now.get(placeOf({ path: was.path, where: ALL_FUNCTIONS }))?.checks.includes(was.where) === true)) return [];
    const exit = now.get(placeOf(was)) ?? { ...was, checks: [] };
    const missing = was.checks.filter((check) => !exit.checks.includes(check));
    if (missing.length === 0 || exit.checks.length >= was.checks.length || told.has(exit.path + exit.where)) return [];
    return [resultOf({ ...exit, rule: 'exit', sink: missing.join(' ') }, `A check that ended ${exit.where === '' ? 'early' : `"${exit.where}" early`} is gone: ${missing.slice(0, 3).join('; ')}.`, 'CWE-754', dangerous.has(placeOf(exit)) && missing.some((check) => DEFENSIVE.test(check)) ? 'warning' : 'note')];
  });
  return [...gone, ...lost].slice(0, MOST);
}

const keyOf = ({ rule, path, where, sink, nth }: DefenceUse): string => JSON.stringify([rule, path, where, sink, nth]);
const placeOf = ({ path, where }: { readonly path: string; readonly where: string }): string => JSON.stringify([path, where]);
const inFunction = (where: string): string => (where === '' ? 'at the top of the file' : `in "${where}"`);

function resultOf({ path, line, where, sink, rule }: { readonly path: string; readonly line: number; readonly where: string; readonly sink: string; readonly rule: string }, message: string, cwe: string | null, level: 'warning' | 'note'): SarifResult {
  return { rule: REMOVED_DEFENCE, level, message: message.slice(0, 2000), path, line, snippet: `${rule}\n${where}\n${sink}`.slice(0, 1000), cwe, fix: null };
}

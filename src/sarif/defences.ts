import type { SarifResult } from './parse.js';

/** How a dangerous call is reached: what stands between it and data that somebody else may choose. */
export interface DefenceUse {
  /** The rule that looks at the call, and its class. */
  readonly rule: string;
  readonly cwe: string | null;
  readonly path: string;
  readonly line: number;
  /** Names of the functions around it, outermost first; '' at the top of a file. */
  readonly where: string;
  /** What is called: `fs.readFileSync`. */
  readonly sink: string;
  /** Which one of its kind in its function, from 0. */
  readonly nth: number;
  /** True where data that is not clean reaches it. */
  readonly open: boolean;
  /** Guards and sanitizers on the way, in words. */
  readonly defences: readonly string[];
}

/** Conditions of a function that end it when they hold: `if (x.length > MAX) throw …`. */
export interface ExitChecks {
  readonly path: string;
  readonly line: number;
  readonly where: string;
  /** The conditions, without white space. */
  readonly checks: readonly string[];
}

export interface Defences {
  readonly uses: readonly DefenceUse[];
  readonly exits: readonly ExitChecks[];
}

export const NO_DEFENCES: Defences = { uses: [], exits: [] };

/** Rule of the results below. Most real vulnerabilities enter as a check that is missing: what left is as much a finding as what came. */
export const REMOVED_DEFENCE = 'flow/removed-defence';
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
    const missing = was === undefined || !use.open || was.open ? [] : was.defences.filter((defence) => !use.defences.includes(defence));
    return missing.length === 0 ? [] : [resultOf(use, `The call of ${use.sink} ${inFunction(use.where)} lost a defence that stood before it: ${missing.slice(0, 5).join('; ')}.`, use.cwe, 'warning')];
  });
  const told = new Set(gone.map((result) => result.path + result.snippet.split('\n')[1]));
  const dangerous = new Set(head.uses.filter((use) => use.open).map((use) => placeOf(use)));
  const checks = new Map(base.exits.map((exit) => [placeOf(exit), exit]));
  const lost = head.exits.flatMap((exit) => {
    const was = checks.get(placeOf(exit));
    const missing = was === undefined ? [] : was.checks.filter((check) => !exit.checks.includes(check));
    if (missing.length === 0 || exit.checks.length >= (was?.checks.length ?? 0) || told.has(exit.path + exit.where)) return [];
    return [resultOf({ ...exit, rule: 'exit', sink: missing.join(' ') }, `A check that ended ${exit.where === '' ? 'early' : `"${exit.where}" early`} is gone: ${missing.slice(0, 3).join('; ')}.`, 'CWE-754', dangerous.has(placeOf(exit)) ? 'warning' : 'note')];
  });
  return [...gone, ...lost].slice(0, MOST);
}

const keyOf = ({ rule, path, where, sink, nth }: DefenceUse): string => JSON.stringify([rule, path, where, sink, nth]);
const placeOf = ({ path, where }: { readonly path: string; readonly where: string }): string => JSON.stringify([path, where]);
const inFunction = (where: string): string => (where === '' ? 'at the top of the file' : `in "${where}"`);

function resultOf({ path, line, where, sink, rule }: { readonly path: string; readonly line: number; readonly where: string; readonly sink: string; readonly rule: string }, message: string, cwe: string | null, level: 'warning' | 'note'): SarifResult {
  return { rule: REMOVED_DEFENCE, level, message: message.slice(0, 2000), path, line, snippet: `${rule}\n${where}\n${sink}`.slice(0, 1000), cwe, fix: null };
}

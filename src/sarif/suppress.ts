import type { ScanResult, Suppressions } from '../protocol/evidence.js';
import { fitsGlob, fitsWildcard } from '../protocol/glob.js';
import type { Suppression } from '../protocol/tools.js';
import { REMOVED_DEFENCE } from './defences.js';
import { TAMPER_RULES, type TamperRule, tamperRule } from './tamper/rules.js';

type Result = Pick<ScanResult, 'rule' | 'path' | 'fingerprint' | 'level' | 'cwe'>;

/** What the gate rests on: who could suppress it could switch the gate off. */
const NEVER: readonly string[] = [REMOVED_DEFENCE, ...TAMPER_RULES.filter(unyielding).map((rule) => rule.id)];
const SECRETS = 'secret/';
/** Hard-coded credentials, by whatever tool they are found. */
const SECRET_CWE = 'CWE-798';

function unyielding(rule: TamperRule): boolean {
  return rule.level === 'error' || rule.weakens || rule.id === 'tamper/protected-file';
}

/** Why suppressions cannot be had as they are written, one sentence each; `today` is a day in UTC. What is accepted once is never refused later. */
export function refusedSuppressions(list: readonly Suppression[], today: string): string[] {
  const last = yearAfter(today);
  return list.flatMap((one, i) => {
    const never = NEVER.find((id) => fitsWildcard(one.rule, id));
    return [
      ...(one.until > last ? [`suppressions.${i}.until: ${one.until} is more than a year ahead, the last day that can be had is ${last}`] : []),
      ...(never === undefined ? [] : [`suppressions.${i}.rule: "${one.rule}" takes in ${never}, which is never suppressed`]),
      ...(one.fingerprint === undefined && mayFit(one.rule, SECRETS) ? [`suppressions.${i}.rule: "${one.rule}" takes in secrets, which are suppressed one by one: give the \`fingerprint\``] : []),
    ];
  });
}

/** True where a pattern fits some text that begins like this. */
function mayFit(pattern: string, prefix: string): boolean {
  const fixed = /^[^*?]*/.exec(pattern)?.[0] ?? '';
  return fixed === pattern ? pattern.startsWith(prefix) : fixed.startsWith(prefix) || prefix.startsWith(fixed);
}

function yearAfter(day: string): string {
  const [year = '', month = '', date = ''] = day.split('-');
  return `${String(Number(year) + 1).padStart(4, '0')}-${month}-${month === '02' && date === '29' ? '28' : date}`;
}

function fits(one: Suppression, result: Result): boolean {
  const untouchable = NEVER.includes(result.rule) || (result.rule.startsWith('tamper/') && (result.level === 'error' || tamperRule(result.rule) === null));
  const secret = result.rule.startsWith(SECRETS) || result.cwe === SECRET_CWE;
  return !untouchable && (one.fingerprint === undefined ? !secret : one.fingerprint === result.fingerprint) && fitsWildcard(one.rule, result.rule) && fitsGlob(one.path, result.path);
}

/** The suppression that holds for a result on the day of the evidence; null where none does. */
export function suppressionOf(result: Result, suppressions: Suppressions | undefined): Suppression | null {
  return suppressions?.list.find((one) => suppressions.at <= one.until && fits(one, result)) ?? null;
}

/** Whether a result may decide. */
export function decisive(result: Result, suppressions: Suppressions | undefined): boolean {
  return suppressionOf(result, suppressions) === null;
}

/** With how many results of the head each suppression fits, in force or not. */
export function matchSuppressions(list: readonly Suppression[], at: string, results: readonly ScanResult[]): Suppressions {
  const present = results.filter((result) => result.state !== 'absent');
  return { at, list: list.map((one) => ({ ...one, matched: present.filter((result) => fits(one, result)).length })) };
}

/** A sentence about the suppressions that would hold for these results, had they not expired; '' without any. */
export function expiredText(results: readonly Result[], suppressions: Suppressions | undefined): string {
  const expired = (suppressions?.list ?? []).filter((one) => one.until < (suppressions?.at ?? '') && results.some((result) => fits(one, result)));
  return expired.slice(0, 3).map((one) => ` The suppression of ${one.rule} in ${one.path} expired on ${one.until}.`).join('');
}

/** How many of the new results that could decide are suppressed; '' without any. */
export function suppressedText(results: readonly ScanResult[], suppressions: Suppressions | undefined): string {
  const held = results.filter((one) => one.state === 'new' && one.level !== 'note' && !decisive(one, suppressions)).length;
  return held === 0 ? '' : ` ${held} new ${held === 1 ? 'one is' : 'ones are'} suppressed.`;
}

/** What became of a suppression, in a few words. */
export function stateOf({ until, matched }: Suppressions['list'][number], at: string): string {
  if (until < at) return `expired on ${until}${matched === 0 ? ', nothing fits it' : ', decides again'}`;
  return matched === 0 ? `unused, until ${until}` : `holds for ${matched}, until ${until}`;
}

/** As SARIF has it (3.35). */
export function sarifSuppression({ reason, until, by }: Suppression): unknown {
  return { kind: 'external', status: 'accepted', justification: `${reason} (until ${until}${by === undefined ? '' : `, by ${by}`})` };
}

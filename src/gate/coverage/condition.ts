import { count } from '../../protocol/words.js';
import type { FileCoverage } from '../../protocol/coverage.js';
import type { Evidence } from '../../protocol/evidence.js';
import type { Finding } from '../conditions.js';

type Given = Pick<Evidence, 'coverage'>;
/** Kinds whose tests must have something to say of each file, not of the change somewhere. */
const EVERY_FILE: readonly Evidence['kind'][] = ['feature', 'refactor'];
const MAX_PLACES = 10;
const MAX_REASONS = 5;

/**
 * That tests which pass say something of the change: at least one line of code that it added or edited was executed. What was measured comes out of a sandbox in which code of
 * the change ran, so a `yes` is no proof by itself; all others stand beside it. A feature and a refactor need one in each file that was measured. Where nothing can be measured there is no condition, and *not checked* says why.
 */
export function executedConditions({ coverage, kind }: Given & Pick<Evidence, 'kind'>): Finding[] {
  const id = 'change.executed';
  if (coverage === undefined) return [];
  const { executable, executed } = totals(coverage.files);
  const broken = coverage.checks.filter((one) => one.problem !== null);
  const silent = EVERY_FILE.includes(kind) ? coverage.files.filter((one) => (one.executable ?? 0) > 0 && one.executed === 0) : [];
  if (executed > 0 && silent.length > 0) return [{ id, holds: 'unknown', detail: `In ${count(silent.length, 'changed file')} no changed line was executed, so tests that pass say nothing of ${silent.length === 1 ? 'it' : 'them'}: ${placesOf(silent)}.`.slice(0, 2000) }];
  if (executed > 0) return [{ id, holds: 'yes', detail: `${executed} of ${count(executable, 'changed line')} of code ${executed === 1 ? 'was' : 'were'} executed by the checks.` }];
  if (broken.length > 0) return [{ id, holds: 'unknown', detail: `Whether the changed lines were executed cannot be told: ${broken.map((one) => `"${one.check}": ${one.problem}`).join('; ')}.`.slice(0, 2000) }];
  if (executable > 0) return [{ id, holds: 'unknown', detail: `None of ${count(executable, 'changed line')} of code was executed, so tests that pass say nothing of the change: ${placesOf(coverage.files)}.`.slice(0, 2000) }];
  return [];
}

/** Lines of *not checked*. */
export function notExecuted({ coverage }: Given): string[] {
  if (coverage === undefined) return ['coverage of the changed lines'];
  const { executable, executed } = totals(coverage.files);
  const unmeasured = coverage.files.filter((one) => one.executable === null);
  const reasons = [...new Map(unmeasured.toReversed().map((one) => [one.reason, one.path]))].slice(0, MAX_REASONS).map(([reason, path]) => `${path}: ${reason}`);
  const left = unmeasured.length + coverage.more;
  return [
    ...(executable > executed ? [`${executable - executed} of ${count(executable, 'changed line')} of code ${executable - executed === 1 ? 'was' : 'were'} not executed: ${placesOf(coverage.files)}`.slice(0, 1500)] : []),
    ...(left > 0 ? [`coverage of the changed lines in ${count(left, 'file')} (${reasons.join('; ')})`.slice(0, 1500)] : []),
  ];
}

/** Of one file, in words. */
export function coverageText({ path, changed, executable, executed, unexecuted, reason }: FileCoverage): string {
  if (executable === null) return `${path}: ${count(changed, 'changed line')}, not measured: ${reason ?? 'no reason is known'}`;
  return `${path}: ${executed} of ${count(executable, 'changed line')} of code executed${unexecuted.length === 0 ? '' : `; not ${linesText(unexecuted, MAX_PLACES)}`}`;
}

function totals(files: readonly FileCoverage[]): { readonly executable: number; readonly executed: number } {
  return { executable: files.reduce((sum, one) => sum + (one.executable ?? 0), 0), executed: files.reduce((sum, one) => sum + one.executed, 0) };
}

function placesOf(files: readonly FileCoverage[]): string {
  const open = files.filter((one) => one.unexecuted.length > 0);
  return [...open.slice(0, MAX_PLACES).map((one) => `${one.path}:${linesText(one.unexecuted, MAX_PLACES)}`), ...(open.length > MAX_PLACES ? [`… and ${count(open.length - MAX_PLACES, 'more file')}`] : [])].join('; ');
}

function linesText(ranges: FileCoverage['unexecuted'], most: number): string {
  return [...ranges.slice(0, most).map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)), ...(ranges.length > most ? ['…'] : [])].join(', ');
}

import type { LineRange } from '../../protocol/coverage.js';
import type { CheckSpec } from '../../protocol/environment.js';
import type { CheckRun, RunAgain } from '../../protocol/evidence.js';
import { collectCheck, type Collector, type Exec, type Side } from '../collect.js';
import { believable } from '../proof.js';
import { type Language, languageOf } from './languages.js';
import { MAX_COVERAGE, readReport, type Report } from './report.js';
import { type Asked, coveredWay, type Covered, type Installed } from './ways.js';

const READER_MS = 120_000;
const PROBE_MS = 10_000;
/** Measuring slows tests down; Python's trace most. */
const SLOWER = 3;
const LONGEST_MS = 3_600_000;
/** The first provider of vitest's that the project has installed. */
const PROBE = 'for p in v8 istanbul; do [ -e "node_modules/@vitest/coverage-$p/package.json" ] && echo $p && exit 0; done; exit 0';

/** What one check says of the lines that were asked for. */
export interface Measured {
  readonly check: string;
  readonly by: 'v8' | 'istanbul' | 'trace' | null;
  /** Why nothing is measured here. */
  readonly reason: string | null;
  /** Why what should have been measured cannot be told. */
  readonly problem: string | null;
  readonly reports: readonly Report[];
  /** The second run of the cases over the same code; null where there was none, or the code was rewritten to measure it. */
  readonly again: RunAgain | null;
}

/**
 * Runs one check of the head once more, in a fresh sandbox of its own, with coverage measured: the run that gives the verdict is never instrumented. What was executed is read inside the
 * sandbox; what comes out is hostile all the same, for code of the change ran there. So it can only make less of a result, never more. `direct`: what was compiled into another file does not count.
 */
export async function measureCheck(collector: Collector, side: Omit<Side, 'side'>, name: string, check: CheckSpec, run: CheckRun | undefined, files: ReadonlyMap<string, readonly LineRange[]>, direct = false): Promise<Measured> {
  const none = (reason: string): Measured => ({ check: name, by: null, reason, problem: null, reports: [], again: null });
  if (run === undefined || !believable(run)) return none('it gave no result that can be believed');
  if (run.runner === 'command' ? run.exit !== 0 : !(run.cases ?? []).some((one) => one.status === 'passed')) return none('no case of it passes');
  const asked = byLanguage(files);
  const plan = (installed: Installed): Covered | { readonly reason: string } => coveredWay(check, asked, collector.variables, installed);
  const first = plan({ vitest: 'v8' });
  if ('reason' in first) return none(first.reason);
  let found: { readonly covered: Covered | { readonly reason: string }; readonly reports: readonly Report[] } = { covered: first, reports: [] };
  const again = await collectCheck(collector, { ...side, side: 'covered' }, name, check, async (start, exec) => {
    const covered = check.runner === 'vitest' ? plan({ vitest: await providerOf(exec) }) : first;
    found = { covered, reports: [] };
    if ('reason' in covered) return null;
    const done = await start({ ...covered.way, timeout: Math.min(LONGEST_MS, check.timeout * 1000 * SLOWER) });
    found = { covered, reports: done.reason === 'exited' ? await read(exec, covered, asked, direct) : [{ problem: `the run with coverage measured did not end by itself: ${done.reason}`, files: [] }] };
    return done;
  });
  const { covered, reports } = found;
  if ('reason' in covered || again === null) return none('reason' in covered ? covered.reason : 'it was not started');
  return {
    check: name, by: covered.measures[0]?.by ?? null, reason: null, problem: reports.find((one) => one.problem !== null)?.problem ?? null, reports,
    again: covered.rewritten ? null : { side: 'head', covered: true, run: again },
  };
}

function byLanguage(files: ReadonlyMap<string, readonly LineRange[]>): Map<Language, Asked[]> {
  const found = new Map<Language, Asked[]>();
  for (const [path, lines] of files) {
    const language = languageOf(path);
    if (language !== null) found.set(language, [...(found.get(language) ?? []), { path, lines }]);
  }
  return found;
}

async function providerOf(exec: Exec): Promise<Installed['vitest']> {
  const said = await exec(['/bin/sh', '-c', PROBE], PROBE_MS, 1000, { bare: true });
  const word = said.stdout.toString('utf8').trim();
  return word === 'v8' || word === 'istanbul' ? word : null;
}

async function read(exec: Exec, covered: Covered, asked: ReadonlyMap<Language, readonly Asked[]>, direct: boolean): Promise<Report[]> {
  const reports: Report[] = [];
  for (const measure of covered.measures) {
    const files = asked.get(measure.language) ?? [];
    const said = await exec(measure.reader, READER_MS, MAX_COVERAGE, { bare: true, stdin: Buffer.from(JSON.stringify({ ...measure.input, direct, files })) });
    reports.push(said.reason === 'exited' && said.exit === 0 ? readReport(said.stdout.toString('utf8')) : { problem: `coverage could not be read: ${said.reason}, exit ${said.exit ?? 'none'}`, files: [] });
  }
  return reports;
}

import type { CheckSpec } from '../../protocol/environment.js';
import type { LineRange } from '../../protocol/coverage.js';
import type { Mutant, Mutants } from '../../protocol/mutants.js';
import { applyEdits } from '../../sarif/edits.js';
import { collectCheck, type Collector, onceReading, type Side } from '../collect.js';
import type { CheckRuns } from '../compare.js';
import { languageOf } from '../coverage/languages.js';
import { measureCheck } from '../coverage/measure.js';
import { type Candidate, choose, MAX_CANDIDATES_TEXT, readCandidates } from './choose.js';
import { narrowed, outcomeOf, type Provers, proversOf } from './provers.js';

/** Faults that are tried. */
const MOST = 24;
/** All of them together; what does not fit is left and counted. */
const ALL_MS = 900_000;
const NAME_MS = 120_000;
const WRITE_MS = 30_000;
const MAX_PRODUCT = 400;
const MAX_SHOWN = 200;
const EVERY_LINE: readonly LineRange[] = [[1, 20_000]];

type Laid = Omit<Side, 'side' | 'round'>;
type CaseCheck = Extract<CheckSpec, { args: string[] }>;

/** The head, and what stands in it. */
export interface Subject {
  readonly round: number;
  readonly checks: Readonly<Record<string, CheckSpec>>;
  readonly runs: CheckRuns;
  readonly head: Laid;
  /** Test files that the change added or edited. */
  readonly tests: readonly string[];
  /** Files of code outside of tests. */
  readonly product: readonly string[];
  readonly read: (path: string) => Promise<string | null>;
}

/**
 * Puts faults into the code that new tests execute, one at a time, each in a fresh sandbox over the pristine head, and looks whether these tests notice. The host runs and parses nothing of the tree: a program in a
 * sandbox without a network names the faults, the host cuts the text.
 */
export async function tryMutants(collector: Collector, subject: Subject): Promise<Mutants> {
  const none = (reason: string): Mutants => ({ reason: reason.slice(0, 1000), left: 0, tried: [] });
  const found = Object.entries(subject.checks).flatMap(([name, check]) => {
    const provers = 'command' in check ? null : proversOf(name, subject.runs, subject.tests);
    return 'command' in check || provers === null ? [] : [{ name, check, provers }];
  });
  const one = found[0];
  if (one === undefined) return none('No case in a test file that the change added or edited passes, so there is nothing that could notice a fault.');
  const { spec, provers, ms } = await baseline(collector, subject, one);
  const run = subject.runs.head.find((r) => r.name === one.name);
  // A fault in a source of which the tests run a copy that was compiled before would change nothing.
  const covered = await measureCheck(collector, { round: subject.round, ...subject.head }, one.name, spec, run, new Map(subject.product.slice(0, MAX_PRODUCT).map((path) => [path, EVERY_LINE])), true);
  const lines = new Map(covered.reports.flatMap((report) => report.files.flatMap((file) => ('reason' in file || file.executed.length === 0 || !subject.product.includes(file.path) ? [] : [[file.path, file.executed] as const]))));
  if (lines.size === 0) return none(`No fault was put into the code: what the new tests execute is not known, or nothing (${covered.reason ?? covered.problem ?? 'no line of code outside of tests was executed'}).`);
  const candidates = await nameFaults(collector, subject, lines);
  if (candidates === null) return none('No fault was put into the code: the program that names them told nothing that can be read.');
  const fitting = await withTexts(subject, candidates, lines);
  const chosen = choose(fitting.map((c) => c.candidate), MOST);
  if (chosen.length === 0) return none('The lines that the new tests execute hold nothing that a fault could be put into.');
  const tried: Mutant[] = [];
  const ends = Date.now() + ALL_MS;
  for (const candidate of chosen) {
    const source = fitting.find((c) => c.candidate === candidate)?.source;
    if (source === undefined || Date.now() > ends) break;
    tried.push({ check: one.name, ...(await tryOne(collector, subject, one.name, spec, provers, candidate, source, ms)) });
  }
  return { reason: null, left: fitting.length - tried.length, tried };
}

/** The new tests' files alone where they pass so as well, else the whole check; and how long that takes. */
async function baseline(collector: Collector, { round, head, runs }: Subject, { name, check, provers }: { readonly name: string; readonly check: CaseCheck; readonly provers: Provers }): Promise<{ readonly spec: CaseCheck; readonly provers: Provers; readonly ms: number }> {
  const whole = { spec: check, provers, ms: runs.head.find((run) => run.name === name)?.ms ?? 0 };
  const spec = narrowed(check, provers.files);
  if (spec === null) return whole;
  const run = await collectCheck(collector, { round, side: 'head_again', ...head }, name, spec, (start) => start());
  return run !== null && outcomeOf(run, provers.cases).outcome === 'survived' ? { spec, provers, ms: run.ms } : whole;
}

async function nameFaults(collector: Collector, { round, head }: Subject, lines: ReadonlyMap<string, readonly LineRange[]>): Promise<Candidate[] | null> {
  const found: Candidate[] = [];
  for (const [language, argv] of [['javascript', ['/opt/sallyport/node', '/opt/sallyport/mutants.cjs']], ['python', ['python3', '-I', '-S', '/opt/sallyport/sallyport_mutants.py']]] as const) {
    const files = [...lines].filter(([path]) => languageOf(path) === language).map(([path, ranges]) => ({ path, lines: ranges }));
    if (files.length === 0) continue;
    const said = await onceReading(collector, { round, side: 'head', ...head }, argv, Buffer.from(JSON.stringify({ files })), NAME_MS, MAX_CANDIDATES_TEXT);
    const read = said.reason === 'exited' && said.exit === 0 ? readCandidates(said.stdout.toString('utf8')) : null;
    if (read === null) return null;
    found.push(...read);
  }
  return found;
}

/** Candidates that fit the text of their file, in lines that were executed, and change something. */
async function withTexts({ read }: Subject, candidates: readonly Candidate[], lines: ReadonlyMap<string, readonly LineRange[]>): Promise<{ readonly candidate: Candidate; readonly source: string }[]> {
  const sources = new Map<string, string | null>();
  const found: { candidate: Candidate; source: string }[] = [];
  for (const candidate of candidates) {
    const { path, line, start, end, text } = candidate;
    if (lines.get(path)?.some(([from, to]) => from <= line && line <= to) !== true) continue;
    if (!sources.has(path)) sources.set(path, await read(path));
    const source = sources.get(path) ?? null;
    if (source === null || source.includes('\ufffd') || end > source.length || start >= end || source.slice(start, end) === text) continue;
    found.push({ candidate, source });
  }
  return found;
}

/** The file is written into the sandbox before anything of the tree runs there. */
async function tryOne(collector: Collector, { round, head }: Subject, name: string, check: CaseCheck, { cases }: Provers, { path, line, operator, start, end, text }: Candidate, source: string, ms: number): Promise<Omit<Mutant, 'check'>> {
  const mutated = applyEdits(source, [{ start, end, text }]);
  const run = await collectCheck(collector, { round, side: 'mutant', ...head }, name, check, async (begin, exec) => {
    const put = await exec(['/bin/sh', '-c', 'cat > "$1"', 'mutant', `/workspace/${path}`], WRITE_MS, 1000, { bare: true, stdin: Buffer.from(mutated) });
    return put.reason === 'exited' && put.exit === 0 ? await begin({ timeout: Math.min(check.timeout * 1000, 10_000 + ms * 4) }) : null;
  });
  return { path, line, operator, before: shown(source.slice(start, end)), after: shown(text), ...outcomeOf(run, cases) };
}

function shown(text: string): string {
  const plain = text.replace(/\s+/g, ' ').trim();
  return plain.length <= MAX_SHOWN ? plain : `${plain.slice(0, MAX_SHOWN)}…`;
}

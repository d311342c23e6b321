import { SallyportError } from '../../protocol/errors.js';
import type { ToolRule, ToolRun } from '../../protocol/evidence.js';
import type { ToolSpec } from '../../protocol/tools.js';
import type { SarifResult } from '../../sarif/parse.js';
import type { ExecResult } from '../../sandbox/sandbox.js';
import { withoutSecrets } from '../../scan/secrets.js';
import { type Collector, type Exec, inFreshSandbox, readReport, type Services, type Side } from '../collect.js';
import { MAX_REPORT } from '../runners/runner.js';
import { findingCodes, READERS } from './registry.js';
import { type LookedAt, type ToolReport, unreadable } from './report.js';

/** What a tool gave on one side. Ids of rules have its name in front: `eslint/no-eval`. */
export interface ToolSide {
  readonly name: string;
  readonly run: ToolRun;
  readonly results: readonly SarifResult[];
  readonly rules: readonly ToolRule[];
}

/** The tree that tools look at, with its texts. */
export interface ToolTree extends LookedAt {
  /** Lines of a file; null where it is not of the tree, not text or too large. */
  lines(path: string): Promise<readonly string[] | null>;
}

const NO_SERVICES: Services = { mounts: [], variables: {}, start: async () => undefined };
const SWEEP_MS = 10_000;
const MAX_RULES = 2000;
const MAX_SNIPPET = 500;

/** Runs every tool of the environment, each in a fresh sandbox with no route, and without the services that only tests talk to. */
export async function collectTools(collector: Collector, side: Side, tools: Readonly<Record<string, ToolSpec>>, tree: ToolTree): Promise<ToolSide[]> {
  const sides: ToolSide[] = [];
  for (const [name, tool] of Object.entries(tools)) {
    const one = await inFreshSandbox({ ...collector, services: NO_SERVICES }, side, (exec) => runTool(collector, name, tool, tree, exec));
    sides.push(one);
    await collector.journal.record('scan.ended', { round: side.round, side: side.side === 'base' ? 'base' : 'head', tool: name, results: one.results.length, sarif: null, problem: one.run.problem });
  }
  return sides;
}

async function runTool(collector: Collector, name: string, tool: ToolSpec, tree: ToolTree, exec: Exec): Promise<ToolSide> {
  // A report that the tree brings along is none of this run.
  if (tool.output !== undefined) await exec(['/bin/sh', '-c', 'rm -rf -- "$1"', 'report', `/workspace/${tool.output}`], SWEEP_MS, MAX_REPORT, { bare: true });
  const result = await exec(['/bin/sh', '-c', tool.command], tool.timeout * 1000, MAX_REPORT);
  collector.signal.throwIfAborted();
  const left = tool.output === undefined ? { text: result.stdout.toString('utf8'), cut: result.reason === 'output_limit' } : await readReport(result, exec, `/workspace/${tool.output}`);
  collector.signal.throwIfAborted();
  const report = believed(tool, result, left, tree);
  const output = Buffer.concat([result.stdout, result.stderr]);
  return {
    name,
    run: {
      exit: result.exit, reason: result.reason === 'output_limit' ? 'killed' : result.reason, ms: Math.round(result.ms), found: report.results.length, outside: report.outside, version: report.version,
      problem: report.problem?.slice(0, 2000) ?? null, output: output.length === 0 ? null : await collector.journal.keep(output, 'text/plain'),
    },
    results: await placed(report.results.map((one) => ({ ...one, rule: `${name}/${one.rule}`.slice(0, 400), message: withoutSecrets(one.message) })), tree),
    rules: report.rules.slice(0, MAX_RULES).map((rule) => ({ ...rule, id: `${name}/${rule.id}`.slice(0, 400) })),
  };
}

/** The report where run, exit code and report tell one story. With a problem nothing of it counts. */
export function believed(tool: Pick<ToolSpec, 'report' | 'clean' | 'findings'>, ran: Pick<ExecResult, 'exit' | 'reason' | 'stderr' | 'stdout'>, left: { readonly text: string | null; readonly cut: boolean }, tree: LookedAt): ToolReport {
  const { exit, reason } = ran;
  if (reason === 'output_limit' || left.cut) return unreadable('the report is over the limit');
  if (reason !== 'exited') return unreadable(`it did not end by itself: ${reason}`);
  const clean = exit !== null && tool.clean.includes(exit);
  if (!clean && (exit === null || !findingCodes(tool).includes(exit))) return unreadable(`exit code ${exit ?? 'none'}: ${lastWords(ran)}`);
  if (left.text === null) return unreadable('it left no report');
  const report = read(tool, left.text, tree);
  if (report.problem !== null) return { ...unreadable(report.problem), outside: report.outside, version: report.version };
  // What it says that it found is not in the report: then the report says nothing either.
  return !clean && report.results.length + report.outside === 0 ? unreadable(`exit code ${exit} with nothing found: ${lastWords(ran)}`) : report;
}

function read(tool: Pick<ToolSpec, 'report'>, text: string, tree: LookedAt): ToolReport {
  try {
    return READERS[tool.report](text, tree);
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return unreadable(error.message);
  }
}

function lastWords({ stdout, stderr }: Pick<ExecResult, 'stdout' | 'stderr'>): string {
  const said = (stderr.length > 0 ? stderr : stdout).toString('utf8').trim();
  // Some say first what is wrong, some last.
  return said.length > 600 ? `${said.slice(0, 300)} … ${said.slice(-300)}` : said || 'it said nothing';
}

/**
 * Each with the line that it stands on, where its report does not show the code: what is compared is then the code and not the words of the tool, so that one finding cannot take the place of another.
 */
async function placed(results: readonly SarifResult[], tree: ToolTree): Promise<SarifResult[]> {
  const done: SarifResult[] = [];
  for (const one of results) {
    const text = one.snippet !== '' ? one.snippet : ((await tree.lines(one.path))?.[one.line - 1] ?? '');
    done.push({ ...one, snippet: withoutSecrets(text.slice(0, MAX_SNIPPET)) });
  }
  return done;
}

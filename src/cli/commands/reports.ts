import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type App, lastJudged } from '../../app/app.js';
import { htmlReport } from '../../gate/html.js';
import { junitXml } from '../../gate/junit.js';
import { renderEvidence } from '../../gate/render.js';
import type { Evidence } from '../../protocol/evidence.js';
import { SallyportError } from '../../protocol/errors.js';
import { evidenceSarif } from '../../sarif/evidence.js';
import type { Task } from '../../store/store.js';

/** Reports that other tools read, beside what is printed. */
export interface ReportOptions {
  readonly sarif?: string;
  readonly junit?: string;
  readonly markdown?: string;
  readonly html?: string;
}

export function reportOptions(command: Command): Command {
  return command
    .option('--sarif <file>', 'write the scan results there as SARIF 2.1.0, each with its baselineState and fingerprint; a run for each tool of the project')
    .option('--junit <file>', 'write the test cases of the change there as JUnit XML')
    .option('--markdown <file>', 'write the report there as Markdown, for a pull request or the summary of a pipeline')
    .option('--html <file>', 'write the report there as one HTML page, with the diff');
}

/** Writes what was asked for, of the last judged round. A task without one has nothing to write: its error was told. */
export async function writeReports(app: App, task: Task, version: string, options: ReportOptions): Promise<void> {
  const { sarif, junit, markdown, html } = options;
  if ([sarif, junit, markdown, html].every((file) => file === undefined)) return;
  if (!(await app.log.read(task.id)).some((event) => event.type === 'gate.judged')) return;
  const { evidence } = await lastJudged(app, task);
  if (sarif !== undefined) {
    // Loaded only here: the rules bring the parser with them.
    const { RULES } = await import('../../scan/tree.js');
    await writeFile(resolve(app.cwd, sarif), `${JSON.stringify(evidenceSarif(evidence.scan.results, RULES, { name: 'sallyport', version }, evidence), null, 1)}\n`);
  }
  if (junit !== undefined) await writeFile(resolve(app.cwd, junit), junitXml(evidence.checks.head));
  if (markdown !== undefined) await writeFile(resolve(app.cwd, markdown), renderEvidence(evidence));
  if (html !== undefined) await writeFile(resolve(app.cwd, html), htmlReport(evidence, await patchOf(app, evidence)));
}

/** The change, or the one that was reviewed. A body that was erased is not shown. */
async function patchOf(app: App, evidence: Evidence): Promise<string | null> {
  const ref = evidence.subject?.patch ?? evidence.patch;
  if (ref === null) return null;
  return await app.artifacts.get(ref).then((body) => body.toString('utf8'), (error: unknown) => {
    if (error instanceof SallyportError && error.code === 'artifact.missing') return null;
    throw error;
  });
}

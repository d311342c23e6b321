import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type App, lastJudged } from '../../app/app.js';
import { junitXml } from '../../gate/junit.js';
import { evidenceSarif } from '../../sarif/evidence.js';
import type { Task } from '../../store/store.js';

/** Reports that other tools read, beside what is printed. */
export interface ReportOptions {
  readonly sarif?: string;
  readonly junit?: string;
}

export function reportOptions(command: Command): Command {
  return command
    .option('--sarif <file>', 'write the scan results there as SARIF 2.1.0, each with its baselineState and fingerprint; a run for each tool of the project')
    .option('--junit <file>', 'write the test cases of the change there as JUnit XML');
}

/** Writes what was asked for, of the last judged round. A task without one has nothing to write: its error was told. */
export async function writeReports(app: App, task: Task, version: string, { sarif, junit }: ReportOptions): Promise<void> {
  if (sarif === undefined && junit === undefined) return;
  if (!(await app.log.read(task.id)).some((event) => event.type === 'gate.judged')) return;
  const { evidence } = await lastJudged(app, task);
  if (sarif !== undefined) {
    // Loaded only here: the rules bring the parser with them.
    const { RULES } = await import('../../scan/tree.js');
    await writeFile(resolve(app.cwd, sarif), `${JSON.stringify(evidenceSarif(evidence.scan.results, RULES, { name: 'sallyport', version }, evidence), null, 1)}\n`);
  }
  if (junit !== undefined) await writeFile(resolve(app.cwd, junit), junitXml(evidence.checks.head));
}

import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Scanned, scanPaths } from '../../app/scan.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import { count } from '../../protocol/words.js';
import { visible } from '../../redact/visible.js';
import type { SarifResult } from '../../sarif/parse.js';
import type { Act } from '../options.js';
import type { Surface } from '../surface.js';

interface Options {
  readonly fragment?: boolean;
  readonly sarif?: string;
  readonly json?: boolean;
}

const ORDER: readonly SarifResult['level'][] = ['error', 'warning', 'note'];

export function addScanCommand(program: Command, surface: Surface, act: Act): void {
  program.command('scan <paths...>').description('what the rules find in folders or files, as they lie there; no tests, no task. Exits with 1 when anything of level error or warning was found')
    .option('--fragment', 'take each file for a part of a program that is not shown: what its functions are given counts as data from outside (default where only files are named)')
    .option('--no-fragment', 'take files for a whole package')
    .option('--sarif <file>', 'write the SARIF 2.1.0 log there; - is standard output, and nothing else is printed')
    .addHelpText('after', '\nExample:\n  sallyport scan src --sarif scan.sarif')
    .action(act((paths: string[], options: Options) => scan(surface, paths, options)));
}

async function scan(surface: Surface, paths: readonly string[], options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const scanned = await scanPaths(app, { paths, fragment: options.fragment ?? null, signal: surface.interrupt });
  const { report, mode } = scanned;
  if (options.sarif !== undefined && options.sarif !== '-') await writeFile(resolve(app.cwd, options.sarif), scanned.sarif);
  if (options.sarif === '-') surface.out.result(scanned.sarif.trimEnd());
  else if (options.json === true) surface.out.result(JSON.stringify({ mode, problem: report.problem, results: report.results.map(({ fix, ...result }) => ({ ...result, fix: fix?.title ?? null })), notices: report.notices }));
  else for (const line of table(scanned)) surface.out.result(line);
  if (report.problem !== null) return EXIT.infrastructure;
  return report.results.some((result) => result.level !== 'note') ? EXIT.gateFailed : EXIT.passed;
}

/** Gravest first; what was left out at the end. */
function table({ report, mode }: Scanned): readonly string[] {
  const sorted = [...report.results].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level) || a.path.localeCompare(b.path) || a.line - b.line);
  const counts = ORDER.map((level) => `${sorted.filter((result) => result.level === level).length} ${level}`).join(', ');
  const out = report.notices.filter((notice) => notice.level === 'error' || notice.id === 'no_flow' || notice.id === 'no_rules' || notice.id.startsWith('too_'));
  return [
    ...sorted.flatMap((result) => [`${result.level.padEnd(7)} ${visible(result.path)}:${result.line}  ${result.rule}${result.cwe === null ? '' : ` (${result.cwe})`}${result.fix === null ? '' : '  sallyport fix can mend it'}`, `        ${visible(result.message)}`]),
    ...(sorted.length === 0 ? [] : ['']),
    `${count(sorted.length, 'result')} (${counts}); each file was taken for ${mode === 'fragment' ? 'a fragment, whose callers are not shown' : 'part of a package'}.`,
    ...(report.problem === null ? [] : [`The scan does not count: ${visible(report.problem)}`]),
    ...out.slice(0, 20).map((notice) => `left out: ${visible(notice.path ?? '')} ${visible(notice.message)}`),
    ...(out.length > 20 ? [`left out: ${out.length - 20} more`] : []),
    'Not checked: business logic, authorisation intent, races, novel attacks, languages without rules.',
  ];
}

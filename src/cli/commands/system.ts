import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { loadPublicKey } from '../../audit/key.js';
import { type LogReport, verifyExport } from '../../audit/export.js';
import { SallyportError } from '../../protocol/errors.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import { count } from '../../protocol/words.js';
import { findTask } from '../../app/app.js';
import { init } from '../../app/init.js';
import { collectGarbage } from '../../workflow/garbage.js';
import { type Act, gib } from '../options.js';
import type { Surface } from '../surface.js';

interface Options {
  readonly json?: boolean;
}

export function addSystemCommands(program: Command, surface: Surface, act: Act): void {
  program.command('doctor').description('what this machine can enforce, and what is missing').addHelpText('after', '\nExample:\n  sallyport doctor --json')
    .action(act((options: Options) => doctor(surface, options)));
  program.command('init').description('write sallyport.yaml from what the repository tells').option('--repo <dir>', 'the repository', '.').addHelpText('after', '\nExample:\n  sallyport init --repo ~/shop')
    .action(act((options: Options & { repo: string }) => initialise(surface, options)));
  program.command('gc').description('remove frozen setups and laid-out trees, the longest unused first, until the rest is within the limit; what a run may still need stays')
    .option('--max-gib <n>', 'GiB that may be kept (default: SALLYPORT_CACHE_GIB, else 20)', gib).addHelpText('after', '\nExample:\n  sallyport gc --max-gib 5')
    .action(act((options: Options & { maxGib?: number }) => gc(surface, options)));
  const audit = program.command('audit').description('the tamper-evident log');
  audit.command('verify [file]').description('verify the log of this installation, or an exported file offline').option('--key <file>', 'public key (PEM) for an exported file')
    .addHelpText('after', '\nExample:\n  sallyport audit export all > log.jsonl && sallyport audit verify log.jsonl --key log.ed25519.pub')
    .action(act((file: string | undefined, options: Options & { key?: string }) => verify(surface, file, options)));
  audit.command('export <task>').description('the exact bytes of a task\'s log, or of `all`, with signed checkpoints (JSONL)').addHelpText('after', '\nExample:\n  sallyport audit export last > log.jsonl')
    .action(act((text: string) => exportLog(surface, text)));
}

async function doctor(surface: Surface, options: Options): Promise<ExitCode> {
  const { findings, sandbox } = await surface.diagnose();
  const broken = findings.some((f) => f.needed && !f.ok);
  if (options.json === true) surface.out.result(JSON.stringify({ ok: !broken, findings, sandbox }));
  else {
    for (const f of findings) surface.out.result(`${f.ok ? '✓' : f.needed ? '✗' : '–'} ${f.id.padEnd(12)} ${f.detail}${f.hint === null ? '' : `\n  ${' '.repeat(12)} → ${f.hint}`}`);
    if (sandbox !== null) surface.out.result(`  enforced     ${sandbox.enforced.join(', ')}`);
    surface.out.result(broken ? '\nNo run starts on this machine until what is marked ✗ is there.' : '\nReady.');
  }
  return broken ? EXIT.cannotEnforce : EXIT.passed;
}

async function initialise(surface: Surface, options: Options & { repo: string }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const made = await init(app, options.repo);
  if (options.json === true) surface.out.result(JSON.stringify(made));
  else {
    surface.out.result(`wrote ${made.file}\n\n${made.text}`);
    for (const line of made.detected) surface.out.result(`detected  ${line}`);
    for (const line of made.warnings) surface.out.result(`note      *passed* means less here: ${line}`);
    surface.out.result('\nCommit it on the protected branch: it holds from there.');
  }
  return EXIT.passed;
}

async function gc(surface: Surface, options: Options & { maxGib?: number }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const limit = options.maxGib === undefined ? app.equipment.cacheLimit : options.maxGib * 2 ** 30;
  const { removed, kept } = await collectGarbage({ folders: app.folders, limit, now: Date.now() });
  const gibs = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (options.json === true) surface.out.result(JSON.stringify({ removed, kept }));
  else {
    for (const { path, bytes } of removed) surface.out.result(`removed ${path} (${gibs(bytes)})`);
    surface.out.result(`${count(removed.length, 'folder')} removed, ${gibs(kept)} kept of at most ${gibs(limit)}`);
  }
  return EXIT.passed;
}

async function verify(surface: Surface, file: string | undefined, options: Options & { key?: string }): Promise<ExitCode> {
  const { report, unsigned } = file === undefined ? await verifyStored(surface) : { report: await verifyFile(surface, file, options.key), unsigned: [] };
  const entries = report.tasks.reduce((n, t) => n + (t.ok ? t.head.size : 0), 0);
  if (options.json === true) surface.out.result(JSON.stringify({ ...report, entries, unsigned }));
  if (report.ok) {
    if (options.json !== true) {
      surface.out.result(`The log verifies: ${count(report.tasks.length, 'task')}, ${entries} entries.`);
      for (const line of unsigned) surface.out.result(`not signed yet: ${line} (a running or interrupted task; whoever writes the database could change these)`);
    }
    return EXIT.passed;
  }
  const first = report.tasks.find((t) => !t.ok);
  if (options.json === true || first === undefined || first.ok) return EXIT.gateFailed;
  throw new SallyportError('audit.broken', first.message);
}

/** A task that has ended carries at least one signature over its log; without any, its entries could be anybody's. */
async function verifyStored(surface: Surface): Promise<{ readonly report: LogReport; readonly unsigned: readonly string[] }> {
  await using app = await surface.openApp();
  const found = await app.log.verify();
  const unsigned: string[] = [];
  const tasks: LogReport['tasks'][number][] = [];
  for (const report of found.tasks) {
    const open = report.ok && report.signedUpTo < report.head.size;
    const ended = open && ['done', 'failed', 'refused'].includes((await app.store.getTask(report.task)).state);
    if (open && !(ended && report.signedUpTo === 0)) unsigned.push(`${report.task} entries ${report.signedUpTo} to ${report.head.size - 1}`);
    tasks.push(ended && report.ok && report.signedUpTo === 0 ? { ok: false, task: report.task, seq: 0, problem: 'bad_checkpoint', message: `Log of "${report.task}" does not verify: the task has ended and no signed checkpoint is there` } : report);
  }
  return { report: { ok: tasks.every((t) => t.ok), tasks }, unsigned };
}

/** Offline: no database is opened, only the file and the public key are read. */
async function verifyFile(surface: Surface, file: string, key: string | undefined): Promise<LogReport> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SallyportError('input.invalid', `Cannot read "${file}"`, { cause });
  });
  const publicKey = key === undefined ? await loadPublicKey(surface.publicKeyFolder) : await readKey(key);
  return verifyExport(text.split('\n').filter((l) => l !== ''), publicKey);
}

async function readKey(file: string) {
  try {
    return createPublicKey(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new SallyportError('input.invalid', `Cannot read the public key "${file}": expected an Ed25519 key in PEM`, { cause });
  }
}

async function exportLog(surface: Surface, text: string): Promise<ExitCode> {
  await using app = await surface.openApp();
  const which = text === 'all' ? 'all' : (await findTask(app.store, text)).id;
  for await (const line of app.log.exportLog(which)) surface.out.result(line);
  return EXIT.passed;
}

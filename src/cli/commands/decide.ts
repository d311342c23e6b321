import type { Command } from 'commander';
import { findTask } from '../../app/app.js';
import { apply, approve, reject } from '../../app/decide.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import type { Act } from '../options.js';
import type { Surface } from '../surface.js';

interface Options {
  readonly json?: boolean;
  readonly evidence?: string;
}

interface ApplyOptions {
  readonly to?: string;
  readonly accept?: string;
  readonly acceptSecurityTests?: string;
}

export function addDecideCommands(program: Command, surface: Surface, act: Act): void {
  const seen = ['--evidence <digest>', 'the evidence that you looked at; another one is refused as stale'] as const;
  program.command('approve <task>').description('approve exactly this tree, evidence and policy version').option(...seen).option('-m, --comment <text>', 'a comment for the record')
    .addHelpText('after', '\nExample:\n  sallyport approve last -m "looked at the diff"').action(act((text: string, options: Options & { comment?: string }) => approveTask(surface, text, options)));
  program.command('reject <task>').description('reject the change').requiredOption('-m, --reason <text>', 'why').option(...seen)
    .addHelpText('after', '\nExample:\n  sallyport reject last -m "hides the fault"').action(act((text: string, options: Options & { reason: string }) => rejectTask(surface, text, options)));
  program.command('apply <task>').description('lay the change into the working tree').option('--to <dir>', 'another checkout than the task\'s').option('--accept <reason>', 'take a change that is not passed on yourself; recorded')
    .option('--accept-security-tests <reason>', 'take on as well that it takes away or weakens security tests; recorded by itself')
    .addHelpText('after', '\nExample:\n  sallyport apply last').action(act((text: string, options: Options & ApplyOptions) => applyTask(surface, text, options)));
}

async function approveTask(surface: Surface, text: string, options: Options & { comment?: string }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const decided = await approve(app, task, { seen: options.evidence ?? null, comment: options.comment ?? null });
  surface.out.result(options.json === true ? JSON.stringify({ task: task.id, ...decided }) : `approved ${task.id}: tree ${decided.tree.slice(0, 12)}, evidence ${decided.evidence.slice(0, 19)}…, policy ${decided.policy.slice(0, 19)}…\nnext: sallyport apply ${task.id}`);
  return EXIT.passed;
}

async function rejectTask(surface: Surface, text: string, options: Options & { reason: string }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const rejected = await reject(app, task, { seen: options.evidence ?? null, reason: options.reason });
  surface.out.result(options.json === true ? JSON.stringify({ task: task.id, ...rejected }) : `rejected ${task.id}`);
  return EXIT.passed;
}

async function applyTask(surface: Surface, text: string, options: Options & ApplyOptions): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const applied = await apply(app, task, { to: options.to ?? null, accept: options.accept ?? null, acceptSecurityTests: options.acceptSecurityTests ?? null });
  if (options.json === true) surface.out.result(JSON.stringify({ task: task.id, ...applied }));
  else {
    surface.out.result(applied.files.length === 0 ? `Nothing to do: ${applied.folder} has the change already` : `applied to ${applied.folder}:\n${applied.files.map((f) => `  ${f}`).join('\n')}`);
    if (!applied.approved) surface.out.note('note: nobody has approved this change');
  }
  return EXIT.passed;
}

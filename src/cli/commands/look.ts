import type { Command } from 'commander';
import { describe } from '../../git/change.js';
import { openMirror } from '../../git/mirror.js';
import { SallyportError } from '../../protocol/errors.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import type { Task } from '../../store/store.js';
import { findTask, lastJudged, type App } from '../../app/app.js';
import { isHeld } from '../../app/control.js';
import { lastDecision, overridesOf } from '../../app/decide.js';
import { proposalsOf } from '../../app/proposals.js';
import { renderEvidence } from '../../gate/render.js';
import { visible } from '../../redact/visible.js';
import { type Act, integer } from '../options.js';
import { progressLine } from '../progress.js';
import { reportText } from '../report.js';
import type { Surface } from '../surface.js';
import { type ReportOptions, reportOptions, writeReports } from './reports.js';
import { answerOf, proposalText } from './work.js';

interface Options {
  readonly json?: boolean;
}

export function addLookCommands(program: Command, surface: Surface, act: Act): void {
  program.command('tasks').description('list tasks, newest first').option('-n, --limit <n>', 'how many', integer, 20)
    .addHelpText('after', '\nExample:\n  sallyport tasks -n 5').action(act((options: Options & { limit: number }) => tasks(surface, options)));
  program.command('show <task>').description('what became of a task: verdict, proof, findings').addHelpText('after', '\nExample:\n  sallyport show last')
    .action(act((text: string, options: Options) => show(surface, text, options)));
  program.command('diff <task>').description('the change as a patch that git apply takes').addHelpText('after', '\nExample:\n  sallyport diff last | git apply --check')
    .action(act((text: string, options: Options) => diff(surface, text, options)));
  program.command('log <task>').description('everything that happened, event by event').option('-f, --follow', 'go on as it happens').option('--all', 'every event, not only the lines of the progress')
    .addHelpText('after', '\nExample:\n  sallyport log last --all').action(act((text: string, options: Options & { follow?: boolean; all?: boolean }) => log(surface, text, options)));
  reportOptions(program.command('evidence <task>').description('the evidence that an approval is bound to (Markdown, or the exact bytes with --json)')).addHelpText('after', '\nExample:\n  sallyport evidence last --json | sha256sum')
    .action(act((text: string, options: Options & ReportOptions) => evidence(surface, text, options)));
  program.command('sbom <task>').description('the packages of a task as CycloneDX 1.6 JSON: what was fetched, with digests; or what lockfiles name before and after the change')
    .option('--base', 'what the lockfiles of the base name').option('--head', 'what the lockfiles of the head name').addHelpText('after', '\nExample:\n  sallyport sbom last > sbom.cdx.json\n  sallyport sbom last --head > after.cdx.json')
    .action(act((text: string, options: { readonly base?: boolean; readonly head?: boolean }) => (options.base === true || options.head === true ? lockedSbom(surface, text, options) : sbom(surface, text))));
}

/** A row without what belongs to the worker. A task whose worker is gone shows as stopped: it can be resumed. */
function stateOf(task: Task): string {
  return task.state === 'running' && !isHeld(task) ? 'stopped' : task.state;
}

async function tasks(surface: Surface, options: Options & { limit: number }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const rows = await app.store.listTasks(options.limit);
  if (options.json === true) surface.out.result(JSON.stringify(rows.map((t) => ({ task: t.id, state: stateOf(t), verdict: t.verdict, kind: t.kind, created_at: t.createdAt, repository: t.request.repository, request: t.request.text }))));
  else if (rows.length === 0) surface.out.result('No task yet. Start one: sallyport run "TASK"');
  else for (const t of rows) surface.out.result(`${t.id}  ${stateOf(t).padEnd(8)} ${(t.verdict ?? '').padEnd(10)} ${t.kind.padEnd(8)} ${t.createdAt.slice(0, 16).replace('T', ' ')}  ${visible(t.request.text).slice(0, 60)}`);
  return EXIT.passed;
}

async function show(surface: Surface, text: string, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const events = await app.log.read(task.id);
  const judged = events.some((e) => e.type === 'gate.judged') ? await lastJudged(app, task) : null;
  const decision = judged === null ? null : lastDecision(events, judged);
  const overrides = judged === null ? [] : overridesOf(events, judged);
  const answer = await answerOf(app, task);
  const proposals = proposalsOf(events);
  if (options.json === true) {
    surface.out.result(JSON.stringify({
      task: task.id, state: stateOf(task), kind: task.kind, request: task.request.text, repository: task.request.repository, base: task.request.baseCommit,
      verdict: judged?.event.data.verdict ?? null, evidence: judged?.event.data.evidence.digest ?? null, tree: judged?.change.data.tree ?? null,
      files: judged?.evidence.files ?? [], conditions: judged?.evidence.conditions ?? [], fixes: judged?.evidence.remedies ?? [], advice: judged?.evidence.advice ?? [], advisories: judged?.evidence.advisories ?? null, not_checked: judged?.evidence.notChecked ?? [], decision, overrides: overrides.map(({ by, reason, of }) => ({ by, reason, of: of ?? 'verdict' })), answer, proposed: proposals,
    }));
    return EXIT.passed;
  }
  surface.out.result(`${task.id}  ${stateOf(task)}  ${visible(task.request.text)}\n${task.request.repository} at ${task.request.baseCommit.slice(0, 12)}`);
  if (answer !== null) surface.out.result(`\n${visible(answer, { lines: true })}`);
  if (judged !== null) surface.out.result(reportText(judged, task.id, decision, surface.out.colour, overrides));
  else for (const event of events) surface.out.result(lineOf(event, false) ?? '');
  if (proposals !== null) surface.out.result(proposalText(proposals));
  return EXIT.passed;
}

async function diff(surface: Surface, text: string, options: Options): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const { patch, files } = await patchOf(app, task);
  if (options.json === true) surface.out.result(JSON.stringify({ task: task.id, files, patch: patch.toString('utf8') }));
  else if (surface.out.colour) surface.out.result(visible(patch.toString('utf8'), { lines: true }));
  else surface.out.bytes(patch);
  return EXIT.passed;
}

async function patchOf(app: App, task: Task): ReturnType<typeof describe> {
  const { change } = await lastJudged(app, task);
  return await describe(await openMirror(app.folders.mirrors, task.request.repository), task.request.baseCommit, change.data.commit);
}

async function log(surface: Surface, text: string, options: Options & { follow?: boolean; all?: boolean }): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const print = (event: Parameters<typeof progressLine>[0]): void => {
    const line = options.json === true ? JSON.stringify(event) : lineOf(event, options.all === true);
    if (line !== null) surface.out.result(line);
  };
  if (options.follow !== true) for (const event of await app.log.read(task.id)) print(event);
  else {
    for await (const event of app.log.follow(task.id, { signal: surface.interrupt })) {
      print(event);
      if (event.type === 'run.ended' || event.type === 'run.stopped' || event.type === 'error.raised' || event.type === 'task.refused') break;
    }
  }
  return EXIT.passed;
}

function lineOf(event: Parameters<typeof progressLine>[0], all: boolean): string | null {
  const head = `${String(event.seq).padStart(5)} ${event.at.slice(11, 23)}`;
  if (all) return `${head} ${event.type.padEnd(20)} ${visible(JSON.stringify(event.data)).slice(0, 2000)}`;
  const line = progressLine(event) ?? (event.type === 'policy.decided' ? `policy   ${event.data.effect} ${event.data.action} (${event.data.rule})` : event.type === 'task.refused' ? `refused  ${visible(event.data.message)}` : null);
  return line === null ? null : `${head} ${line}`;
}

/** What was fetched for a task: that of its base, and of its last head where that was set up anew. */
async function sbom(surface: Surface, text: string): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const frozen = (await app.log.read(task.id)).findLast((e) => e.type === 'snapshot.frozen' && (e.data.sbom ?? null) !== null);
  if (frozen?.type !== 'snapshot.frozen' || frozen.data.sbom == null) throw new SallyportError('input.wrong_state', `Nothing was fetched for task "${task.id}"`, { hint: `sallyport log ${task.id} shows its setup.` });
  surface.out.bytes(await app.artifacts.get(frozen.data.sbom));
  return EXIT.passed;
}

/** One side alone: two documents after one another are none. */
async function lockedSbom(surface: Surface, text: string, { base, head }: { readonly base?: boolean; readonly head?: boolean }): Promise<ExitCode> {
  if (base === true && head === true) throw new SallyportError('input.invalid', 'Cannot show the packages of base and head at once', { hint: 'Ask for one after the other: --base, --head.' });
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const { dependencies } = (await lastJudged(app, task)).evidence;
  const found = base === true ? dependencies?.sbom.base : dependencies?.sbom.head;
  if (found === null || found === undefined) throw new SallyportError('input.wrong_state', `No lockfile of the ${base === true ? 'base' : 'head'} of task "${task.id}" was read`, { hint: dependencies == null ? 'Its change touches no manifest and no lockfile.' : `sallyport evidence ${task.id} says what there is.` });
  surface.out.bytes(await app.artifacts.get(found));
  return EXIT.passed;
}

async function evidence(surface: Surface, text: string, options: Options & ReportOptions): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  const judged = await lastJudged(app, task);
  await writeReports(app, task, surface.version, options);
  if (options.json === true) surface.out.bytes(await app.artifacts.get(judged.event.data.evidence));
  else surface.out.result(renderEvidence(judged.evidence));
  return EXIT.passed;
}

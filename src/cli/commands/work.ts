import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { lastJudged, findTask, type App } from '../../app/app.js';
import { isHeld, prepareResume, stop, work } from '../../app/control.js';
import { type Proposals, proposalsOf } from '../../app/proposals.js';
import { submit, type Submission } from '../../app/submit.js';
import { SallyportError } from '../../protocol/errors.js';
import { EXIT, type ExitCode } from '../../protocol/exit.js';
import { visible } from '../../redact/visible.js';
import { DEFAULT_BUDGET, KINDS, type Kind, SENSITIVITIES, type Sensitivity, type Verdict } from '../../protocol/task.js';
import type { Task } from '../../store/store.js';
import type { Outcome } from '../../workflow/engine.js';
import { withProgress } from '../follow.js';
import { reportText } from '../report.js';
import type { Surface } from '../surface.js';
import { type ChangeOptions, changeOf, changeOptions } from './given.js';
import { type ReportOptions, reportOptions, writeReports } from './reports.js';
import { integer, type Act, money } from '../options.js';

const VERDICT_EXIT: Readonly<Record<Verdict, ExitCode>> = { passed: EXIT.passed, failed: EXIT.gateFailed, unverified: EXIT.unverified, error: EXIT.infrastructure };

interface RunOptions {
  readonly repo: string;
  readonly ref?: string;
  readonly kind: Kind;
  readonly agent: string;
  readonly model?: string;
  readonly rounds: number;
  readonly purpose?: string;
  readonly label?: Sensitivity;
  readonly env?: string;
  readonly maxSeconds: number;
  readonly maxTokens: number;
  readonly maxUsd: number;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly only?: 'code' | 'deps';
}

function taskOptions(command: Command): Command {
  return command
    .option('--repo <dir|url>', 'repository: a folder, or an https URL', '.')
    .option('--ref <ref>', 'branch, tag or commit to work on (default: HEAD of a clean tree)')
    .addOption(new Option('--label <label>', 'say how sensitive the repository is').choices(SENSITIVITIES))
    .option('--env <file>', 'environment definition to use instead of sallyport.yaml of the base')
    .option('--max-seconds <n>', 'time a worker may spend', integer, DEFAULT_BUDGET.seconds);
}

function agentOptions(command: Command): Command {
  return taskOptions(command)
    .option('--model <name>', 'model, or scripted:FILE (default: SALLYPORT_MODEL)')
    .addOption(new Option('--agent <agent>', 'who drives').choices(['loop']).default('loop'))
    .option('--purpose <text>', 'what the work is for, where screening asks; it is recorded')
    .option('--rounds <n>', 'rounds of work; what the gate finds goes back between them', integer, DEFAULT_BUDGET.rounds)
    .option('--max-tokens <n>', 'tokens of all model calls together', integer, DEFAULT_BUDGET.tokens)
    .option('--max-usd <n>', 'US dollars, where a price is known', money, DEFAULT_BUDGET.usd)
    .option('-d, --detach', 'leave the work to a worker in the background');
}

export function addWorkCommands(program: Command, surface: Surface, act: Act): void {
  agentOptions(program.command('run <task>').description('do a task in a sealed sandbox and prove the result'))
    .addOption(new Option('--kind <kind>', 'kind of task: decides what proves it').choices(KINDS).default('fix'))
    .addHelpText('after', '\nExample:\n  sallyport run "the total is wrong when the cart is empty" --repo ~/shop --model qwen3')
    .action(act((text: string, options: RunOptions) => runTask(surface, text, options)));
  agentOptions(program.command('ask <question>').description('ask about a repository; nothing is changed'))
    .addHelpText('after', '\nExample:\n  sallyport ask "where is authorisation enforced?" --repo ~/shop')
    .action(act((text: string, options: RunOptions) => runTask(surface, text, { ...options, kind: 'ask' })));
  changeOptions(reportOptions(taskOptions(program.command('check').description('put a change through the gate; no agent, no model'))), 'what the change is compared with; environment and instructions come from here')
    .addOption(new Option('--kind <kind>', 'what the change claims to be').choices(KINDS).default('fix'))
    .addHelpText('after', '\nExample:\n  sallyport check --base main --head my-branch --sarif gate.sarif\n  git diff --binary | sallyport check --patch -')
    .action(act((options: RunOptions & ReportOptions & ChangeOptions) => runCheck(surface, options)));
  changeOptions(reportOptions(agentOptions(program.command('review [what]').description('review a repository, or a change, for vulnerabilities; nothing is changed. Without a model: what the rules and advisories say'))), 'review what a change brings to this, and not the whole repository')
    .addHelpText('after', '\nExample:\n  sallyport review --repo ~/shop\n  sallyport review --base main --head my-branch')
    .action(act((text: string | undefined, options: RunOptions & ReportOptions & ChangeOptions) => runReview(surface, text, options)));
  taskOptions(program.command('fix').description('mend what has a mechanical fix, each fix kept only if the tests still pass; no model'))
    .addOption(new Option('--only <what>', 'only fixes of the code, or only upgrades of dependencies').choices(['code', 'deps']))
    .option('-d, --detach', 'leave the work to a worker in the background')
    .addHelpText('after', '\nExample:\n  sallyport fix --only deps')
    .action(act((options: RunOptions) => runFix(surface, options)));
  program.command('stop <task>').description('stop a task; it can be resumed').addHelpText('after', '\nExample:\n  sallyport stop last')
    .action(act((text: string, options: { json?: boolean }) => stopTask(surface, text, options.json === true)));
  program.command('resume <task>').description('go on from the last finished step')
    .option('-d, --detach', 'leave the work to a worker in the background')
    .option('--max-seconds <n>', 'a new limit', integer).option('--max-tokens <n>', 'a new limit', integer).option('--max-usd <n>', 'a new limit', money)
    .addHelpText('after', '\nExample:\n  sallyport resume last --max-usd 10')
    .action(act((text: string, options: Partial<RunOptions>) => resumeTask(surface, text, options)));
  program.command('worker <task>', { hidden: true }).action(act((text: string) => workerTask(surface, text)));
}

async function runTask(surface: Surface, text: string, options: RunOptions, after?: After): Promise<ExitCode> {
  const model = surface.model(options.model ?? null);
  if (model === null) throw new SallyportError('input.no_model', `\`${options.kind === 'ask' ? 'ask' : 'run'}\` needs a model and none is set`, { hint: surface.modelHint });
  return await start(surface, { text, kind: options.kind, agent: 'loop', model, head: null }, options, after);
}

async function runCheck(surface: Surface, options: RunOptions & ReportOptions & ChangeOptions): Promise<ExitCode> {
  const change = await changeOf(surface, 'check', options);
  if (change === null) throw new SallyportError('input.invalid', '`check` needs what the change is compared with, and has neither --base nor --patch', { hint: 'sallyport check --base main --head my-branch' });
  return await start(surface, { text: `check ${change.words}`, kind: options.kind, agent: 'check', model: null, ...change.what }, { ...options, ref: change.base }, (app, task) => writeReports(app, task, surface.version, options));
}

async function runReview(surface: Surface, text: string | undefined, options: RunOptions & ReportOptions & ChangeOptions): Promise<ExitCode> {
  const change = await changeOf(surface, 'review', options);
  const after = (app: App, task: Task): Promise<void> => writeReports(app, task, surface.version, options);
  if (change !== null && options.model !== undefined) throw new SallyportError('input.invalid', 'Cannot review a change with a model yet: --model and --base exclude each other', { hint: 'Without --model the rules and the advisories review it.' });
  if (change !== null) return await start(surface, { text: text ?? `review ${change.words}`, kind: 'review', agent: 'remediator', model: null, ...change.what }, { ...options, ref: change.base }, after);
  if (options.model !== undefined) return await runTask(surface, text ?? 'Review this repository for vulnerabilities. Cite every place.', { ...options, kind: 'review' }, after);
  return await start(surface, { text: text ?? 'review the repository by rules and advisories', kind: 'review', agent: 'remediator', model: null, head: null }, options, after);
}

/** Without a model. What it claims is measured by the findings and advisories that are gone, not by a test that was red. */
async function runFix(surface: Surface, options: RunOptions): Promise<ExitCode> {
  const what = options.only === 'code' ? 'findings of the scanner' : options.only === 'deps' ? 'dependencies with known advisories' : 'findings of the scanner and dependencies with known advisories';
  return await start(surface, { text: `mend ${what}, as far as there is a mechanical fix`, kind: options.only === 'deps' ? 'upgrade' : 'fix', agent: 'remediator', model: null, head: null }, options);
}

type What = Pick<Submission, 'text' | 'kind' | 'agent' | 'model' | 'head' | 'patch'>;
/** What is done once a verdict is there. */
type After = (app: App, task: Task) => Promise<void>;

async function start(surface: Surface, what: What, options: RunOptions, after?: After): Promise<ExitCode> {
  await using app = await surface.openApp();
  const submission: Submission = {
    ...what, repository: options.repo, ref: options.ref ?? null, only: options.only ?? null, purpose: options.purpose ?? null, label: options.label ?? null, environment: await readEnvironment(options.env),
    budget: { rounds: options.rounds ?? DEFAULT_BUDGET.rounds, seconds: options.maxSeconds, tokens: options.maxTokens ?? DEFAULT_BUDGET.tokens, usd: options.maxUsd ?? DEFAULT_BUDGET.usd },
  };
  const submitted = await submitOrAsk(surface, app, submission);
  const { task } = submitted;
  if (options.json !== true) header(surface, task, submitted.notes);
  if (options.detach === true) {
    await app.detach(task.id);
    surface.out.result(options.json === true ? JSON.stringify({ task: task.id, state: 'created' }) : `${task.id} works in the background; sallyport show ${task.id}`);
    return EXIT.passed;
  }
  const code = await workAndReport(surface, app, task, 0, options.json === true);
  if (Object.values(VERDICT_EXIT).includes(code)) await after?.(app, task);
  return code;
}

/** The first meeting of a repository with a remote model asks once, when a person is there to answer. */
async function submitOrAsk(surface: Surface, app: App, submission: Submission): ReturnType<typeof submit> {
  try {
    return await submit(app, submission);
  } catch (error) {
    if (!(error instanceof SallyportError) || error.code !== 'policy.ask' || submission.label !== null) throw error;
    const answer = await surface.ask(`${error.message}\nLabel it as (${SENSITIVITIES.join(', ')}; empty = stop): `);
    const label = SENSITIVITIES.find((s) => s === answer?.trim());
    if (label === undefined) throw error;
    return await submit(app, { ...submission, label });
  }
}

/** The defaults that hold, before any work. */
function header(surface: Surface, task: Task, notes: readonly string[]): void {
  const { request } = task;
  const { budget } = request;
  const leaves = request.model === null || request.model.local ? 'no file or prompt leaves this machine' : `files and prompts go to ${new URL(request.model.baseUrl ?? '').host}`;
  surface.out.note([
    `task     ${task.id}  (${request.kind})`, `repo     ${request.repository} at ${request.baseCommit.slice(0, 12)}`,
    `agent    ${request.agent}, model ${request.model?.name ?? 'none'}; ${leaves}`,
    request.model === null ? `limits   ${Math.round(budget.seconds / 60)} minutes` : `limits   ${budget.rounds} rounds, ${Math.round(budget.seconds / 60)} minutes, ${budget.tokens} tokens, $${budget.usd}`, `state    ${surface.home}`,
    ...notes.map((n) => `note     ${n}`),
  ].join('\n'));
}

async function workAndReport(surface: Surface, app: App, task: Task, from: number, json: boolean): Promise<ExitCode> {
  const outcome = await withProgress(app, task.id, from, json ? null : surface.out, () => work(app, task, surface.interrupt));
  return await report(surface, app, await app.store.getTask(task.id), outcome, json);
}

async function report(surface: Surface, app: App, task: Task, outcome: Outcome, json: boolean): Promise<ExitCode> {
  if (outcome.kind !== 'done') {
    if (json) surface.out.result(JSON.stringify({ task: task.id, state: task.state, verdict: null, error: { code: outcome.error.code, message: outcome.error.message, hint: outcome.error.hint ?? null } }));
    else if (outcome.kind === 'stopped') surface.out.note(`Task ${task.id} can be resumed: sallyport resume ${task.id}`);
    if (json) return outcome.error.exitCode;
    throw outcome.error;
  }
  const judged = await lastJudged(app, task);
  const answer = await answerOf(app, task);
  const proposals = proposalsOf(await app.log.read(task.id));
  if (json) surface.out.result(JSON.stringify({ task: task.id, state: task.state, verdict: outcome.result.verdict, evidence: outcome.result.evidence, tree: judged.change.data.tree, files: judged.evidence.files, answer, proposed: proposals }));
  else surface.out.result(`${answer === null ? '' : `\n${visible(answer, { lines: true })}\n`}${reportText(judged, task.id, null, surface.out.colour)}${proposals === null ? '' : `\n${proposalText(proposals)}`}`);
  return VERDICT_EXIT[outcome.result.verdict];
}

/** For a person to apply, or not. */
export function proposalText({ lines, why }: Proposals): string {
  return `The agent proposes for sallyport.yaml (${why.join('; ')}):\n${lines.split('\n').map((line) => `  ${line}`).join('\n')}\nNothing was changed by it. Whoever may change the protected branch can add this there.`;
}

/** What an agent that only reads had to say. */
export async function answerOf(app: App, task: Task): Promise<string | null> {
  if (task.kind !== 'ask' && task.kind !== 'review') return null;
  const finished = (await app.log.read(task.id)).findLast((e) => e.type === 'agent.finished');
  if (finished?.type !== 'agent.finished' || finished.data.summary === null) return null;
  return (await app.artifacts.get(finished.data.summary)).toString('utf8');
}

async function stopTask(surface: Surface, text: string, json: boolean): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await stop(app, await findTask(app.store, text));
  surface.out.result(json ? JSON.stringify({ task: task.id, state: task.state }) : `${task.id} is ${task.state}; go on with: sallyport resume ${task.id}`);
  return EXIT.passed;
}

async function resumeTask(surface: Surface, text: string, options: Partial<RunOptions>): Promise<ExitCode> {
  await using app = await surface.openApp();
  const found = await findTask(app.store, text);
  const task = await prepareResume(app, found, { seconds: options.maxSeconds, tokens: options.maxTokens, usd: options.maxUsd }, (ms) => surface.out.note(`another worker had this task; if it is dead, its lease runs out within ${Math.ceil(ms / 1000)} s`));
  if (options.detach !== true) return await workAndReport(surface, app, task, task.head.size, options.json === true);
  await app.detach(task.id);
  surface.out.result(options.json === true ? JSON.stringify({ task: task.id, state: task.state }) : `${task.id} works in the background; sallyport show ${task.id}`);
  return EXIT.passed;
}

/** A detached worker: no terminal, everything is on the log. */
async function workerTask(surface: Surface, text: string): Promise<ExitCode> {
  await using app = await surface.openApp();
  const task = await findTask(app.store, text);
  if (isHeld(task)) return EXIT.passed;
  const outcome = await work(app, task, surface.interrupt);
  return outcome.kind === 'done' ? VERDICT_EXIT[outcome.result.verdict] : outcome.error.exitCode;
}

async function readEnvironment(file: string | undefined): Promise<Submission['environment']> {
  if (file === undefined) return null;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SallyportError('input.invalid', `Cannot read the environment definition "${file}"`, { cause });
  });
  return { text, source: `--env ${file}` };
}

import { DBOS } from '@dbos-inc/dbos-sdk';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setInterval as every } from 'node:timers';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import type { Event } from '../protocol/event.js';
import type { TaskRequest } from '../protocol/task.js';
import type { Store, Task } from '../store/store.js';
import { type Equipment, RunContext, type Step } from './context.js';
import type { Folders } from './folders.js';
import { collectGarbage } from './garbage.js';
import { causeOf, suspends } from './suspend.js';
import { sweep } from './sweep.js';
import { removeRunFolder, runTask, type TaskResult } from './task.js';

/** How a run in this process ended. `stopped` is resumable. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'stopped' | 'failed'; readonly error: SallyportError };

export interface EngineOptions {
  readonly store: Store;
  readonly equipment: Equipment;
  /** Id of this process among workers. */
  readonly worker: string;
  /** Milliseconds; a dead worker's task can be taken over after `ttl`. */
  readonly lease?: { readonly ttl: number; readonly beat: number };
}

const LEASE = { ttl: 12_000, beat: 1_500 };
const GC_EVERY_MS = 24 * 3600 * 1000;
const NAME = 'task';
/** Fixed, so that a run begun by one build is resumed by the next. */
const VERSION = '1';

/** What the registered workflow of this process works on. One process drives one run at a time (the service issue widens this). */
let current: { readonly context: RunContext; readonly step: Step } | undefined;
let registered: ((run: string) => Promise<TaskResult>) | undefined;

async function workflow(run: string): Promise<TaskResult> {
  if (current === undefined || current.context.run !== run) throw new SallyportError('internal.bug', `This process does not drive run "${run}"`);
  return await runTask(current.context, current.step);
}

/**
 * Drives one task to its end, or to where it can be resumed. The task's lease is taken first and kept by a heartbeat; whoever
 * loses it stops at once, and its appends are fenced off by the epoch.
 */
export async function drive(options: EngineOptions, task: Task, interrupt: AbortSignal): Promise<Outcome> {
  const { store, equipment, worker } = options;
  const lease = options.lease ?? LEASE;
  const epoch = await store.claimLease(task.id, worker, lease.ttl);
  if (epoch === null) throw new SallyportError('input.wrong_state', `Cannot work on task "${task.id}": another worker (${task.lease?.owner ?? 'unknown'}) is at it`, { hint: 'sallyport show follows it; sallyport stop ends it.' });
  const abort = new AbortController();
  const onInterrupt = (): void => abort.abort(new SallyportError('run.interrupted', 'The run was stopped', { hint: `Go on with: sallyport resume ${task.id}` }));
  interrupt.addEventListener('abort', onInterrupt, { once: true });
  if (interrupt.aborted) onInterrupt();
  const heart = beat(store, task.id, epoch, lease, abort);
  try {
    const run = task.currentRun ?? task.id.replace(/^task_/, 'run_');
    const context = new RunContext(equipment, { task: task.id, run, request: await effectiveRequest(equipment, task), epoch, signal: abort.signal });
    await begin(store, context, worker);
    await equipment.driver.reap(lostSandboxes(await context.events(), run));
    await tidy(store, equipment);
    const deadline = await limitTime(context, abort);
    try {
      const ended = await perform(store, context);
      await context.release();
      return await finish(store, context, ended);
    } finally {
      clearTimeout(deadline);
      await context.release();
    }
  } finally {
    clearInterval(heart);
    interrupt.removeEventListener('abort', onInterrupt);
    await store.releaseLease(task.id, epoch).catch(() => undefined); // it expires by itself
  }
}

/** The request with the latest budget that a person gave it. */
async function effectiveRequest(equipment: Equipment, task: Task): Promise<TaskRequest> {
  const raised = (await equipment.log.read(task.id)).findLast((e) => e.type === 'budget.raised');
  return raised?.type === 'budget.raised' ? { ...task.request, budget: raised.data.budget } : task.request;
}

function beat(store: Store, task: string, epoch: number, lease: typeof LEASE, abort: AbortController): NodeJS.Timeout {
  return every(() => {
    Promise.all([store.renewLease(task, epoch, lease.ttl), store.readStop(task)]).then(([held, stop]) => {
      if (!held) abort.abort(new SallyportError('store.fenced', 'Another worker has taken this task over'));
      else if (stop) abort.abort(new SallyportError('run.interrupted', 'The run was stopped by a person', { hint: `Go on with: sallyport resume ${task}` }));
    }, () => undefined); // the store repeats for a while by itself; when the lease is lost meanwhile, the next beat sees it
  }, lease.beat);
}

async function begin(store: Store, context: RunContext, worker: string): Promise<void> {
  const again = (await context.events()).some((e) => e.type === 'run.started' && e.run === context.run);
  await context.journal('begin').record(again ? 'run.resumed' : 'run.started', { worker, epoch: context.epoch });
  await store.updateTask(context.task, { state: 'running', currentRun: context.run }, { epoch: context.epoch });
}

/** Sandboxes of this run that some worker opened and never closed. Their layer is ours now: nothing of them may still write it. */
function lostSandboxes(events: readonly Event[], run: string): string[] {
  const ended = new Set(events.map((e) => (e.type === 'sandbox.ended' ? e.data.sandbox : null)));
  return events.flatMap((e) => (e.type === 'sandbox.started' && e.run === run && !ended.has(e.data.sandbox) ? [e.data.sandbox] : []));
}

async function tidy(store: Store, { driver, folders, cacheLimit }: Equipment): Promise<void> {
  const task = (id: string): Promise<Task | null> => store.getTask(id).catch((error: unknown) => {
    if (toSallyportError(error).code === 'input.unknown_task') return null;
    throw error;
  });
  await sweep({ folders, task, now: Date.now() });
  await driver.sweep();
  if (await gcIsDue(folders)) await collectGarbage({ folders, limit: cacheLimit, now: Date.now() });
}

/** Once a day. The stamp is renewed first: of many workers that start together one does it. */
async function gcIsDue(folders: Folders): Promise<boolean> {
  const stamp = join(folders.home, 'collected');
  const last = (await stat(stamp).catch(() => null))?.mtimeMs ?? 0;
  if (Date.now() - last < GC_EVERY_MS) return false;
  await writeFile(stamp, '');
  return true;
}

/** Time counts while a worker is at it: what lies between a stop (or crash) and the resume does not. */
export function activeMs(events: readonly Event[]): number {
  let ms = 0;
  events.forEach((event, i) => {
    const before = events[i - 1];
    if (before !== undefined && event.type !== 'run.resumed' && event.type !== 'run.started') ms += Date.parse(event.at) - Date.parse(before.at);
  });
  return ms;
}

async function limitTime(context: RunContext, abort: AbortController): Promise<NodeJS.Timeout> {
  const left = context.request.budget.seconds * 1000 - activeMs((await context.events()).filter((e) => e.run === context.run));
  const over = new SallyportError('budget.reached', `The task has used its ${context.request.budget.seconds} seconds`, { hint: `Go on with more: sallyport resume ${context.task} --max-seconds N` });
  return setTimeout(() => abort.abort(over), Math.max(left, 0));
}

type Ended = { readonly result: TaskResult } | { readonly error: SallyportError };

/**
 * Runs the workflow. A step that cannot go on now never settles: nothing of the failure becomes durable in the engine, the
 * workflow stays pending, and the next process that drives this run starts at that step.
 */
async function perform(store: Store, context: RunContext): Promise<Ended> {
  let suspend: (ended: Ended) => void = () => undefined;
  const suspended = new Promise<Ended>((resolve) => {
    suspend = resolve;
  });
  const step: Step = (name, body) => DBOS.runStep(async () => {
    try {
      return await once(context, name, body);
    } catch (thrown) {
      const error = causeOf(thrown, context.signal);
      suspend({ error });
      return await new Promise<never>(() => undefined);
    }
  }, { name });
  current = { context, step };
  registered ??= DBOS.registerWorkflow(workflow, { name: NAME });
  DBOS.setConfig({
    name: 'sallyport', systemDatabaseUrl: store.url, systemDatabasePoolSize: 4, executorID: context.run, applicationVersion: VERSION, logger: SILENT, enableOTLP: false,
    tracingEnabled: false, listenQueues: [],
  });
  try {
    // It makes its schema on the first launch, and two that do so at once break each other. Takes up a pending workflow of this run by itself.
    await store.exclusively('dbos.launch', () => DBOS.launch());
    const handle = await DBOS.startWorkflow(registered, { workflowID: context.run })(context.run);
    const finished = handle.getResult().then((result): Ended => ({ result }), (error: unknown): Ended => ({ error: toSallyportError(error) }));
    return await Promise.race([finished, suspended]);
  } catch (error) {
    return { error: causeOf(error, context.signal) };
  }
}

/** The result that the log has for this step, or the body's, recorded. */
async function once<T>(context: RunContext, name: string, body: Parameters<Step>[1]): Promise<T> {
  context.signal.throwIfAborted();
  const known = (await context.events()).find((e) => e.type === 'step.ended' && e.run === context.run && e.data.step === name);
  if (known?.type === 'step.ended') return known.data.result as T;
  const journal = context.journal(name);
  const result = (await body(journal)) as T;
  context.signal.throwIfAborted();
  await journal.record('step.ended', { step: name, result: JSON.parse(JSON.stringify(result ?? null)) });
  return result;
}

async function finish(store: Store, context: RunContext, ended: Ended): Promise<Outcome> {
  const fence = { epoch: context.epoch };
  if ('result' in ended) {
    await context.equipment.log.checkpoint(context.task); // over the last entry: an ended task has no unsigned end
    await store.updateTask(context.task, { state: 'done', verdict: ended.result.verdict }, fence);
    await removeRunFolder(context);
    await DBOS.shutdown();
    return { kind: 'done', result: ended.result };
  }
  const { error } = ended;
  if (error.code === 'store.fenced') return { kind: 'stopped', error };
  const journal = context.journal('stop');
  if (!suspends(error)) {
    await journal.record('error.raised', { code: error.code, message: error.message.slice(0, 4000), hint: error.hint ?? null });
    await context.equipment.log.checkpoint(context.task);
    await DBOS.cancelWorkflow(context.run); // it would stay pending for ever
    await store.updateTask(context.task, { state: 'failed' }, fence);
    await removeRunFolder(context);
    return { kind: 'failed', error };
  }
  const reason = error.code === 'run.interrupted' ? 'person' : error.code === 'budget.reached' ? 'budget' : 'error';
  await journal.record('run.stopped', { reason, message: error.message.slice(0, 4000) });
  await context.equipment.log.checkpoint(context.task);
  await store.updateTask(context.task, { state: reason === 'budget' ? 'waiting' : 'stopped' }, fence);
  return { kind: 'stopped', error };
}

const nothing = (): void => undefined;
/** DBOS writes to the console otherwise; what matters of it reaches us as errors. */
const SILENT = { info: nothing, debug: nothing, warn: nothing, error: nothing };

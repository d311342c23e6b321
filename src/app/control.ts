import { setTimeout as sleep } from 'node:timers/promises';
import { SallyportError } from '../protocol/errors.js';
import { newId } from '../protocol/ids.js';
import type { Budget } from '../protocol/task.js';
import type { Task } from '../store/store.js';
import { drive, type Outcome } from '../workflow/engine.js';
import { type App, recordAct } from './app.js';

const STOP_MS = 20_000;

/** Works on a task in this process until it ends or stops. */
export function work(app: App, task: Task, interrupt: AbortSignal): Promise<Outcome> {
  return drive({ store: app.store, equipment: app.equipment, worker: app.worker }, task, interrupt);
}

/** True while a worker holds the task. */
export function isHeld(task: Task): boolean {
  return task.lease !== null && Date.parse(task.lease.until) > Date.now();
}

/** Asks the worker to stop and waits until it has. A task that nobody works on is only marked. */
export async function stop(app: App, task: Task): Promise<Task> {
  if (['done', 'refused', 'failed'].includes(task.state)) throw new SallyportError('input.wrong_state', `Task "${task.id}" has ended: it is ${task.state}`);
  await app.store.requestStop(task.id);
  const until = Date.now() + STOP_MS;
  for (let now = task; Date.now() < until; now = await app.store.getTask(task.id)) {
    if (!isHeld(now)) return now.state === 'running' || now.state === 'created' ? await app.store.updateTask(task.id, { state: 'stopped' }) : now;
    await sleep(150);
  }
  throw new SallyportError('process.failed', `The worker of "${task.id}" did not stop within ${STOP_MS / 1000} s`, { hint: 'It was asked to; sallyport show tells when it has.' });
}

/**
 * Waits until the lease of a worker that may be dead has run out; one that lives renews it within moments, and is told of. `onWait` is
 * called with the milliseconds that it takes at most, when there is anything to wait for.
 */
async function awaitLease(app: App, task: Task, onWait: (ms: number) => void): Promise<void> {
  const seen = task.lease?.until;
  if (seen === undefined || !isHeld(task)) return;
  onWait(Date.parse(seen) - Date.now());
  for (let now = task; isHeld(now); now = await app.store.getTask(task.id)) {
    if (now.lease?.until !== seen) throw new SallyportError('input.wrong_state', `Cannot resume task "${task.id}": worker ${now.lease?.owner ?? ''} is at it`, { hint: `sallyport show ${task.id}` });
    await sleep(150);
  }
}

/** Makes a stopped task ready to go on, with another budget where one is given. The caller then works on it or detaches it. */
export async function prepareResume(app: App, task: Task, budget: Partial<Budget>, onWait: (ms: number) => void): Promise<Task> {
  if (['done', 'refused', 'failed'].includes(task.state)) throw new SallyportError('input.wrong_state', `Cannot resume task "${task.id}": it is ${task.state}`, { hint: 'Start a new one: sallyport run "TASK"' });
  await awaitLease(app, task, onWait);
  await app.store.clearStop(task.id);
  const given = Object.fromEntries(Object.entries(budget).filter(([, v]) => v !== undefined));
  if (Object.keys(given).length > 0) {
    const events = await app.log.read(task.id);
    const raised = events.findLast((e) => e.type === 'budget.raised');
    const before = raised?.type === 'budget.raised' ? raised.data.budget : task.request.budget;
    await recordAct(app, task.id, `budget/${newId('appr')}`, [{ type: 'budget.raised', data: { by: app.principal, budget: { ...before, ...given } } }]);
  }
  return await app.store.getTask(task.id);
}

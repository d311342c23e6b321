import type { Artifacts } from '../artifacts/artifacts.js';
import type { Log } from '../audit/log.js';
import type { Exceptions } from '../policy/addresses.js';
import type { Policy } from '../policy/policy.js';
import { SallyportError } from '../protocol/errors.js';
import type { Event, NewEvent } from '../protocol/event.js';
import { Evidence } from '../protocol/evidence.js';
import type { Store, Task } from '../store/store.js';
import type { Equipment } from '../workflow/context.js';
import type { Folders } from '../workflow/folders.js';

/** What the use cases work with. Composed by main/; CLI and server get the same one. */
export interface App {
  readonly store: Store;
  readonly log: Log;
  readonly artifacts: Artifacts;
  readonly policy: Policy;
  readonly folders: Folders;
  readonly equipment: Equipment;
  /** Hosts that may be private or use another port, by `host` or `host:port`. */
  readonly exceptions: Exceptions;
  /** Who acts. */
  readonly principal: string;
  readonly worker: string;
  /** Folder that relative paths of a request start from. */
  readonly cwd: string;
  /** Starts a worker of its own for a task and returns at once. */
  readonly detach: (task: string) => Promise<void>;
}

/** The task that `text` names: a whole id, a prefix that fits one, or `last`. Throws `input.unknown_task`. */
export async function findTask(store: Store, text: string): Promise<Task> {
  if (text === 'last') {
    const [newest] = await store.listTasks(1);
    if (newest === undefined) throw new SallyportError('input.unknown_task', 'There is no task yet', { hint: 'Start one: sallyport run "TASK"' });
    return newest;
  }
  const prefix = text.startsWith('task_') ? text : `task_${text}`;
  const found = /^task_[0-9a-z]*$/.test(prefix) ? await store.findTasks(prefix, 3) : [];
  const [first, second] = found;
  if (first === undefined) throw new SallyportError('input.unknown_task', `There is no task "${text}"`, { hint: 'sallyport tasks lists them.' });
  if (second !== undefined) throw new SallyportError('input.unknown_task', `"${text}" fits more than one task: ${found.map((t) => t.id).join(', ')}${found.length === 3 ? ' …' : ''}`);
  return first;
}

/** Adds events of a person's act beside the worker; `about` makes their ids, so that the same act is stored once. */
export async function recordAct(app: App, task: string, about: string, events: readonly Pick<NewEvent, 'type' | 'data'>[]): Promise<readonly Event[]> {
  return await app.log.append(task, events.map((e, n) => ({ ...e, id: `${task}/${about}/${n}`, run: null }) as NewEvent), { epoch: null });
}

export interface Judged {
  readonly event: Extract<Event, { type: 'gate.judged' }>;
  readonly change: Extract<Event, { type: 'change.extracted' }>;
  readonly evidence: Evidence;
}

/** The last judged round of a task, with its change and evidence. Throws `input.wrong_state` when there is none. */
export async function lastJudged(app: App, task: Task): Promise<Judged> {
  const events = await app.log.read(task.id);
  const event = events.findLast((e) => e.type === 'gate.judged');
  if (event?.type !== 'gate.judged') throw new SallyportError('input.wrong_state', `Task "${task.id}" has no verdict yet; it is ${task.state}`, { hint: `sallyport show ${task.id}` });
  const change = events.findLast((e) => e.type === 'change.extracted' && e.run === event.run && e.data.round === event.data.round);
  if (change?.type !== 'change.extracted') throw new SallyportError('internal.bug', `Task "${task.id}" was judged without a change on the log`);
  const evidence = Evidence.parse(JSON.parse((await app.artifacts.get(event.data.evidence)).toString('utf8')));
  return { event, change, evidence };
}

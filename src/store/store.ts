import type { ChainHead } from '../attest/chain.js';
import type { Kind, Sensitivity, TaskRequest, TaskState, Verdict } from '../protocol/task.js';

/** A task as the store knows it: the row is a projection, the log is the truth. Times are UTC, ISO 8601 with milliseconds. */
export interface Task {
  readonly id: string;
  readonly state: TaskState;
  readonly kind: Kind;
  readonly request: TaskRequest;
  /** Id of the repository. */
  readonly repository: string;
  readonly createdAt: string;
  readonly head: ChainHead;
  /** The worker that holds the task; `until` may lie in the past. */
  readonly lease: { readonly owner: string; readonly until: string } | null;
  /** Counts the claims; an append with an older one is fenced off. */
  readonly leaseEpoch: number;
  readonly currentRun: string | null;
  readonly verdict: Verdict | null;
  readonly stopRequested: boolean;
}

export interface NewTask {
  readonly id: string;
  readonly kind: Kind;
  readonly request: TaskRequest;
  readonly repository: string;
  readonly createdAt: Date;
}

export interface TaskPatch {
  readonly state?: TaskState;
  readonly verdict?: Verdict | null;
  readonly currentRun?: string | null;
}

export interface Repository {
  readonly id: string;
  readonly locator: string;
  /** Null = unlabelled, which counts as restricted. */
  readonly label: Sensitivity | null;
  readonly labelBy: string | null;
  readonly labelledAt: string | null;
  readonly registeredAt: string;
}

/** One entry as stored. `bytes` are exactly what was hashed. */
export interface StoredEvent {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly bytes: Buffer;
  /** Hex. */
  readonly hash: string;
}

export interface EventRow extends StoredEvent {
  readonly run: string | null;
  readonly at: string;
  readonly data: unknown;
}

/** What an append may build on, read under the lock of the task's row. */
export interface AppendPoint {
  readonly head: ChainHead;
  /** `at` of the last entry. */
  readonly headAt: string | null;
  /** Entries that have one of the asked ids already, by id. */
  readonly known: ReadonlyMap<string, StoredEvent>;
}

export interface TaskHead {
  readonly task: string;
  readonly head: ChainHead;
}

export interface StoredCheckpoint {
  readonly task: string;
  readonly size: number;
  readonly note: string;
  readonly at: string;
}

/**
 * The state of one installation. Every method is idempotent: when the database goes away under it, it is repeated on the next one for a
 * while. Throws `store.unavailable`, `disk.full`, and what stands at each method.
 */
export interface Store extends AsyncDisposable {
  /** Address of the database, for libraries that keep their own schema in it. */
  readonly url: string;

  /** A task that exists already under this id is returned as it is. */
  createTask(task: NewTask): Promise<Task>;
  /** Throws `input.unknown_task`. */
  getTask(id: string): Promise<Task>;
  /** Tasks whose id begins with `prefix`, oldest first, at most `limit` (default 10). */
  findTasks(prefix: string, limit?: number): Promise<readonly Task[]>;
  /** Newest first. */
  listTasks(limit: number, state?: TaskState): Promise<readonly Task[]>;
  /** With `epoch`: throws `store.fenced` when another worker has claimed the task since. */
  updateTask(id: string, patch: TaskPatch, fence?: { readonly epoch: number }): Promise<Task>;

  /** Takes the task for `ttl` ms. The new epoch, or null while another worker's lease is live. By the database's clock. */
  claimLease(task: string, worker: string, ttl: number): Promise<number | null>;
  /** False when the lease was lost. */
  renewLease(task: string, epoch: number, ttl: number): Promise<boolean>;
  /** Gives the task back; nothing happens when it was lost already. */
  releaseLease(task: string, epoch: number): Promise<void>;

  requestStop(task: string): Promise<void>;
  readStop(task: string): Promise<boolean>;
  /** Forgets a stop that was asked for; done when a task is resumed. */
  clearStop(task: string): Promise<void>;

  /** Returns the one that is known under this locator, or registers it under `id`, unlabelled. */
  registerRepository(locator: string, id: string): Promise<Repository>;
  /** Null when there is none with this locator. */
  findRepository(locator: string): Promise<Repository | null>;
  /** Throws `input.invalid` when there is none with this id. */
  labelRepository(id: string, label: Sensitivity, by: string): Promise<Repository>;

  /**
   * Appends in one transaction under the lock of the task's row: `build` gets the point and returns the rows after it, in order. It must be pure:
   * it runs again when the transaction is repeated. One NOTIFY when anything was written. Throws `store.fenced` when `epoch` is given
   * and is not the task's present one.
   */
  appendEvents<T>(
    task: string,
    options: { readonly epoch: number | null; readonly ids: readonly string[] },
    build: (point: AppendPoint) => { readonly rows: readonly EventRow[]; readonly result: T },
  ): Promise<T>;
  /** Entries from `from` on, in order. */
  readEvents(task: string, from: number, limit: number): Promise<readonly StoredEvent[]>;
  /** Heads of tasks with an id after `after`, by id. */
  heads(after: string, limit: number): Promise<readonly TaskHead[]>;
  /** Calls back after every commit that appended to the task. Calls may be lost (a connection broke): poll as well. */
  onAppend(task: string, listener: () => void): Disposable;

  /** Runs `body` while no other process runs one under this name. `body` runs once: it is not repeated when the database goes away under it. A wait ends with the signal's reason. */
  exclusively<T>(name: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T>;

  saveCheckpoint(checkpoint: StoredCheckpoint): Promise<void>;
  /** By size, then time. */
  listCheckpoints(task: string): Promise<readonly StoredCheckpoint[]>;
}

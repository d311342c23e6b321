import type { ColumnType, Generated, Selectable } from 'kysely';
import { isId } from '../protocol/ids.js';
import { SallyportError } from '../protocol/errors.js';
import { type Kind, Sensitivity, type TaskRequest, TaskState, Verdict } from '../protocol/task.js';
import type { Task, Repository } from './store.js';

type Json = ColumnType<unknown, string, string>;

/** Columns of every table, as migrations/ leaves them. */
export interface Database {
  tasks: {
    id: string; state: string; kind: string; request: Json; repository: string; created_at: Date;
    head_seq: Generated<number>; head_hash: Generated<string>; head_at: Date | null;
    lease_owner: string | null; lease_epoch: Generated<number>; lease_until: Date | null;
    current_run: string | null; verdict: string | null; stop_requested_at: Date | null;
  };
  events: { task: string; seq: number; id: string; type: string; run: string | null; at: Date; bytes: Buffer; hash: Buffer; data: Json };
  repositories: {
    id: string; locator: string; label: string | null; label_by: string | null; labelled_at: Date | null; registered_at: Generated<Date>;
  };
  checkpoints: { task: string; size: number; note: string; at: Date };
}

export function toTask(row: Selectable<Database['tasks']>): Task {
  return {
    id: row.id,
    state: TaskState.parse(row.state),
    kind: row.kind as Kind,
    request: row.request as TaskRequest,
    repository: row.repository,
    createdAt: row.created_at.toISOString(),
    head: { size: row.head_seq + 1, hash: row.head_hash },
    lease: row.lease_owner === null || row.lease_until === null ? null : { owner: row.lease_owner, until: row.lease_until.toISOString() },
    leaseEpoch: row.lease_epoch,
    currentRun: row.current_run,
    verdict: Verdict.nullable().parse(row.verdict),
    stopRequested: row.stop_requested_at !== null,
  };
}

export function toRepository(row: Selectable<Database['repositories']>): Repository {
  return {
    id: row.id,
    locator: row.locator,
    label: Sensitivity.nullable().parse(row.label),
    labelBy: row.label_by,
    labelledAt: row.labelled_at?.toISOString() ?? null,
    registeredAt: row.registered_at.toISOString(),
  };
}

/** Text for a jsonb column. PostgreSQL has no U+0000 in text; columns are projections, so it is shown as U+FFFD there. */
export function toJsonb(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === 'string' ? item.replaceAll('\0', '\ufffd') : isObject(item) ? cleanKeys(item) : item));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cleanKeys(value: Record<string, unknown>): Record<string, unknown> {
  return Object.keys(value).some((key) => key.includes('\0')) ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k.replaceAll('\0', '\ufffd'), v])) : value;
}

export function unknownTask(task: string): SallyportError {
  return new SallyportError('input.unknown_task', `No task "${task}"${isId('task', task) ? '' : ': a task id has the form task_ and 19 characters'}`);
}

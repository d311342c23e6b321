import type { Migration } from '../migration.js';

/** Ids are compared by bytes (collate "C"), so that a prefix search uses the index on any server. */
export const first: Migration = {
  version: 1,
  name: 'first',
  statements: [
    `create table sallyport.tasks (
      id text collate "C" primary key,
      state text not null,
      kind text not null,
      request jsonb not null,
      repository text not null,
      created_at timestamptz not null,
      head_seq integer not null default -1,
      head_hash text not null default repeat('0', 64),
      head_at timestamptz,
      lease_owner text,
      lease_epoch integer not null default 0,
      lease_until timestamptz,
      current_run text,
      verdict text,
      stop_requested_at timestamptz
    )`,
    'create index tasks_by_age on sallyport.tasks (created_at desc, id desc)',
    `create index tasks_not_ended on sallyport.tasks (state) where state in ('created', 'running', 'stopped', 'waiting')`,
    `create table sallyport.events (
      task text collate "C" not null references sallyport.tasks (id),
      seq integer not null,
      id text collate "C" not null,
      type text not null,
      run text,
      at timestamptz not null,
      bytes bytea not null,
      hash bytea not null,
      data jsonb not null,
      primary key (task, seq),
      unique (task, id)
    )`,
    `create table sallyport.repositories (
      id text collate "C" primary key,
      locator text not null unique,
      label text,
      label_by text,
      labelled_at timestamptz,
      registered_at timestamptz not null default now()
    )`,
    `create table sallyport.checkpoints (
      task text collate "C" not null references sallyport.tasks (id),
      size integer not null,
      note text not null,
      at timestamptz not null,
      primary key (task, size, note)
    )`,
  ],
};

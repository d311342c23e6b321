import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ALWAYS_DEMANDED } from '../../../src/protocol/guarantee.js';
import { newId } from '../../../src/protocol/ids.js';
import { makeLayer, removeTree } from '../../../src/sandbox/layer.js';
import { openRecorded } from '../../../src/sandbox/record.js';
import type { ExecResult, Sandbox, SandboxDriver, SandboxSpec } from '../../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../../support/journal.js';
import { tree } from '../../support/sandbox.js';
import type { Outer } from './outer.js';
import type { Neighbour, Room, Row } from './row.js';
import type { Target } from './target.js';
import type { Weakening } from './weaken.js';

/** Commands that were sent before the journal had them: none, where every attempt leaves its event first. */
export class Unrecorded {
  readonly sent: string[] = [];
}

export interface OpenRoom extends Room, AsyncDisposable {
  readonly unrecorded: Unrecorded;
}

export interface Ground {
  readonly target: Target;
  readonly outer: Outer;
  readonly neighbour: Neighbour;
}

let rooms = 0;

/** A fresh sandbox for one attempt, with a tree of its own. `weakening` makes it one for a control. */
export async function openRoom(ground: Ground, row: Pick<Row, 'spec' | 'files'>, n: number, weakening: Weakening | null): Promise<OpenRoom> {
  const folder = join(ground.outer.folder, `room-${rooms++}`);
  const before = (await ground.outer.packets()).length;
  mkdirSync(folder, { mode: 0o755 });
  const { target } = ground;
  const lower = tree(join(folder, 'lower'), { 'a.txt': 'base\n', 'dir/b.txt': 'b\n', writable: '', ...row.files }, target.privilege);
  const layer = join(folder, 'layer');
  await makeLayer(layer, target.owner);
  const journal = new MemoryJournal();
  const unrecorded = new Unrecorded();
  const driver: SandboxDriver = {
    name: target.driver.name, probe: () => target.driver.probe(), reap: (ids) => target.driver.reap(ids), sweep: () => target.driver.sweep(),
    once: (spec, request) => target.driver.once(spec, request), close: () => target.driver.close(),
    open: async (spec) => watched(weakening === null ? await target.driver.open(spec) : await target.weak(spec, weakening), journal, unrecorded),
  };
  const specOf = (): SandboxSpec => ({
    id: newId('sb'), phase: 'agent', demanded: weakening === null ? ALWAYS_DEMANDED : [], workspace: { lowers: [lower], layer }, mounts: [], egressSocket: null, scratch: null,
    limits: { memory: 512, pids: 64, cpus: 2 }, variables: {},
  });
  const open = (overrides: Partial<SandboxSpec> = {}): Promise<Sandbox> => openRecorded(driver, { ...specOf(), ...overrides }, journal);
  const opened: Sandbox[] = [];
  const sandbox = await open(row.spec);
  opened.push(sandbox);
  return {
    ...ground, sandbox, journal, folder, lower, layer, n, weakened: weakening !== null, unrecorded,
    packets: async () => (await ground.outer.packets()).slice(before),
    again: async (overrides) => {
      const next = await open({ ...row.spec, ...overrides });
      opened.push(next);
      return next;
    },
    replaced: async (by) => {
      const next = await openRecorded({ ...driver, open: async (spec) => watched(await target.weak(spec, by), journal, unrecorded) }, { ...specOf(), id: newId('sb') }, journal);
      opened.push(next);
      return next;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((s) => s.close()));
      await removeTree(folder);
    },
  };
}

/** Notes every command that reaches the driver while its event is not on the journal yet. */
function watched(inner: Sandbox, journal: MemoryJournal, unrecorded: Unrecorded): Sandbox {
  return {
    id: inner.id, phase: inner.phase, enforced: inner.enforced, missing: inner.missing, executed: () => inner.executed(), close: () => inner.close(), [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
    exec(request): Promise<ExecResult> {
      const known = journal.of('command.started').some((c) => c.sandbox === inner.id && c.argv.length === request.argv.length && c.argv.every((a, i) => a === request.argv[i]));
      if (!known) unrecorded.sent.push(request.argv.join(' ').slice(0, 200));
      return inner.exec(request);
    },
  };
}

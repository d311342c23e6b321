import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artifacts } from '../artifacts/artifacts.js';
import type { Log } from '../audit/log.js';
import { openMirror, type Mirror } from '../git/mirror.js';
import type { EnvironmentSpec } from '../protocol/environment.js';
import type { Event, EventType, Journal, NewEvent } from '../protocol/event.js';
import type { Guarantee } from '../protocol/guarantee.js';
import type { BodyRef } from '../protocol/evidence.js';
import type { ModelTarget, TaskRequest } from '../protocol/task.js';
import { SallyportError } from '../protocol/errors.js';
import type { Owner } from '../sandbox/layer.js';
import type { Installation } from '../setup/fetch-rules.js';
import type { Registries } from '../setup/fetch-sandbox.js';
import type { AdvisorySet } from '../scan/advisories/source.js';
import type { SandboxDriver } from '../sandbox/sandbox.js';
import type { Seal } from '../setup/seal.js';
import type { ServicePrograms } from '../setup/services.js';
import type { Price } from '../gateway/meter.js';
import type { Folders } from './folders.js';
import { noteUse } from './garbage.js';

/** A root file system with its tools, and the driver that shows them. */
export interface Ground {
  readonly driver: SandboxDriver;
  /** Changes when root or tools do. */
  readonly identity: () => Promise<string>;
}

/** What every run of this process works with. Named by main/, used by the steps. */
export interface Equipment {
  readonly log: Log;
  readonly artifacts: Artifacts;
  /** The installation's own driver, for what is no part of an environment: taking a change out, a probe. */
  readonly driver: SandboxDriver;
  /** What an environment stands on, by a driver that refuses a sandbox for which it does not enforce the demands. Throws `env.unavailable` where this machine has no such root or tool. */
  readonly ground: (spec: Pick<EnvironmentSpec, 'rootfs' | 'toolchains'>, demands?: readonly Guarantee[]) => Promise<Ground>;
  /** A secret of a repository's setup. Throws `env.secret_missing` when there is none. */
  readonly setupSecret: (repository: string, name: string) => Promise<string>;
  /** The environment that this installation keeps for a repository; null when the repository's own holds. */
  readonly definition: (repository: string) => Promise<{ readonly text: string; readonly source: string } | null>;
  readonly owner: Owner;
  readonly folders: Folders;
  readonly registries: Registries;
  /** What the installation says of every fetch. */
  readonly fetching: Installation;
  /** Runs a body while no other process of this installation runs one under the name. */
  readonly exclusively: <T>(name: string, body: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** Vouches for snapshots. */
  readonly seal: Seal;
  readonly servicePrograms: ServicePrograms;
  /** Milliseconds for which a base that was measured is not measured again; 0 = it always is. */
  readonly baselineAge: number;
  /** What tells the programs that measure from others. */
  readonly programs: () => Promise<string>;
  /** Bytes on disk that frozen setups and laid-out trees may take together. */
  readonly cacheLimit: number;
  readonly redact: (text: string) => string;
  /** The key of a model by its reference. Throws `input.no_model` when there is none. */
  readonly modelKey: (keyRef: string) => Promise<string>;
  readonly price: (model: ModelTarget) => Price | null;
  /** The installation's own set of known advisories (SALLYPORT_ADVISORIES), null when none is configured. */
  readonly advisories: () => Promise<AdvisorySet | null>;
  readonly policy: { readonly name: string; readonly version: string };
}

/** Runs a named step once: its result is durable, and a repetition after a crash gets it from the log. */
export type Step = <T>(name: string, body: (journal: Journal) => Promise<T>) => Promise<T>;

/** One run in this process. */
export class RunContext {
  readonly equipment: Equipment;
  readonly task: string;
  readonly run: string;
  readonly request: TaskRequest;
  readonly epoch: number;
  readonly signal: AbortSignal;
  readonly #noted = new Set<string>();
  readonly #done = new Map<string, Promise<void>>();
  readonly #closers: (() => Promise<void>)[] = [];

  constructor(equipment: Equipment, fields: { readonly task: string; readonly run: string; readonly request: TaskRequest; readonly epoch: number; readonly signal: AbortSignal }) {
    this.equipment = equipment;
    this.task = fields.task;
    this.run = fields.run;
    this.request = fields.request;
    this.epoch = fields.epoch;
    this.signal = fields.signal;
  }

  /** Names something that lives across steps: released when the run ends or stops in this process. */
  owns(resource: { close(): Promise<void> }): void {
    this.#closers.push(() => resource.close());
  }

  /** Releases what the run still holds. A lost lease cannot be written to any more; the resources are gone all the same. */
  async release(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      await close().catch((error: unknown) => {
        if (!(error instanceof SallyportError) || !['store.fenced', 'store.unavailable'].includes(error.code)) throw error;
      });
    }
  }

  /** Folder of the run; removed when it ends. */
  get folder(): string {
    return join(this.equipment.folders.runs, this.run);
  }

  async makeFolder(): Promise<string> {
    await mkdir(this.folder, { recursive: true, mode: 0o755 });
    return this.folder;
  }

  /** Says that this run lies on something that is shared, before it does: garbage collection leaves that alone. */
  async uses(kind: 'snapshots' | 'trees', name: string): Promise<void> {
    if (this.#noted.has(`${kind}/${name}`)) return;
    await noteUse(this.equipment.folders, await this.makeFolder(), kind, name);
    this.#noted.add(`${kind}/${name}`);
  }

  /** Runs a body once in this process; who asks meanwhile or later gets the same. */
  once(name: string, body: () => Promise<void>): Promise<void> {
    const found = this.#done.get(name) ?? body();
    this.#done.set(name, found);
    return found;
  }

  mirror(): Promise<Mirror> {
    return openMirror(this.equipment.folders.mirrors, this.request.repository);
  }

  events(): Promise<readonly Event[]> {
    return this.equipment.log.read(this.task);
  }

  load(ref: BodyRef): Promise<Buffer> {
    return this.equipment.artifacts.get(ref);
  }

  async loadJson<T>(ref: BodyRef, parse: (value: unknown) => T): Promise<T> {
    return parse(JSON.parse((await this.load(ref)).toString('utf8')));
  }

  /**
   * Where a step writes. Event ids are (run, step, epoch, n): a repetition of a call within one execution is stored once, and
   * a later execution of the step after a crash has ids of its own.
   */
  journal(step: string): Journal {
    let n = 0;
    const { log, artifacts, redact } = this.equipment;
    return {
      record: async (type, data) => {
        const event = { id: `${this.run}/${step}/${this.epoch}.${n++}`, run: this.run, type, data } as NewEvent;
        await log.append(this.task, [event], { epoch: this.epoch });
      },
      keep: (body, media) => artifacts.put(typeof body === 'string' || isText(media) ? redact(body.toString()) : body, { blind: true, media }),
    };
  }
}

function isText(media: string): boolean {
  return media.startsWith('text/') || media.includes('json');
}

/** The last event of a type in this run, or null. */
export function lastOf<T extends EventType>(events: readonly Event[], run: string, type: T, where: (event: Extract<Event, { type: T }>) => boolean = () => true): Extract<Event, { type: T }> | null {
  const found = events.findLast((e) => e.run === run && e.type === type && where(e as Extract<Event, { type: T }>));
  return (found as Extract<Event, { type: T }> | undefined) ?? null;
}

/** Like `lastOf`, for what must be there. */
export function mustLastOf<T extends EventType>(events: readonly Event[], run: string, type: T, where?: (event: Extract<Event, { type: T }>) => boolean): Extract<Event, { type: T }> {
  const found = lastOf(events, run, type, where);
  if (found === null) throw new SallyportError('internal.bug', `The log of run "${run}" has no "${type}"`);
  return found;
}

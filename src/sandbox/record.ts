import type { EventData, Journal } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import type { Executed, ExecRequest, ExecResult, Sandbox, SandboxDriver, SandboxSpec, Usage } from './sandbox.js';

/**
 * Opens a sandbox whose whole life is on the log: what it enforces, every command before it is sent, its end with the digest
 * of its output, and what the cgroup counted.
 */
export async function openRecorded(driver: SandboxDriver, spec: SandboxSpec, journal: Journal): Promise<Sandbox> {
  const sandbox = await driver.open(spec);
  try {
    await journal.record('sandbox.started', { sandbox: sandbox.id, driver: driver.name, phase: sandbox.phase, enforced: [...sandbox.enforced], missing: [...sandbox.missing] });
  } catch (error) {
    await sandbox.close();
    throw error;
  }
  return new RecordedSandbox(sandbox, journal, Object.keys(spec.variables));
}

/** One command in a sandbox of its own, with the same on the log as from `openRecorded`; both announcements are there before anything starts. */
export async function onceRecorded(driver: SandboxDriver, spec: SandboxSpec, request: ExecRequest, journal: Journal): Promise<ExecResult> {
  request.signal?.throwIfAborted();
  const { enforced, missing } = await driver.probe();
  await journal.record('sandbox.started', { sandbox: spec.id, driver: driver.name, phase: spec.phase, enforced: [...enforced], missing: missing.map((m) => m.guarantee) });
  let usage: Usage = { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
  let executed: Executed | null = null;
  const ends = new Ends();
  try {
    return await recorded(journal, ends, { sandbox: spec.id, phase: spec.phase, names: Object.keys(spec.variables) }, request, async () => {
      const ended = await driver.once(spec, request);
      ({ usage, executed } = ended);
      return ended.result;
    }, () => executed);
  } finally {
    await Promise.all([journal.record('sandbox.ended', { sandbox: spec.id, ...usage }), ends.written()]);
  }
}

/**
 * Ends of commands on their way to the log. A command's result is handed on before its end is durable: the log keeps the order of one task's events,
 * so whatever is durable later stands on it, and both often go in one transaction. Nothing else begins in the sandbox, and it is not closed, before they are there.
 */
class Ends {
  #written: Promise<unknown> = Promise.resolve();

  add(end: Promise<void>): void {
    this.#written = Promise.all([this.#written, end]);
    this.#written.catch(() => undefined); // who asks next hears of it
  }

  /** Throws, from the first failure on, whenever it is asked. */
  async written(): Promise<void> {
    await this.#written;
  }
}

interface Where {
  readonly sandbox: string;
  readonly phase: Sandbox['phase'];
  /** Names of the sandbox's own variables. */
  readonly names: readonly string[];
}

/** A command with its announcement on the log before it begins, and its end on the way there when its result is given. */
async function recorded(journal: Journal, ends: Ends, where: Where, request: ExecRequest, run: () => Promise<ExecResult>, executed: () => Executed | null): Promise<ExecResult> {
  const { sandbox, phase } = where;
  const command = newId('cmd');
  const env = [...(request.bare === true ? [] : where.names), ...Object.keys(request.env ?? {})];
  await Promise.all([journal.record('command.started', { command, sandbox, phase, argv: [...request.argv], cwd: request.cwd ?? '/workspace', env }), ends.written()]);
  const began = performance.now();
  const result = await run().catch(async (error: unknown) => {
    await journal.record('command.ended', { command, exit: null, signal: null, reason: 'lost', ms: Math.round(performance.now() - began), output: null, truncated: false, executed: told(executed()) });
    throw error;
  });
  const seen = executed();
  // A change on its way out is base64: redaction could not see a secret in it, and the change is kept as a patch anyway.
  const all = phase === 'extract' ? result.stderr : Buffer.concat([result.stdout, result.stderr]);
  const output = all.length === 0 ? null : await journal.keep(all, 'text/plain');
  ends.add(journal.record('command.ended', { command, exit: result.exit, signal: result.signal, reason: result.reason, ms: Math.round(result.ms), output, truncated: result.reason === 'output_limit', executed: told(seen) }));
  return { ...result, executed: seen };
}

/** As it stands on the log. */
function told(executed: Executed | null): EventData<'command.ended'>['executed'] {
  return executed === null ? null : { ...executed, programs: executed.programs.map((p) => ({ ...p })) };
}

class RecordedSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #journal: Journal;
  readonly #names: readonly string[];
  readonly #ends = new Ends();
  #closed: Promise<Usage> | undefined;

  constructor(inner: Sandbox, journal: Journal, names: readonly string[]) {
    this.#inner = inner;
    this.#journal = journal;
    this.#names = names;
  }

  get id(): string {
    return this.#inner.id;
  }
  get phase(): Sandbox['phase'] {
    return this.#inner.phase;
  }
  get enforced(): Sandbox['enforced'] {
    return this.#inner.enforced;
  }
  get missing(): Sandbox['missing'] {
    return this.#inner.missing;
  }

  executed(): Executed | null {
    return this.#inner.executed();
  }

  async exec(request: ExecRequest): Promise<ExecResult> {
    request.signal?.throwIfAborted();
    return await recorded(this.#journal, this.#ends, { sandbox: this.id, phase: this.phase, names: this.#names }, request, () => this.#inner.exec(request), () => this.#inner.executed());
  }

  close(): Promise<Usage> {
    return (this.#closed ??= this.#end());
  }

  async #end(): Promise<Usage> {
    const usage = await this.#inner.close();
    await Promise.all([this.#journal.record('sandbox.ended', { sandbox: this.id, ...usage, executed: told(this.#inner.executed()) }), this.#ends.written()]);
    return usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

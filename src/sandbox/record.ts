import type { Journal } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import type { ExecRequest, ExecResult, Sandbox, SandboxDriver, SandboxSpec, Usage } from './sandbox.js';

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

class RecordedSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #journal: Journal;
  readonly #names: readonly string[];
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

  async exec(request: ExecRequest): Promise<ExecResult> {
    request.signal?.throwIfAborted();
    const command = newId('cmd');
    const env = [...(request.bare === true ? [] : this.#names), ...Object.keys(request.env ?? {})];
    await this.#journal.record('command.started', { command, sandbox: this.id, phase: this.phase, argv: [...request.argv], cwd: request.cwd ?? '/workspace', env });
    const began = performance.now();
    const result = await this.#inner.exec(request).catch(async (error: unknown) => {
      await this.#journal.record('command.ended', { command, exit: null, signal: null, reason: 'lost', ms: Math.round(performance.now() - began), output: null, truncated: false });
      throw error;
    });
    // A change on its way out is base64: redaction could not see a secret in it, and the change is kept as a patch anyway.
    const all = this.phase === 'extract' ? result.stderr : Buffer.concat([result.stdout, result.stderr]);
    const output = all.length === 0 ? null : await this.#journal.keep(all, 'text/plain');
    await this.#journal.record('command.ended', { command, exit: result.exit, signal: result.signal, reason: result.reason, ms: Math.round(result.ms), output, truncated: result.reason === 'output_limit' });
    return result;
  }

  close(): Promise<Usage> {
    return (this.#closed ??= this.#end());
  }

  async #end(): Promise<Usage> {
    const usage = await this.#inner.close();
    await this.#journal.record('sandbox.ended', { sandbox: this.id, ...usage });
    return usage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

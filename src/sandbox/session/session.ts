import type { Phase } from '../../protocol/event.js';
import type { Guarantee } from '../../protocol/guarantee.js';
import type { Executed, ExecRequest, ExecResult, Sandbox, Usage } from '../sandbox.js';
import { SallyportError } from '../../protocol/errors.js';
import type { Channel } from './channel.js';
import { runCommand } from './command.js';

/** The variables of a command: with and without those that the environment definition names. */
export type Variables = Readonly<Record<'bare' | 'full', Readonly<Record<string, string>>>>;

/** What a driver gives a session: the truth from outside, and the end of everything. */
export interface Host {
  /** Out-of-memory kills so far, from the kernel's own counter; 0 where the driver has none. */
  oomKills(): Promise<number>;
  /** As `Sandbox.executed`. */
  executed(): Executed | null;
  /** Ends everything inside at once; the last resort against a command or a server that does not end. */
  giveUp(): void;
  /** Ends everything inside, releases what the driver holds, and returns what was counted and what was started since `executed` was last asked. Called once. */
  end(): Promise<{ readonly usage: Usage; readonly executed: Executed | null }>;
}

export interface SessionFields {
  readonly id: string;
  readonly phase: Phase;
  readonly enforced: readonly Guarantee[];
  readonly missing: readonly Guarantee[];
  readonly variables: Variables;
  readonly workspace: string;
}

/** A sandbox that takes many commands: an exec server runs inside, and the host talks to it over a channel. The same for every driver. */
export class SessionSandbox implements Sandbox {
  readonly id: string;
  readonly phase: Phase;
  readonly enforced: readonly Guarantee[];
  readonly missing: readonly Guarantee[];
  readonly #fields: SessionFields;
  readonly #channel: Channel;
  readonly #host: Host;
  #closed: Promise<Usage> | undefined;
  /** What was left to tell at the end. */
  #last: Executed | null | undefined;
  #commands = 0;

  constructor(fields: SessionFields, channel: Channel, host: Host) {
    this.id = fields.id;
    this.phase = fields.phase;
    this.enforced = fields.enforced;
    this.missing = fields.missing;
    this.#fields = fields;
    this.#channel = channel;
    this.#host = host;
  }

  exec(request: ExecRequest): Promise<ExecResult> {
    const { variables, workspace } = this.#fields;
    return runCommand(request, {
      id: `c${this.#commands++}`, channel: this.#channel, cwd: request.cwd ?? workspace,
      env: { ...(request.bare === true ? variables.bare : variables.full), ...request.env },
      oomKills: () => this.#host.oomKills(),
      giveUp: () => this.#host.giveUp(),
    });
  }

  executed(): Executed | null {
    if (this.#last === undefined) return this.#host.executed();
    const last = this.#last;
    this.#last = last === null ? null : { programs: [], omitted: 0, lost: 0 };
    return last;
  }

  close(): Promise<Usage> {
    return (this.#closed ??= this.#end());
  }

  async #end(): Promise<Usage> {
    try {
      const { usage, executed } = await this.#host.end();
      this.#last = executed;
      return usage;
    } finally {
      this.#channel.end(new SallyportError('sandbox.failed', 'The sandbox was closed'));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

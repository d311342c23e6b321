import type { App } from '../app/app.js';
import type { ProbeResult } from '../sandbox/probes.js';
import type { DriverReport, TerminalSize } from '../sandbox/sandbox.js';
import type { ModelTarget } from '../protocol/task.js';

/** One line of `sallyport doctor`. */
export interface Finding {
  readonly id: string;
  readonly ok: boolean;
  /** `needed`: no run starts without it. */
  readonly needed: boolean;
  readonly detail: string;
  readonly hint: string | null;
}

/** One line of `sallyport models list`. The key is a reference: `env:NAME` or `file:PATH`. */
export interface ModelEntry {
  readonly name: string;
  readonly protocol: ModelTarget['protocol'];
  readonly model: string;
  readonly url: string;
  readonly key: string | null;
  readonly default: boolean;
}

/** What main/ gives the commands: they read no environment and name no driver. */
export interface Surface {
  readonly version: string;
  /** Opens the state; the caller disposes it. */
  openApp(): Promise<App & AsyncDisposable>;
  /** The model that `--model` (or the configuration) names; null when there is none. Throws `input.no_model`. */
  model(option: string | null): ModelTarget | null;
  models(): readonly ModelEntry[];
  /** The key behind a reference. Throws `input.no_model`. */
  modelKey(ref: string): Promise<string>;
  readonly modelHint: string;
  /** Where state lives, for the line that is printed before work starts. */
  readonly home: string;
  diagnose(): Promise<{ readonly findings: readonly Finding[]; readonly sandbox: DriverReport | null }>;
  /** Looks for a way out of a real sandbox. Throws when none can be started. */
  probeSandbox(): Promise<{ readonly report: DriverReport; readonly probes: readonly ProbeResult[] }>;
  /** The person's terminal; null when standard input or output is none. */
  terminal(): Terminal | null;
  /** What is piped into this program; null when a person types. */
  piped(): AsyncIterable<Buffer> | null;
  readonly publicKeyFolder: string;
  readonly out: Output;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupt: AbortSignal;
  /** Asks a person; null when nobody is at the terminal. */
  ask(question: string): Promise<string | null>;
}

/** A terminal that a person sits at. */
export interface Terminal {
  size(): TerminalSize;
  raw(): RawTerminal;
}

/** Keys as they are typed, until it is disposed. */
export interface RawTerminal extends Disposable {
  readonly typed: AsyncIterable<Buffer>;
  readonly resized: AsyncIterable<TerminalSize>;
}

/** Standard output carries results, standard error progress and errors. */
export interface Output {
  readonly colour: boolean;
  /** True when standard output or standard error goes to a person's screen. */
  readonly terminal: boolean;
  result(text: string): void;
  note(text: string): void;
  /** Raw bytes, for patches and what a command prints. Default: standard output. */
  bytes(data: Buffer, stream?: 'stdout' | 'stderr'): void;
}

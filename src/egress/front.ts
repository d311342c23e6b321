import type { Ecosystem } from '../protocol/event.js';
import type { Refusal } from './upstream.js';

/** Whether a request is answered, and the rule that says so, as it stands on the log. */
export interface Verdict {
  readonly allow: boolean;
  readonly rule: string;
}

/** A file of a package that was handed on, its digest checked. */
export interface Fetched {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  /** As the ecosystem writes it: a Subresource Integrity string of npm, `sha256:HEX` of PyPI. */
  readonly integrity: string;
  readonly bytes: number;
}

export interface Answer {
  readonly type: string;
  readonly body: Buffer;
  /** Set where the answer is a file of a package. */
  readonly fetched?: Omit<Fetched, 'bytes'>;
  /** The rule that let it through, where that is another than the verdict's. */
  readonly rule?: string;
}

/** The rules for packages, as a front asks them. */
export interface Vetting {
  /** Whether publish times must be known. */
  readonly needsTime: boolean;
  /** For a file that is about to be handed on: the rule that lets it through in place of the verdict's, or null. Throws a `Refusal`. */
  admit(name: string, version: string, published: Date | null): string | null;
  /** For a client that chooses among versions: null where it may be shown this one. What is kept from it is remembered, for the error should it find nothing. */
  keptOut(name: string, version: string, published: Date | null): Refusal | null;
}

/** What a front may do beside asking its registry. */
export interface Asking {
  readonly signal: AbortSignal;
  readonly vetting: Vetting;
  /** The checked address of a host other than the registry's, pinned for the life of the sandbox. Throws a `Refusal`. */
  reach(host: string, port: number): Promise<string>;
  /** Answers a target of the same front to nobody, on the log like a request of the client: for what a front must know itself. */
  learn(target: string): Promise<void>;
}

/** A request that the front understands: judged already, not yet answered. */
export interface Asked {
  readonly verdict: Verdict;
  /** The version of which a file is asked for; null for what describes packages. */
  readonly file: { readonly name: string; readonly version: string } | null;
  /** Fetches, bounds and verifies the whole answer. Throws a `Refusal`. Called only when the verdict allows it. */
  answer(asking: Asking): Promise<Answer>;
}

/** One ecosystem behind the door of a fetch sandbox, below a path of its own. */
export interface Front {
  readonly ecosystem: Ecosystem;
  /** First folder of the path that leads here; what follows is the target. */
  readonly prefix: string;
  /** Targets whose answers the rules must see before the first request. */
  readonly first: readonly string[];
  /** `target` begins with a slash; `accept` is the client's header. Null: not a request of this ecosystem. Asks nobody. */
  ask(target: string, accept: string): Asked | null;
  /** What a person should know when the client fails, in sentences without a full stop. */
  readonly problems: readonly string[];
}

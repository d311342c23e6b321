import type { Front } from '../../egress/front.js';
import type { Registry } from '../../egress/upstream.js';
import type { Ecosystem } from '../../protocol/event.js';

/** One command of a fetch, in the workspace of manifests. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For the error: what could not be done. */
  readonly what: string;
  /** How a person knows it, where its program and first words do not say it. */
  readonly asker?: string;
}

/** What a plan puts into the dependency folder. */
export type DependencyPart = 'cargo' | 'fetched' | 'go' | 'python' | 'tools';

/** How the packages of one ecosystem are fetched: what its client sees, reaches and runs. Made on the host from manifests, by reading alone. */
export interface FetchPlan {
  readonly ecosystem: Ecosystem;
  /** Files that the client gets in place of, or beside, the manifests. Key = path. */
  readonly files: ReadonlyMap<string, string>;
  readonly commands: readonly Command[];
  readonly dependencies: readonly DependencyPart[];
  /** What its lockfile pins; empty where the client chooses. */
  readonly locked: readonly { readonly name: string; readonly version: string }[];
  /** The registry as this plan's rules show it. */
  front(registry: Registry): Front;
}

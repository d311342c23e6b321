import type { Sandbox, SandboxSpec } from '../../../src/sandbox/sandbox.js';
import type { MemoryJournal } from '../../support/journal.js';
import type { Outer, Packet } from './outer.js';
import type { Target } from './target.js';
import type { Weakening } from './weaken.js';

/** What an attempt came to. `worked` null: it ended in a way that says nothing, which is no pass. */
export interface Outcome {
  readonly worked: boolean | null;
  readonly detail: string;
}

/** Where one attempt is made: a fresh sandbox of the driver under test, or a weakened one for the control. */
export interface Room {
  readonly sandbox: Sandbox;
  readonly journal: MemoryJournal;
  /** A host folder of this room's own: `lower/`, `layer/`, and what the row puts there. */
  readonly folder: string;
  readonly lower: string;
  readonly layer: string;
  readonly outer: Outer;
  readonly target: Target;
  /** The sandbox that lives beside all rows. */
  readonly neighbour: Neighbour;
  /** The row's own number, 2 to 241: its address, so that rows that run at once are told apart. */
  readonly n: number;
  readonly weakened: boolean;
  /** What was sent in the outer namespace since this room was opened. */
  packets(): Promise<readonly Packet[]>;
  /** Opens another sandbox over the same layer, recorded in the same journal. Closed with the room. */
  again(overrides?: Partial<SandboxSpec>): Promise<Sandbox>;
  /** Opens a sandbox in which something of Sallyport's own was replaced by the attacker: a lying exec server. Closed with the room. */
  replaced(by: Weakening): Promise<Sandbox>;
}

export interface Neighbour {
  readonly sandbox: Sandbox;
  readonly folder: string;
  /** Word that only stands in the neighbour's files, environment and memory. */
  readonly secret: string;
}

/**
 * What shows that the row's probe would notice a success. `a`: an effect-free call, which the kernel answers otherwise where nothing
 * refuses it; `b`: the same attempt where one defence is taken away; `c`: something outside, or beside, that the probe does reach.
 */
export type Control =
  | { readonly kind: 'a' | 'b'; readonly without: Weakening }
  | { readonly kind: 'c'; readonly says: string; readonly run: (room: Room) => Promise<Outcome> };

export interface Row {
  readonly id: string;
  readonly group: string;
  /** Where such an attempt was seen, as in the list of attacks. */
  readonly seenIn: string;
  readonly attempt: (room: Room) => Promise<Outcome>;
  readonly control: Control;
  readonly spec?: Partial<SandboxSpec>;
  /** The attempt ends its sandbox when it is held: the work after it happens in the next one over the same layer. */
  readonly ends?: boolean;
  /** What must be on the journal beside the command; by default a command that was recorded before it was sent. */
  readonly recorded?: (journal: MemoryJournal) => boolean;
  /** Files in the lower folder. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * The same property where sandboxes have a kernel of their own (`second_kernel`) and the probe above reads or does what such a kernel does not show or have, or what has its
   * effect in that kernel alone: done or seen in another way, with a control of its own.
   */
  readonly second?: { readonly attempt: Row['attempt']; readonly control: Control; readonly ends?: boolean };
}

/** The row as it is tried on a driver. */
export function rowOn(row: Row, secondKernel: boolean): Row {
  return secondKernel && row.second !== undefined ? { ...row, ...row.second } : row;
}

export type Verdict = 'held' | 'escape' | 'unclear' | 'unrecorded' | 'broken' | 'void';

export interface RowResult {
  readonly id: string;
  readonly group: string;
  readonly control: string;
  readonly verdict: Verdict;
  readonly detail: string;
  readonly ms: number;
}

export const held = (detail: string): Outcome => ({ worked: false, detail });
export const worked = (detail: string): Outcome => ({ worked: true, detail });
export const unclear = (detail: string): Outcome => ({ worked: null, detail });

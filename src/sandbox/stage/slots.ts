import type { SandboxSpec } from '../sandbox.js';
import type { Variables } from '../session/session.js';
import type { ExecAudit } from './exec-audit.js';
import { sourcesOf } from './stage.js';
import { DEFAULT_DISK, Slot, type SlotGround } from './slot.js';

/** What sandboxes are made with: stages, and what every sandbox of this driver sees beside its own. */
export interface Maker {
  readonly slots: Slots;
  readonly audit: ExecAudit | null;
  complete(spec: SandboxSpec): { readonly spec: SandboxSpec; readonly variables: Variables };
}

/** Stages that wait for the next sandbox. Owns those that nobody has taken. */
export class Slots {
  readonly #ground: SlotGround;
  readonly #waiting: Slot[] = [];
  readonly #starting = new Set<Promise<void>>();
  #kept = 0;

  constructor(ground: SlotGround) {
    this.#ground = ground;
  }

  /** As the driver's wall has them. */
  get depth(): number | null {
    return this.#ground.wall.depth;
  }
  get stdio(): boolean {
    return this.#ground.wall.stdio;
  }

  /** From now on this many are kept ready. */
  keep(count: number): void {
    this.#kept = count;
  }

  /** A stage for this sandbox: one that waits where it fits, else a new one. The caller owns it. */
  async take(spec: SandboxSpec): Promise<Slot> {
    for (const dead of this.#waiting.filter((slot) => !slot.alive)) await this.#drop(dead);
    const at = this.#waiting.findIndex((slot) => slot.fits(spec));
    const [found] = at === -1 ? [] : this.#waiting.splice(at, 1);
    return found ?? (await Slot.start(this.#ground, spec.limits.disk ?? DEFAULT_DISK, sourcesOf(spec)));
  }

  /** Resolves when as many are ready as are kept, or cannot be made. For measurements. */
  async settled(): Promise<void> {
    while (this.#starting.size > 0) await Promise.all(this.#starting);
    for (const slot of this.#waiting) slot.hold(true);
    await Promise.all(this.#waiting.map((slot) => slot.warm.catch(() => undefined)));
    for (const slot of this.#waiting) slot.hold(false);
  }

  /** Ends those that wait. Another `keep` makes it usable again. */
  async close(): Promise<void> {
    this.#kept = 0;
    await this.settled();
    await Promise.all(this.#waiting.splice(0).map(async (slot) => {
      slot.hold(true); // otherwise nothing would keep this process while it waits for the end
      await slot.end();
    }));
  }

  /**
   * Makes ready what is missing: called when a sandbox that was asked for is up, so that it does not wait for the next one's sake. What cannot be started
   * now is not reported here: the sandbox that needs it starts its own, and fails with the reason.
   */
  refill(): void {
    while (this.#waiting.length + this.#starting.size < this.#kept) {
      const start: Promise<void> = Slot.start(this.#ground, DEFAULT_DISK, [])
        .then((slot) => {
          slot.hold(false);
          this.#waiting.push(slot);
        }, () => undefined)
        .finally(() => this.#starting.delete(start));
      this.#starting.add(start);
    }
  }

  async #drop(slot: Slot): Promise<void> {
    this.#waiting.splice(this.#waiting.indexOf(slot), 1);
    await slot.end();
  }
}

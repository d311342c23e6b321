import { SallyportError } from '../protocol/errors.js';
import type { Budget } from '../protocol/task.js';

/** US dollars for a million tokens; null where no price is known, and then only tokens are counted. */
export interface Price {
  readonly input: number;
  readonly output: number;
}

export interface Spent {
  readonly tokens: number;
  readonly usd: number;
}

/** What a run has used. Starts from what the log says was used before, so that a restart forgets nothing. */
export class Meter {
  readonly #budget: Budget;
  readonly #price: Price | null;
  #tokens: number;
  #usd: number;

  constructor(budget: Budget, price: Price | null, before: Spent) {
    this.#budget = budget;
    this.#price = price;
    this.#tokens = before.tokens;
    this.#usd = before.usd;
  }

  get spent(): Spent {
    return { tokens: this.#tokens, usd: this.#usd };
  }

  /** Counts one answer and returns its price, or null where none is known. */
  add(input: number | null, output: number | null): number | null {
    this.#tokens += (input ?? 0) + (output ?? 0);
    if (this.#price === null || input === null || output === null) return null;
    const usd = (input * this.#price.input + output * this.#price.output) / 1_000_000;
    this.#usd += usd;
    return usd;
  }

  /** Throws `budget.reached` when nothing is left; asked before each call. */
  assertLeft(): void {
    const over = this.#tokens >= this.#budget.tokens ? `${this.#tokens} of ${this.#budget.tokens} tokens` : this.#usd >= this.#budget.usd ? `$${this.#usd.toFixed(2)} of $${this.#budget.usd}` : null;
    if (over !== null) throw new SallyportError('budget.reached', `The task has used ${over}`, { hint: 'Go on with more: sallyport resume TASK --max-tokens N --max-usd N' });
  }
}

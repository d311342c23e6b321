import { Client } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { APPEND_CHANNEL } from './queries/append-events.js';

const RECONNECT_MS = 250;
const CONNECT_MS = 5000;

/**
 * One connection that listens for appends, made when the first listener comes and made anew when it breaks. What was notified while it was
 * down is lost: after every (new) connection all listeners are called once, and readers poll slowly as well.
 */
export class AppendListener {
  readonly #url: () => string;
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | null = null;
  /** Set while it is connected and listening. One that is still connecting is never ended from outside: pg would wait for ever. */
  #client: Client | null = null;

  constructor(url: () => string) {
    this.#url = url;
  }

  add(task: string, listener: () => void): Disposable {
    const set = this.#listeners.get(task) ?? new Set();
    this.#listeners.set(task, set.add(listener));
    this.#loop ??= this.#listen();
    return {
      [Symbol.dispose]: () => {
        set.delete(listener);
        if (set.size === 0 && this.#listeners.get(task) === set) this.#listeners.delete(task);
      },
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#client?.end().catch(() => undefined); // broken already
    await this.#loop;
  }

  async #listen(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const client = new Client({ connectionString: this.#url(), connectionTimeoutMillis: CONNECT_MS });
      const broken = new Promise<void>((resolve) => {
        client.on('error', () => resolve());
        client.on('end', () => resolve());
      });
      client.on('notification', ({ payload }) => {
        for (const call of this.#listeners.get(payload ?? '') ?? []) call();
      });
      try {
        await client.connect();
        await client.query(`listen ${APPEND_CHANNEL}`);
        this.#client = client;
        for (const set of this.#listeners.values()) for (const call of set) call();
        if (this.#stop.signal.aborted) await client.end();
        await broken;
      } catch {
        // No database just now: readers poll, and their queries say what is wrong.
      }
      this.#client = null;
      await client.end().catch(() => undefined);
      await delay(RECONNECT_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}

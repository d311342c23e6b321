import type { Event } from '../protocol/event.js';
import type { Store } from '../store/store.js';
import { batches } from './batches.js';
import { decode } from './place.js';

/**
 * Entries as they come. Notifications only say "look": the log itself is read from the last seen position, so a lost one delays by at
 * most `pollMs` and none can make a gap.
 */
export async function* followEvents(
  store: Store, task: string, { from, signal, pollMs }: { readonly from: number; readonly signal: AbortSignal; readonly pollMs: number },
): AsyncGenerator<Event> {
  const bell = new Bell();
  using _subscription = store.onAppend(task, () => bell.ring());
  const onAbort = (): void => bell.ring();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (let next = from; !signal.aborted; ) {
      const rung = bell.wait(pollMs); // armed before the read, so that an append during the read is not slept through
      for await (const batch of batches(store, task, next)) {
        for (const stored of batch) {
          if (signal.aborted) return;
          yield decode(task, stored);
          next = stored.seq + 1;
        }
      }
      await rung;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    bell.ring();
  }
}

class Bell {
  #wake: () => void = () => undefined;

  ring(): void {
    this.#wake();
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

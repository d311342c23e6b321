import type { App } from '../app/app.js';
import type { Event } from '../protocol/event.js';
import { phaseOf, progressLine } from './progress.js';
import type { Output } from './surface.js';

const BEAT_MS = 4000;

/**
 * Prints a task's progress from `from` on while `body` runs, with a heartbeat when nothing happened for four seconds, so that
 * a person always sees whether it lives.
 */
export async function withProgress<T>(app: App, task: string, from: number, out: Output | null, body: () => Promise<T>): Promise<T> {
  if (out === null) return await body();
  const abort = new AbortController();
  const began = Date.now();
  let last = Date.now();
  let phase = 'starting';
  const missing = new Set<string>();
  /** What this machine lacks is said once, not with every sandbox. */
  const isToldAgain = (event: Event): boolean => {
    if (event.type !== 'sandbox.started' || event.data.missing.length === 0) return false;
    const known = missing.has(event.data.missing.join());
    missing.add(event.data.missing.join());
    return known;
  };
  const print = (line: string): void => {
    last = Date.now();
    out.note(`${stamp(began)} ${line}`);
  };
  const heart = setInterval(() => {
    if (Date.now() - last >= BEAT_MS) print(`…        ${phase}`);
  }, 500);
  const following = (async () => {
    for await (const event of app.log.follow(task, { from, signal: abort.signal })) {
      phase = phaseOf(event) ?? phase;
      const line = isToldAgain(event) ? null : progressLine(event);
      if (line !== null) print(line);
      if (event.type === 'run.ended' || event.type === 'run.stopped' || event.type === 'error.raised') return;
    }
  })();
  following.catch(() => undefined); // it may end before the body does, which then tells what is wrong
  try {
    const result = await body();
    await Promise.race([following, new Promise((resolve) => setTimeout(resolve, 1500))]); // the last lines are on their way
    return result;
  } finally {
    abort.abort();
    clearInterval(heart);
    await following.catch(() => undefined); // the body's own error is the one to tell
  }
}

/** `m:ss` since the command began. */
function stamp(began: number): string {
  const seconds = Math.round((Date.now() - began) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2)}:${String(seconds % 60).padStart(2, '0')}`;
}

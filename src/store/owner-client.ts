import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SallyportError } from '../protocol/errors.js';
import { candidateArgv } from './election.js';
import { prepareHome } from './folders.js';
import { OwnerAnswer } from './owner-answer.js';
import type { StorePaths } from './paths.js';
import { CHILD_ENV, type Processes } from './processes.js';

export interface HoldOptions {
  readonly paths: StorePaths;
  /** Program and arguments of an owner process for this state directory; `flock` is put in front. */
  readonly argv: readonly string[];
  readonly processes: Pick<Processes, 'startDetached'>;
  /** Milliseconds to wait for a database, initialisation included. */
  readonly patience: number;
}

/** A share in the embedded database: it runs as long as any share is held. */
export interface OwnerHold {
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const POLL_MS = 20;
const CANDIDATE_MS = 300;
const RETRY_MS = 1000;

/**
 * Finds the owner, or starts a candidate and waits. When the owner dies, another is found or started in the background; the address stays the
 * same, and PostgreSQL usually outlives its owner, so most clients notice nothing. Throws what the owner says, or `store.unavailable`.
 */
export async function holdOwner(options: HoldOptions): Promise<OwnerHold> {
  prepareHome(options.paths);
  const stop = new AbortController();
  let { socket, url } = await findOwner(options, stop.signal);
  const keep = (current: Socket): void => {
    current.once('close', () => {
      if (!stop.signal.aborted) void again();
    });
  };
  /** Never rejects. What fails here is told to whoever next needs the database: its query says why there is none. */
  const again = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        ({ socket, url } = await findOwner(options, stop.signal));
        return keep(socket);
      } catch {
        await delay(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined); // aborted: the loop ends
      }
    }
  };
  keep(socket);
  return {
    get url() {
      return url;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      if (socket.closed) return;
      await new Promise((resolve) => socket.once('close', resolve).destroy());
    },
  };
}

async function findOwner(options: HoldOptions, signal: AbortSignal): Promise<{ readonly socket: Socket; readonly url: string }> {
  const { paths, argv, processes, patience } = options;
  const deadline = performance.now() + patience;
  for (let nextCandidate = 0; performance.now() < deadline; await delay(POLL_MS, undefined, { signal })) {
    const found = await ask(paths.ownerSocket, deadline - performance.now(), signal);
    if (found !== null) {
      const { socket, answer } = found;
      if (answer.ok) return { socket, url: answer.url };
      socket.destroy();
      throw new SallyportError(answer.code, answer.message, { hint: answer.hint ?? undefined });
    }
    if (performance.now() < nextCandidate) continue;
    await processes.startDetached(candidateArgv(paths, argv), paths.ownerLog, CHILD_ENV);
    nextCandidate = performance.now() + CANDIDATE_MS;
  }
  const said = existsSync(paths.ownerLog) ? readFileSync(paths.ownerLog, 'utf8').trim().slice(-600) : '';
  throw new SallyportError('store.unavailable', `Cannot reach the database of "${paths.home}": no owner answered in ${patience} ms; its log says: ${said || 'nothing'}`, {
    hint: 'log/owner.log and log/postgres.log in the state directory have the rest.',
  });
}

/** One attempt. Null when nobody listens, or who did went away before it answered (it was stopping): the caller tries again. */
async function ask(path: string, ms: number, signal: AbortSignal): Promise<{ readonly socket: Socket; readonly answer: OwnerAnswer } | null> {
  const socket = connect({ path, signal });
  const line = await new Promise<string | null>((resolve) => {
    let text = '';
    const timer = setTimeout(() => resolve(null), ms);
    socket.setEncoding('utf8');
    socket.on('error', () => undefined); // refused, absent or reset: `close` follows
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(text.endsWith('\n') ? text : null);
    });
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (!text.endsWith('\n')) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
  if (line === null) {
    socket.destroy();
    return null;
  }
  return { socket, answer: OwnerAnswer.parse(JSON.parse(line)) };
}

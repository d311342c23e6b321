import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Journal } from '../protocol/event.js';
import type { Answer, Asked, Fetched, Front, Verdict } from './front.js';
import { Refusal } from './upstream.js';

export interface DoorOptions {
  readonly fronts: readonly Front[];
  readonly socket: string;
  /** Who may connect: the uid inside. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly sandbox: string;
  readonly journal: Journal;
}

export interface Door extends AsyncDisposable {
  /** Files of packages that were handed out so far. */
  readonly fetched: readonly Fetched[];
  /** What the fronts noticed, for the error of a client that failed. */
  readonly problems: readonly string[];
}

/**
 * The only way out of a sandbox in the fetch phase: one unix socket, which is its identity, and behind it one front an ecosystem. Nothing
 * but GET. Every request is an event with its verdict and rule, recorded before the answer.
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const keeper = new Keeper(options);
  for (const front of options.fronts) for (const target of front.first) await keeper.learn(front, target);
  const live = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answer: Promise<void> = keeper.handle(request, response)
      .catch(() => void (response.headersSent ? response.destroy() : response.writeHead(502).end()))
      .finally(() => live.delete(answer));
    live.add(answer);
  });
  await rm(options.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  if (options.owner !== null) await chown(options.socket, options.owner.uid, options.owner.gid);
  await chmod(options.socket, 0o600);
  return {
    fetched: keeper.fetched,
    get problems() {
      return options.fronts.flatMap((front) => front.problems);
    },
    async [Symbol.asyncDispose]() {
      keeper.stop();
      server.closeAllConnections();
      await Promise.allSettled(live); // their events are on the log before the door is gone
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await rm(options.socket, { force: true });
    },
  };
}

class Keeper {
  readonly fetched: Fetched[] = [];
  readonly #options: DoorOptions;
  readonly #stop = new AbortController();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Ends what is still on its way from a registry. */
  stop(): void {
    this.#stop.abort();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    const [front, asked] = method === 'GET' ? this.#find(target, request.headers.accept ?? '') : [null, null];
    const verdict = asked?.verdict ?? { allow: false, rule: method === 'GET' ? 'not-a-package' : 'read-only' };
    if (front === null || asked === null || !verdict.allow) {
      await this.#event(method, target, verdict, 403, 0);
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `refused by Sallyport: ${verdict.rule}` }));
      return;
    }
    try {
      const { type, body, fetched } = await this.#answer(front, asked);
      await this.#event(method, target, verdict, 200, body.length);
      if (fetched !== undefined) this.fetched.push({ ...fetched, bytes: body.length });
      response.writeHead(200, { 'content-type': type, 'content-length': body.length }).end(body);
    } catch (error) {
      const { rule, status } = await this.#failed(method, target, error);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `Sallyport could not fetch this: ${rule}${error instanceof Refusal ? ` (${error.message})` : ''}` }));
    }
  }

  /** Lets a front see an answer that nobody gets. On the log like a request of the client. */
  async learn(front: Front, target: string): Promise<void> {
    const asked = front.ask(target, '');
    const verdict = asked?.verdict ?? { allow: false, rule: 'not-a-package' };
    const path = `/${front.prefix}${target}`;
    if (asked === null || !verdict.allow) {
      await this.#event('GET', path, verdict, 403, 0);
      throw new Refusal('refused', `${target.slice(0, 200)} is refused: ${verdict.rule}`);
    }
    try {
      const { body } = await this.#answer(front, asked);
      await this.#event('GET', path, verdict, 200, body.length);
    } catch (error) {
      await this.#failed('GET', path, error);
      throw error;
    }
  }

  /** The front by the first folder of the path, and what it makes of the rest. */
  #find(target: string, accept: string): [Front, Asked | null] | [null, null] {
    const [, prefix, rest] = /^\/([a-z]+)(\/.*)$/.exec(target) ?? [];
    const front = this.#options.fronts.find((f) => f.prefix === prefix);
    return front === undefined ? [null, null] : [front, front.ask(rest ?? '', accept)];
  }

  #answer(front: Front, asked: Asked): Promise<Answer> {
    return asked.answer({ signal: this.#stop.signal, learn: (target) => this.learn(front, target) });
  }

  async #failed(method: string, target: string, error: unknown): Promise<{ readonly rule: string; readonly status: number }> {
    const { rule, status } = error instanceof Refusal ? error : { rule: 'upstream-failed', status: 502 };
    await this.#event(method, target, { allow: rule === 'upstream-failed', rule }, status, 0);
    return { rule, status };
  }

  #event(method: string, target: string, verdict: Verdict, status: number, bytes: number): Promise<void> {
    return this.#options.journal.record('egress.requested', { sandbox: this.#options.sandbox, method: method.slice(0, 20), target: target.slice(0, 1000), verdict: verdict.allow ? 'allow' : 'deny', rule: verdict.rule, status, bytes });
  }
}

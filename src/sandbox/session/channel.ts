import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';

/** Longest line that the exec server may send: one piece of output (64 KiB) in base64 and some names. */
const MAX_LINE = 1024 * 1024;
const Base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);
const Message = z.union([
  z.strictObject({ ready: z.literal(true) }),
  z.strictObject({ id: z.string(), o: Base64 }),
  z.strictObject({ id: z.string(), e: Base64 }),
  z.strictObject({ id: z.string(), exit: z.int().min(0).max(255).nullable(), signal: z.string().max(20).nullable() }),
  z.strictObject({ id: z.string(), taken: z.literal(true) }),
  z.strictObject({ id: z.string(), error: z.string().max(1000) }),
]);

/** What a command's owner hears. Pieces and endings of ids that nobody waits for are dropped. */
export interface CommandListener {
  output(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  exit(exit: number | null, signal: string | null): void;
  /** A piece of input was taken: there is room for another. */
  taken(): void;
  /** The program could not be started inside. */
  failed(message: string): void;
  /** The channel is gone: the sandbox ended or broke the protocol. */
  lost(reason: SallyportError): void;
}

/**
 * The host's end of the exec server's socket. What comes in is hostile: lines are bounded and checked against a schema, and
 * the first breach ends the channel for good.
 *
 * Its first line is a key, which stands before every id that comes back. Where the code inside can open what the server has open (gVisor, by way of /proc, when the engine gave it
 * pipes) it can write lines of its own and take those of the host away, but it has not read the first, which was taken before any of it ran: it cannot answer in the server's place.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #listeners = new Map<string, CommandListener>();
  readonly #onBreach: () => void;
  readonly #before = `${randomBytes(16).toString('hex')}.`;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #dead: SallyportError | null = null;
  #ready!: () => void;
  #notReady!: (error: SallyportError) => void;
  /** Settles when the exec server has said that it is ready, or when it is certain that it never will. */
  readonly ready: Promise<void>;

  constructor(stream: Duplex, onBreach: () => void) {
    this.#stream = stream;
    this.#onBreach = onBreach;
    this.ready = new Promise((resolve, reject) => {
      this.#ready = resolve;
      this.#notReady = reject;
    });
    this.ready.catch(() => undefined); // whoever opens the sandbox awaits it; later losses reach the listeners
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (cause) => this.end(new SallyportError('sandbox.failed', 'The channel into the sandbox broke', { cause })));
    stream.on('close', () => this.end(new SallyportError('sandbox.failed', 'The sandbox ended')));
    this.send({ op: 'hello', key: this.#before.slice(0, -1) });
  }

  send(message: object): void {
    if (this.#dead === null) this.#stream.write(`${JSON.stringify(message)}\n`);
  }

  listen(id: string, listener: CommandListener): void {
    if (this.#dead === null) this.#listeners.set(id, listener);
    else listener.lost(this.#dead);
  }

  forget(id: string): void {
    this.#listeners.delete(id);
  }

  /** Ends the channel once; everybody who waits hears the reason. */
  end(reason: SallyportError): void {
    if (this.#dead !== null) return;
    this.#dead = reason;
    this.#notReady(reason);
    const waiting = [...this.#listeners.values()];
    this.#listeners.clear();
    for (const listener of waiting) listener.lost(reason);
    this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    for (let at = rest.indexOf(10); at !== -1 && this.#dead === null; at = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#pending, rest.subarray(0, at)]);
      this.#pending = [];
      this.#pendingBytes = 0;
      rest = rest.subarray(at + 1);
      this.#line(line);
    }
    if (rest.length === 0) return;
    this.#pending.push(rest);
    this.#pendingBytes += rest.length;
    if (this.#pendingBytes > MAX_LINE) this.#breach(`a line over ${MAX_LINE} bytes`);
  }

  #line(line: Buffer): void {
    let value: unknown;
    try {
      value = JSON.parse(line.toString('utf8'));
    } catch {
      return this.#breach('a line that is not JSON');
    }
    const parsed = Message.safeParse(value);
    if (!parsed.success) return this.#breach('a message that is not in the protocol');
    const message = parsed.data;
    if ('ready' in message) return this.#ready();
    const listener = message.id.startsWith(this.#before) ? this.#listeners.get(message.id.slice(this.#before.length)) : undefined;
    if (listener === undefined) return;
    if ('o' in message) listener.output('stdout', Buffer.from(message.o, 'base64'));
    else if ('e' in message) listener.output('stderr', Buffer.from(message.e, 'base64'));
    else if ('taken' in message) listener.taken();
    else if ('error' in message) listener.failed(message.error);
    else listener.exit(message.exit, message.signal);
  }

  #breach(what: string): void {
    this.end(new SallyportError('sandbox.protocol', `The exec server sent ${what}`));
    this.#onBreach();
  }
}

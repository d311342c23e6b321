import { connect, type Socket } from 'node:net';
import { type Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readClientHello } from './client-hello.js';

export interface TunnelLimits {
  /** Milliseconds: until the other side answers and until the client has named it, without a byte either way, and altogether. */
  readonly begin: number;
  readonly idle: number;
  readonly total: number;
  /** Bytes: a client that fetches sends little. */
  readonly sent: number;
  readonly received: number;
}

export const TUNNEL_LIMITS: TunnelLimits = { begin: 15_000, idle: 120_000, total: 3_600_000, sent: 16 * 2 ** 20, received: 8 * 2 ** 30 };

/** How a tunnel ended. */
export interface Tunnelled {
  readonly rule: 'declared-host' | 'other-server-name' | 'too-large' | 'too-long' | 'upstream-failed';
  /** More than the rule says; a sentence without a full stop, or null. */
  readonly why: string | null;
  readonly sent: number;
  readonly received: number;
}

export interface TunnelOptions {
  readonly client: Duplex;
  /** What came behind the request. */
  readonly head: Buffer;
  readonly name: string;
  readonly port: number;
  /** The address of the name, which was checked. */
  readonly address: string;
  readonly limits: TunnelLimits;
  readonly signal: AbortSignal;
}

/** Fatal alert access_denied (RFC 8446, section 6.2): what a TLS client understands. */
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 49]);

/**
 * Passes bytes between a client and the one address, once the client's ClientHello names the host that it asked for: before that not one byte leaves. What is said
 * inside of TLS cannot be seen. Ends when either side does, or a limit is reached; never rejects.
 */
export async function tunnel(options: TunnelOptions): Promise<Tunnelled> {
  const { client, limits } = options;
  const count = { sent: 0, received: 0 };
  const ended = (rule: Tunnelled['rule'], why: string | null = null): Tunnelled => ({ rule, why, ...count });
  const late = AbortSignal.timeout(limits.total);
  const signal = AbortSignal.any([options.signal, late]);
  let upstream: Socket | null = null;
  try {
    upstream = await reach(options.address, options.port, AbortSignal.any([signal, AbortSignal.timeout(limits.begin)])).catch(() => null);
    if (upstream === null) {
      await answer(client, 502, `${options.name}:${options.port} cannot be reached`);
      return ended('upstream-failed', `${options.name}:${options.port} cannot be reached`);
    }
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    const hello = await readHello(client, options.head, AbortSignal.any([signal, AbortSignal.timeout(limits.begin)]));
    const why = typeof hello === 'string' ? hello : hello.name === options.name ? null : `it names the server ${JSON.stringify(hello.name.slice(0, 253))}`;
    if (why !== null || typeof hello === 'string') {
      client.end(ALERT, () => void client.destroy());
      return ended('other-server-name', `what was sent to ${options.name}:${options.port} is not passed on: ${why ?? ''}`);
    }
    client.unshift(hello.bytes);
    return ended(await pass(client, upstream, limits, count, signal, late));
  } catch {
    return ended('upstream-failed', `the connection to ${options.name}:${options.port} broke`);
  } finally {
    upstream?.destroy();
    // What was written for the client, an alert or a refusal, still goes out.
    if (!client.writableEnded) client.destroy();
  }
}

async function pass(client: Duplex, upstream: Socket, limits: TunnelLimits, count: { sent: number; received: number }, signal: AbortSignal, late: AbortSignal): Promise<Tunnelled['rule']> {
  let over: 'too-large' | 'too-long' | null = null;
  upstream.setTimeout(limits.idle, () => {
    over = 'too-long';
    upstream.destroy();
  });
  const counted = (way: 'sent' | 'received'): Transform => new Transform({
    transform(chunk: Buffer, _encoding, done) {
      count[way] += chunk.length;
      if (count[way] <= limits[way]) return done(null, chunk);
      over = 'too-large';
      done(new Error('too large'));
    },
  });
  await Promise.all([pipeline(client, counted('sent'), upstream, { signal }), pipeline(upstream, counted('received'), client, { signal })]).catch(() => undefined);
  return over ?? (late.aborted ? 'too-long' : 'declared-host');
}

/** One line, in place of a connection. */
export async function answer(client: Duplex, status: 403 | 502, line: string): Promise<void> {
  const body = `${line.replace(/[\r\n]+/g, ' ')}\n`;
  const reason = status === 403 ? 'Forbidden' : 'Bad Gateway';
  await new Promise<void>((resolve) => {
    client.once('close', resolve);
    client.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`, () => {
      client.destroy();
      resolve();
    });
  });
}

function reach(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, signal, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      // Later errors end the passing of bytes, which sees them by itself.
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** The client's first bytes and the server that they name, or why they are not passed on. */
function readHello(client: Duplex, head: Buffer, signal: AbortSignal): Promise<{ readonly bytes: Buffer; readonly name: string } | string> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const finish = (result: { bytes: Buffer; name: string } | string): void => {
      client.off('data', onData).off('end', onEnd).off('close', onEnd);
      signal.removeEventListener('abort', onEnd);
      client.pause();
      resolve(result);
    };
    const onEnd = (): void => finish('it says nothing of a server');
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const hello = readClientHello(bytes);
      if (hello.state === 'refused') finish(hello.why);
      else if (hello.state === 'named') finish({ bytes, name: hello.name });
    };
    client.on('error', onEnd).on('end', onEnd).on('close', onEnd).on('data', onData);
    signal.addEventListener('abort', onEnd);
    if (signal.aborted) onEnd();
    else if (head.length > 0) onData(head);
  });
}

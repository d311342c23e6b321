import { SallyportError } from '../../protocol/errors.js';
import type { ExecReason, ExecRequest, ExecResult } from '../sandbox.js';
import type { Channel } from './channel.js';

/** After a kill was sent, how long the exec server has to report the end before the whole sandbox is given up. */
const KILL_GRACE_MS = 3000;

export interface CommandContext {
  readonly id: string;
  readonly channel: Channel;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly oomKills: () => Promise<number>;
  /** Ends the whole sandbox: the last resort against a command or a server that does not end. */
  readonly giveUp: () => void;
}

/**
 * Runs one command through the exec server. The host's own clock, output counter and the cgroup's counter decide `timeout`,
 * `output_limit` and `oom`; the first cause wins. A program that cannot be started inside gives exit 127, as a shell would.
 */
export async function runCommand(request: ExecRequest, context: CommandContext): Promise<ExecResult> {
  const { id, channel } = context;
  const began = performance.now();
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let size = 0;
  let reason: ExecReason | undefined;
  let grace: NodeJS.Timeout | undefined;
  let taken: (() => void) | undefined;
  /** The command is over, or nobody waits for it: what was still to be sent is not. */
  const over = new AbortController();
  const killsBefore = await context.oomKills();
  request.signal?.throwIfAborted(); // from here to the listener nothing waits: a stop between the two would never reach the command
  const end = (why: ExecReason): void => {
    if (reason !== undefined) return;
    reason = why;
    channel.send({ op: 'kill', id });
    grace = setTimeout(context.giveUp, KILL_GRACE_MS);
  };
  const onAbort = (): void => end('killed');
  const timer = setTimeout(() => end('timeout'), request.timeout);
  request.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const ended = await new Promise<{ exit: number | null; signal: string | null }>((resolve) => {
      channel.listen(id, {
        output(stream, chunk) {
          if (size >= request.maxOutput) return;
          const part = chunk.subarray(0, request.maxOutput - size);
          size += part.length;
          if (request.keepOutput !== false) output[stream].push(part);
          request.onOutput?.(stream, part);
          if (size >= request.maxOutput) end('output_limit');
        },
        exit: (exit, signal) => resolve({ exit, signal }),
        taken: () => taken?.(),
        failed(message) {
          output.stderr.push(Buffer.from(`Cannot start ${JSON.stringify(request.argv[0])}: ${message}\n`));
          resolve({ exit: 127, signal: null });
        },
        lost() {
          reason ??= 'lost';
          resolve({ exit: null, signal: null });
        },
      });
      const { terminal } = request;
      channel.send({
        op: 'exec', id, argv: request.argv, cwd: context.cwd, env: context.env, ...(request.stdin === undefined ? {} : { stdin: request.stdin.toString('base64') }),
        ...(request.input === undefined ? {} : { input: true }), ...(terminal === undefined ? {} : { terminal: { columns: terminal.columns, rows: terminal.rows } }),
      });
      if (request.input !== undefined) void pump(request.input, (data) => new Promise((next) => {
        taken = next;
        channel.send({ op: 'input', id, ...(data === null ? {} : { data: data.toString('base64') }) });
      }), over.signal);
      if (terminal?.resized !== undefined) void follow(terminal.resized, (size) => channel.send({ op: 'resize', id, columns: size.columns, rows: size.rows }), over.signal);
    });
    const killsAfter = await context.oomKills().catch((error: unknown) => {
      if (reason === 'lost') return killsBefore; // the sandbox is gone, its counters with it
      throw error;
    });
    if (killsAfter > killsBefore && reason !== 'timeout') reason = 'oom';
    return { ...ended, reason: reason ?? 'exited', stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr), ms: Math.round(performance.now() - began) };
  } finally {
    over.abort();
    clearTimeout(timer);
    clearTimeout(grace);
    request.signal?.removeEventListener('abort', onAbort);
    channel.forget(id);
  }
}

/** Bytes of input in one message. */
const PIECE = 64 * 1024;

/** Sends input piece by piece, each when the one before was taken, and then its end. An input that fails is an input that ended. */
async function pump(input: AsyncIterable<Buffer>, send: (data: Buffer | null) => Promise<void>, over: AbortSignal): Promise<void> {
  await follow(input, async (chunk) => {
    for (let at = 0; at < chunk.length && !over.aborted; at += PIECE) await send(chunk.subarray(at, at + PIECE));
  }, over);
  if (!over.aborted) await send(null);
}

/** Hands on what comes until it ends or nobody wants it any more. */
async function follow<T>(source: AsyncIterable<T>, take: (item: T) => Promise<void> | void, over: AbortSignal): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  const stop = (): void => void iterator.return?.()?.catch?.(() => undefined);
  over.addEventListener('abort', stop, { once: true });
  try {
    for (let next = await iterator.next(); next.done !== true && !over.aborted; next = await iterator.next()) await take(next.value);
  } catch {
    // whoever types has gone
  } finally {
    over.removeEventListener('abort', stop);
  }
}

/** Throws unless a program that Sallyport itself runs inside ended well. `what` names it in the message. */
export function expectSuccess(result: ExecResult, what: string): ExecResult {
  if (result.exit === 0 && result.reason === 'exited') return result;
  const tail = result.stderr.subarray(-600).toString('utf8').trim();
  throw new SallyportError('sandbox.failed', `${what} failed inside the sandbox (${result.reason}, exit ${result.exit ?? result.signal ?? 'none'}): ${tail}`);
}

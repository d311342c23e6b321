import type { Readable } from 'node:stream';
import { killGroup } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';
import type { ExecReason, ExecRequest, ExecResult } from '../sandbox.js';
import { FD } from './inside.js';
import { rootError } from './not-root.js';
import type { Slot } from './slot.js';

const MAX_STATUS = 10_000;

/**
 * Waits for the one command of a slot that was claimed for it. The host's own clock, output counter and the cgroup's counter decide `timeout`,
 * `output_limit` and `oom`; the first cause wins. bwrap tells the exit code on its status descriptor; without one the sandbox never
 * started, or was lost, and that throws. `depth` as in `assertNotRoot`: where the stage itself becomes the sandbox it is looked at when it begins; behind an
 * engine that tells only the end, the self-test's word stands.
 */
export async function runOnce(slot: Slot, request: ExecRequest, began: number, depth: number | null): Promise<ExecResult> {
  const output: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let size = 0;
  let reason: ExecReason | undefined;
  const end = (why: ExecReason): void => {
    reason ??= why;
    killGroup(slot.child);
  };
  const take = (stream: 'stdout' | 'stderr') => (chunk: Buffer): void => {
    if (size >= request.maxOutput) return;
    const part = chunk.subarray(0, request.maxOutput - size);
    size += part.length;
    output[stream].push(part);
    request.onOutput?.(stream, part);
    if (size >= request.maxOutput) end('output_limit');
  };
  slot.onStdout = take('stdout');
  slot.onStderr = take('stderr');
  let root: SallyportError | undefined;
  const status = readStatus(slot.child.stdio[FD.channel] as Readable, () => {
    if (depth !== null) return;
    root = rootError(slot.child.pid);
    if (root !== undefined) end('killed');
  });
  const timer = setTimeout(() => end('timeout'), request.timeout);
  const onAbort = (): void => end('killed');
  request.signal?.addEventListener('abort', onAbort, { once: true });
  if (request.signal?.aborted === true) onAbort();
  try {
    if (slot.child.exitCode === null && slot.child.signalCode === null) await new Promise<void>((resolve) => void slot.child.once('close', () => resolve()));
    if (root !== undefined) throw root;
    const oom = ((await slot.cgroup?.oomKills()) ?? 0) > 0;
    if (oom && reason !== 'timeout') reason = 'oom';
    const exit = reason === undefined || reason === 'oom' ? /"exit-code": (\d{1,3})\b/.exec(status())?.[1] : undefined;
    if (reason === undefined && exit === undefined) throw new SallyportError('sandbox.failed', 'The sandbox ended before its command did');
    return { exit: exit === undefined ? null : Number(exit), signal: exit === undefined ? 'SIGKILL' : null, reason: reason ?? 'exited', stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr), ms: Math.round(performance.now() - began) };
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    if (error.code === 'sandbox.not_enforced') throw error;
    throw slot.explain(error, Buffer.concat(output.stderr).toString('utf8').slice(0, 2000));
  } finally {
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', onAbort);
  }
}

function readStatus(stream: Readable, started: () => void): () => string {
  let text = '';
  stream.once('data', started);
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => (text = (text + chunk.toString('latin1')).slice(-MAX_STATUS)));
  return () => text;
}

/**
 * Runs INSIDE the sandbox, bundled on its own. Takes commands as lines of JSON on the inherited descriptor 3 (a socket pair:
 * no path, no network) and reports output and exit. Everything it says can be forged by the code that it runs, so the host
 * believes nothing of it: commands are recorded before they are sent, time and memory are watched from outside.
 *
 * host → server: {"op":"exec","id","argv","cwd","env","stdin"?} | {"op":"kill","id"}
 * server → host: {"ready":true} | {"id","o"|"e":base64} | {"id","exit","signal"} | {"id","error"}
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Exec {
  readonly op: 'exec';
  readonly id: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly stdin?: string;
}
interface Kill {
  readonly op: 'kill';
  readonly id: string;
}

const GRACE_MS = 200;
const live = new Map<string, ChildProcess>();
const channel = new Socket({ fd: 3, readable: true, writable: true });
const send = (message: object): boolean => channel.write(`${JSON.stringify(message)}\n`);

function start(request: Exec): void {
  const [program, ...args] = request.argv;
  let child: ChildProcess;
  try {
    child = spawn(program, args, { cwd: request.cwd, env: request.env, detached: true, stdio: [request.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
  } catch (error) {
    send({ id: request.id, error: error instanceof Error ? error.message.slice(0, 500) : 'cannot start' }); // a NUL in an argument, for one
    return;
  }
  live.set(request.id, child);
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (live.delete(request.id)) send({ id: request.id, error: error.code ?? error.message });
  });
  if (request.stdin !== undefined) {
    child.stdin?.on('error', () => undefined); // the command need not read it
    child.stdin?.end(Buffer.from(request.stdin, 'base64'));
  }
  for (const [stream, key] of [[child.stdout, 'o'], [child.stderr, 'e']] as const) {
    stream?.on('data', (chunk: Buffer) => {
      if (send({ id: request.id, [key]: chunk.toString('base64') })) return;
      stream.pause();
      channel.once('drain', () => stream.resume());
    });
  }
  // On exit, not on close: a background child may hold the pipes for ever. What is still in them gets a moment.
  child.on('exit', (exit, signal) => {
    if (!live.delete(request.id)) return;
    const report = once(() => send({ id: request.id, exit, signal }));
    child.on('close', report);
    setTimeout(report, GRACE_MS);
  });
}

function once(body: () => void): () => void {
  let done = false;
  return () => {
    if (!done) body();
    done = true;
  };
}

function kill(id: string): void {
  const pid = live.get(id)?.pid;
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // gone already: its exit is on the way
  }
}

createInterface({ input: channel }).on('line', (line) => {
  const request = JSON.parse(line) as Exec | Kill;
  if (request.op === 'kill') kill(request.id);
  else start(request);
});
channel.on('end', () => process.exit(0));
send({ ready: true });

/**
 * Runs INSIDE the sandbox, bundled on its own. Takes commands as lines of JSON on the inherited descriptor 3 (a socket pair:
 * no path, no network) and reports output and exit; with the argument `stdio`, on standard input and output, where no descriptor can be handed in. Everything it says can be forged by the code that it runs, so the host
 * believes nothing of it: commands are recorded before they are sent, time and memory are watched from outside.
 *
 * host → server: {"op":"hello","key"}, then {"op":"exec","id","argv","cwd","env","stdin"?,"input"?,"terminal"?} | {"op":"input","id","data"?} | {"op":"resize","id","columns","rows"} | {"op":"kill","id"}
 * server → host: {"ready":true} | {"id","o"|"e":base64} | {"id","taken":true} | {"id","exit","signal"} | {"id","error"}
 *
 * An id that goes back is KEY.ID: who has not read the first line cannot answer. `stdin` is the whole input. `input: true` announces pieces of it; each is answered with `taken` when the command can take another, and one without data is its end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { PTY } from './pty.js';

interface Hello {
  readonly op: 'hello';
  readonly key: string;
}
interface Exec {
  readonly op: 'exec';
  readonly id: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Record<string, string>;
  readonly stdin?: string;
  readonly input?: true;
  readonly terminal?: { readonly columns: number; readonly rows: number };
}
interface Kill {
  readonly op: 'kill';
  readonly id: string;
}
interface Input {
  readonly op: 'input';
  readonly id: string;
  /** Base64; left out at the end. */
  readonly data?: string;
}
interface Resize {
  readonly op: 'resize';
  readonly id: string;
  readonly columns: number;
  readonly rows: number;
}

const GRACE_MS = 200;
const live = new Map<string, ChildProcess>();
const stdio = process.argv[2] === 'stdio';
const heard = new Socket({ fd: stdio ? 0 : 3, readable: true, writable: !stdio });
const channel = stdio ? new Socket({ fd: 1, readable: false, writable: true }) : heard;
const send = (message: object): boolean => channel.write(`${JSON.stringify(message)}\n`);

function start(request: Exec): void {
  const { terminal } = request;
  const [program, ...args] = terminal === undefined ? request.argv : ['/opt/sallyport/perl', '-e', PTY, String(terminal.columns), String(terminal.rows), ...request.argv] as const;
  const reads = request.stdin !== undefined || request.input === true;
  let child: ChildProcess;
  try {
    // Perl would complain of a locale that the root inside does not have.
    const env = terminal === undefined ? request.env : { ...request.env, PERL_BADLANG: '0' };
    child = spawn(program, args, { cwd: request.cwd, env, detached: true, stdio: [reads ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(terminal === undefined ? [] : ['pipe' as const])] });
  } catch (error) {
    send({ id: request.id, error: error instanceof Error ? error.message.slice(0, 500) : 'cannot start' }); // a NUL in an argument, for one
    return;
  }
  live.set(request.id, child);
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (live.delete(request.id)) send({ id: request.id, error: error.code ?? error.message });
  });
  child.stdin?.on('error', () => undefined); // the command need not read it
  child.stdio[3]?.on('error', () => undefined);
  if (request.stdin !== undefined) child.stdin?.end(Buffer.from(request.stdin, 'base64'));
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

/** One piece of a command's input. Answered when there is room for another, so that no input piles up in here. */
function input(request: Input): void {
  const stdin = live.get(request.id)?.stdin;
  const taken = once(() => send({ id: request.id, taken: true }));
  if (stdin === undefined || stdin === null || stdin.destroyed || stdin.writableEnded) return taken();
  if (request.data === undefined) {
    stdin.end();
    return taken();
  }
  stdin.once('close', taken);
  stdin.write(Buffer.from(request.data, 'base64'), taken);
}

function resize(request: Resize): void {
  (live.get(request.id)?.stdio[3] as Writable | null | undefined)?.write(`${request.columns} ${request.rows}\n`);
}

/** Kills a command with all that descends from it, also what made itself a session of its own; what was orphaned before goes with the sandbox. */
function kill(id: string): void {
  const root = live.get(id)?.pid;
  if (root === undefined) return;
  for (const pid of [...descendants(root), -root]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already: its exit is on the way
    }
  }
}

function descendants(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // ended while we looked
    }
  }
  const found = [root];
  for (const of of found) for (const [pid, parent] of parents) if (parent === of && !found.includes(pid)) found.push(pid);
  return found;
}

let before = '';
createInterface({ input: heard }).on('line', (line) => {
  const message = JSON.parse(line) as Hello | Exec | Kill | Input | Resize;
  if (message.op === 'hello') {
    before = `${message.key}.`;
    send({ ready: true }); // not earlier: the key is no longer on its way when the first command runs
    return;
  }
  const request = { ...message, id: `${before}${message.id}` };
  if (request.op === 'kill') kill(request.id);
  else if (request.op === 'input') input(request);
  else if (request.op === 'resize') resize(request);
  else start(request);
});
heard.on('end', () => process.exit(0));

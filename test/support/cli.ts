import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Event } from '../../src/protocol/event.js';
import { until } from '../fixtures/database.js';
import { remove, ROOT } from './sandbox.js';

export const CLI = join(ROOT, 'dist/main/cli.js');

/** How a command ended. `json` is standard output as one JSON value. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly json: unknown;
}

export interface CallOptions {
  /** Added to the home's own variables; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Put in front of the program, e.g. `unshare …`. */
  readonly before?: readonly string[];
}

/** A command that still runs; leader of its own process group. */
export interface Live {
  readonly pid: number;
  /** What it printed so far, with the milliseconds since it began. */
  readonly lines: readonly { readonly at: number; readonly text: string }[];
  readonly ended: Promise<Ran>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * A state directory of its own below the system's folder for temporary files, with a copy of a database that was made once (unless `firstUse`), and the real command line on it. Disposing it waits until
 * nothing of it runs any more, and fails when something is left: a process, a mount, a cgroup, a folder of a run, a draft.
 */
export interface Home extends AsyncDisposable {
  readonly folder: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  sally(args: readonly string[], options?: CallOptions): Promise<Ran>;
  start(args: readonly string[], options?: CallOptions): Live;
  /** Writes a script for the scripted model and returns the value for --model. */
  model(turns: readonly object[]): string;
  /** The log of a task, through the command line. */
  events(task?: string): Promise<Event[]>;
  /** Tasks that may be left resumable, so that their run folders may stay. */
  mayStay: boolean;
}

export function openHome({ firstUse = false }: { readonly firstUse?: boolean } = {}): Home {
  if (!existsSync(CLI)) throw new Error('dist/ is not built: npm run build');
  const folder = mkdtempSync(join(tmpdir(), 'spe-'));
  chmodSync(folder, 0o755);
  const home = join(folder, 'home');
  mkdirSync(join(folder, 'person'));
  const template = process.env['SALLYPORT_TEST_TEMPLATE'];
  if (!firstUse && template !== undefined) {
    mkdirSync(home, { mode: 0o711 });
    execFileSync('cp', ['-a', template, join(home, 'db')]); // with its owners
  }
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: join(folder, 'person'), SALLYPORT_HOME: home, SALLYPORT_USER: 'tester' };
  let scripts = 0;
  const start = (args: readonly string[], options: CallOptions = {}): Live => follow([...(options.before ?? []), process.execPath, CLI, ...args], { ...env, ...options.env }, options.cwd ?? folder);
  const sally = (args: readonly string[], options: CallOptions = {}): Promise<Ran> => start(args, options).ended;
  return {
    folder, home, env, sally, start, mayStay: false,
    model: (turns) => {
      const file = join(folder, `script-${scripts++}.json`);
      writeFileSync(file, JSON.stringify({ turns }));
      return `scripted:${file}`;
    },
    events: async (task = 'last') => {
      const ran = await sally(['log', task, '--json']);
      if (ran.code !== 0) throw new Error(ran.stderr);
      return ran.stdout.trim().split('\n').map((line) => JSON.parse(line) as Event);
    },
    async [Symbol.asyncDispose]() {
      try {
        await until(() => processesOf(folder).length === 0, `nothing of ${folder} runs any more`).catch((error: Error) => {
          throw new Error(`${error.message}: ${processesOf(folder).join('; ')}`);
        });
        const left = leftIn(home, this.mayStay);
        if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
      } finally {
        for (const pid of processesOf(folder).map((line) => Number(line.split(' ')[0]))) process.kill(pid, 'SIGKILL');
        await remove(folder);
      }
    },
  };
}

/** `json` is no property of its own: a failed comparison prints the result without reading it. */
class Result implements Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(code: number | null, stdout: string, stderr: string) {
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  get json(): unknown {
    return JSON.parse(this.stdout) as unknown;
  }
}

function follow(argv: readonly string[], variables: Readonly<Record<string, string | undefined>>, cwd: string): Live {
  const [program, ...args] = argv;
  const env = Object.fromEntries(Object.entries(variables).filter(([, v]) => v !== undefined));
  const child: ChildProcess = spawn(program as string, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const began = performance.now();
  const lines: { at: number; text: string }[] = [];
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    lines.push({ at: performance.now() - began, text });
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    lines.push({ at: performance.now() - began, text });
  });
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(new Result(code, stdout, stderr)));
  });
  ended.catch(() => undefined); // whoever awaits it hears it
  return {
    pid: child.pid as number, lines, ended,
    kill: (signal) => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid as number), signal);
    },
  };
}

/** Processes that belong to a folder: by command line, working folder, or what is mounted where they live. `PID COMMAND`. */
export function processesOf(folder: string): string[] {
  const name = basename(folder);
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).flatMap((pid) => {
    const command = look(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    const state = look(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
    if (state === '' || /\) [ZX] /.test(state)) return [];
    const seen = [command, look(() => readlinkSync(`/proc/${pid}/cwd`)), look(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8'))];
    return seen.some((text) => text.includes(name)) ? [`${pid} ${command.slice(0, 160)}`] : [];
  });
}

function look(read: () => string): string {
  try {
    return read();
  } catch {
    return ''; // it ended meanwhile, or has none
  }
}

/** What a finished run may not leave in a state directory. */
export function leftIn(home: string, mayStay: boolean): string[] {
  const found: string[] = [];
  const visit = (folder: string, depth: number): void => {
    for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
      const path = join(folder, entry.name);
      if (/^(\.draft-|\.probe-|index-|init-|egress-|\.sallyport-)|\.tmp$|\.new$/.test(entry.name)) found.push(path);
      else if (entry.isDirectory() && depth < 3 && path !== join(home, 'db/data')) visit(path, depth + 1);
    }
  };
  visit(home, 0);
  const runs = join(home, 'runs');
  if (!mayStay && existsSync(runs)) found.push(...readdirSync(runs).map((name) => join(runs, name)));
  return found;
}

import { closeSync, constants, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { type ChildProcess, killGroup, start } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';
import { newId } from '../../protocol/ids.js';
import type { Executed } from '../sandbox.js';
import { readFormat, readPage, type TraceEvent, type TraceFormat } from './trace-page.js';

/** KiB of ring buffer for each CPU: about ten thousand events, read every half second. */
const BUFFER_KIB = 1024;
const POLL_MS = 500;
const PAGE = 65_536;
/** Programs that are named for one reading; the others are counted. */
const NAMED = 200;
const LAID_MS = 5000;

/**
 * A process of ours that holds the kernel's trace file system in a mount namespace of its own, and an instance in it that nobody else reads. When its
 * input ends, also because we were killed, the instance is removed: what is traced would cost the machine otherwise.
 * Arguments: MOUNT NAME PID BUFFER_KIB
 */
const HOLDER = String.raw`use strict;
my ($MOUNT, $name, $pid, $kib) = @ARGV;
my $at = "/mnt/instances/$name";
sub put { open my $out, '>', "$at/$_[0]" or die "$_[0]: $!\n"; print $out "$_[1]\n"; close $out or die "$_[0]: $!\n" }
my ($type, $target) = ('tracefs', '/mnt'); # a system call takes no literals
die "mount: tracefs: $!\n" if syscall($MOUNT + 0, $type, $target, $type, 14, 0) == -1;
mkdir $at or die "instances: $!\n";
eval {
  put('buffer_size_kb', $kib);
  put('trace_clock', 'mono');
  put('options/event-fork', 1);
  put('set_event_pid', $pid);
  put("events/sched/$_/enable", 1) for qw(sched_process_fork sched_process_exec);
  syswrite STDOUT, "laid\n";
  1 while sysread STDIN, my $rest, 4096;
};
my $why = $@;
eval { put('events/enable', 0) };
rmdir $at or sleep 1, rmdir $at;
print STDERR $why;`;

interface Followed {
  readonly pids: Set<number>;
  /** The first process of the sandbox and what descends from it; empty until it is there. What lays the sandbox out, and what watches it, is ours. */
  readonly inside: Set<number>;
  programs: { pid: number; path: string }[];
  omitted: number;
  lost: number;
}

/**
 * Which programs were started in a sandbox, as the kernel saw it: nothing inside can hide one or make one up. Needs root and tracefs. This process
 * is followed, and with it whatever it starts; what belongs to no sandbox is dropped.
 */
export class ExecAudit {
  readonly #entry: string;
  readonly #holder: ChildProcess;
  readonly #format: TraceFormat;
  readonly #cpus: readonly number[];
  readonly #sandboxes = new Map<string, Followed>();
  readonly #owner = new Map<number, string>();
  readonly #timer: NodeJS.Timeout;
  readonly #page = Buffer.alloc(PAGE);
  #closed = false;

  private constructor(entry: string, holder: ChildProcess, format: TraceFormat, cpus: readonly number[]) {
    this.#entry = entry;
    this.#holder = holder;
    this.#format = format;
    this.#cpus = cpus;
    this.#timer = setInterval(() => this.#read(), POLL_MS);
    this.#timer.unref();
  }

  /** `entry` is the program with which a sandbox begins. Throws `sandbox.unavailable` where the kernel or the rights for it are not there. */
  static async start(mount: number, entry: string): Promise<ExecAudit> {
    const name = `sallyport-${newId('sb').slice(3)}`;
    const holder = await start(['/usr/bin/unshare', '--mount', '--propagation', 'private', '/usr/bin/perl', '-e', HOLDER, String(mount), name, String(process.pid), String(BUFFER_KIB)], { cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
    try {
      await laid(holder);
      const root = `/proc/${holder.pid}/root/mnt`;
      const format = readFormat(...(['exec', 'fork'] as const).map((e) => readFileSync(`${root}/events/sched/sched_process_${e}/format`, 'utf8')) as [string, string]);
      if (format === null) throw new SallyportError('sandbox.unavailable', 'The kernel\'s trace events have an unknown form');
      const cpus = readdirSync(`${root}/instances/${name}/per_cpu`).map((cpu) => openSync(`${root}/instances/${name}/per_cpu/${cpu}/trace_pipe_raw`, constants.O_RDONLY | constants.O_NONBLOCK));
      holder.unref();
      for (const stream of holder.stdio) (stream as { unref?: () => void } | null)?.unref?.();
      return new ExecAudit(entry, holder, format, cpus);
    } catch (cause) {
      killGroup(holder);
      throw cause instanceof SallyportError ? cause : new SallyportError('sandbox.unavailable', 'Cannot read the kernel\'s trace of started programs', { cause });
    }
  }

  /** From here on what `pid` and its children start belongs to the sandbox. */
  follow(sandbox: string, pid: number): void {
    this.#sandboxes.set(sandbox, { pids: new Set([pid]), inside: new Set(), programs: [], omitted: 0, lost: 0 });
    this.#owner.set(pid, sandbox);
  }

  /** Gives a followed sandbox its name. */
  rename(from: string, to: string): void {
    const followed = this.#sandboxes.get(from);
    if (followed === undefined) return;
    this.#sandboxes.delete(from);
    this.#sandboxes.set(to, followed);
    for (const pid of followed.pids) this.#owner.set(pid, to);
  }

  /** What was started since this was last asked. */
  take(sandbox: string): Executed {
    this.#read();
    const followed = this.#sandboxes.get(sandbox);
    if (followed === undefined) return { programs: [], omitted: 0, lost: 0 };
    const { programs, omitted, lost } = followed;
    Object.assign(followed, { programs: [], omitted: 0, lost: 0 });
    return { programs, omitted, lost };
  }

  forget(sandbox: string): void {
    for (const pid of this.#sandboxes.get(sandbox)?.pids ?? []) if (this.#owner.get(pid) === sandbox) this.#owner.delete(pid);
    this.#sandboxes.delete(sandbox);
  }

  /** What is asked of it after this has no answer: sandboxes should be closed first. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    for (const fd of this.#cpus) closeSync(fd);
    const gone = this.#holder.exitCode !== null || this.#holder.signalCode !== null ? Promise.resolve() : new Promise<void>((resolve) => void this.#holder.once('exit', () => resolve()));
    this.#holder.ref();
    this.#holder.stdin?.end();
    await gone;
  }

  /** Reads whatever the kernel has, without waiting. The calls are short: memory to memory. */
  #read(): void {
    if (this.#closed) return;
    const events: TraceEvent[] = [];
    for (const fd of this.#cpus) {
      for (let pages = 0; pages < 4096; pages++) {
        const size = this.#readOne(fd);
        if (size === 0) break;
        events.push(...readPage(this.#page.subarray(0, size), this.#format));
      }
    }
    // A child may run on another CPU than its parent: what came first is told by the clock that all CPUs share.
    for (const event of events.sort((a, b) => a.at - b.at)) {
      if (event.kind === 'fork') this.#forked(event.parent, event.child);
      else if (event.kind === 'exec') this.#executed(event.pid, event.path);
      else for (const followed of this.#sandboxes.values()) followed.lost += event.count;
    }
  }

  #readOne(fd: number): number {
    try {
      return readSync(fd, this.#page, 0, PAGE, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  #forked(parent: number, child: number): void {
    const sandbox = this.#owner.get(parent);
    if (sandbox === undefined) return;
    this.#owner.set(child, sandbox);
    const followed = this.#sandboxes.get(sandbox);
    followed?.pids.add(child);
    if (followed?.inside.has(parent) === true) followed.inside.add(child);
  }

  #executed(pid: number, path: string): void {
    const followed = this.#sandboxes.get(this.#owner.get(pid) ?? '');
    if (followed === undefined) return;
    if (!followed.inside.has(pid)) {
      if (followed.inside.size === 0 && path === this.#entry) followed.inside.add(pid);
      return;
    }
    if (followed.programs.length < NAMED) followed.programs.push({ pid, path: path.slice(0, 1000) });
    else followed.omitted++;
  }
}

function laid(holder: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (): void => reject(new SallyportError('sandbox.unavailable', `Cannot follow which programs are started: ${said.trim().slice(0, 300) || 'tracefs gives no answer'}`));
    const timer = setTimeout(fail, LAID_MS);
    holder.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    holder.stdout?.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    holder.once('close', () => {
      clearTimeout(timer);
      fail();
    });
  });
}

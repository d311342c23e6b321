import type { Guarantee } from '../../../../src/protocol/guarantee.js';
import { NO_LIMITS } from '../defences.js';
import { counter } from '../host.js';
import { command, perl, refused, shell } from '../probe.js';
import { held, type Outcome, type Room, type Row, worked } from '../row.js';

/**
 * A bound that only a cgroup gives. Where the driver does not report it, what has to hold is that a run which demands it does not
 * start; the control is then that a run which demands what is enforced does.
 */
function bounded(id: string, seenIn: string, guarantee: Guarantee, limits: NonNullable<Row['spec']>['limits'], attempt: (room: Room) => Promise<Outcome>): Row {
  return {
    id: `resource.${id}`, group: 'resources', seenIn, spec: limits === undefined ? {} : { limits }, ends: true,
    attempt: async (room) => {
      if (!room.weakened && !room.sandbox.enforced.includes(guarantee)) return await refused(room, guarantee);
      return await attempt(room);
    },
    control: { kind: 'b', without: { says: 'no cgroup', unlimited: true } },
  };
}

const FORKS = "my $live = 0; my @pids; for (1 .. $ARGV[0]) { my $pid = fork; if (!defined $pid) { last } if ($pid == 0) { sleep 30; POSIX::_exit(0) } push @pids, $pid; $live++ } kill 9, @pids; $live == $ARGV[0] ? worked(\"$live at once\") : held(\"$live at once\");";
const MEMORY = "my @a; my $mib = 0; for (1 .. $ARGV[0]) { push @a, 'x' x 1048576; $mib++ } worked(\"$mib MiB\");";
const FILL = "my ($path, $mib) = @ARGV; open(my $f, '>', $path) or refused('open'); my $block = 'x' x 1048576; for (1 .. $mib) { defined(syswrite($f, $block)) or do { my $e = $!; unlink $path; $! = $e; refused(\"after $_ MiB\") } } unlink $path; worked(\"$mib MiB\");";
const SPARSE = "open(my $f, '>', '/workspace/sparse') or refused('open'); local $SIG{XFSZ} = 'IGNORE'; my $done = truncate($f, $ARGV[0] * 1024 ** 3); my $e = $!; unlink '/workspace/sparse'; $! = $e; $done ? worked('made') : refused('truncate');";
const INODES = "mkdir \"$ARGV[0]/many\"; for my $i (1 .. $ARGV[1]) { open(my $f, '>', \"$ARGV[0]/many/$i\") or refused(\"after $i files\") } worked(\"$ARGV[1] files\");";

/** A size of bwrap's options made much larger. */
function larger(path: string): { says: string; args: (args: readonly string[]) => readonly string[] } {
  return { says: `${path} ten times larger`, args: (args) => {
    const at = args.findIndex((a, i) => a === path && args[i - 1] === '--tmpfs');
    const size = args.lastIndexOf('--size', at);
    return args.map((a, i) => (i === size + 1 ? String(Number(a) * 10) : a));
  } };
}

function output(id: string, argv: readonly string[]): Row {
  const limit = 200_000;
  return {
    id: `resource.${id}`, group: 'resources', seenIn: 'known technique',
    attempt: async (room) => {
      let seen = 0;
      const result = await command(room, argv, { maxOutput: limit, timeout: 20_000, onOutput: (_, chunk) => (seen += chunk.length) });
      const kept = result.stdout.length + result.stderr.length;
      return result.reason === 'output_limit' && kept === limit && seen === limit ? held(`${kept} bytes kept`) : worked(`${result.reason}, ${kept} bytes kept, ${seen} passed on`);
    },
    control: { kind: 'c', says: 'a larger bound keeps more', run: async (room) => {
      const result = await command(room, argv, { maxOutput: 4 * limit, timeout: 20_000 });
      return result.stdout.length + result.stderr.length > limit ? worked('more was kept') : held(`${result.reason}`);
    } },
  };
}

/** The workspace of a fresh layer, as checks have it: the driver bounds it where it enforces `disk_limit`. */
function disk(id: string, script: string, args: readonly (string | number)[], loose: readonly (string | number)[]): Row {
  return {
    id: `resource.disk-${id}`, group: 'resources', seenIn: 'known technique', spec: { limits: { memory: 1024, pids: 40, cpus: 2, disk: 32 } },
    attempt: async (room) => {
      if (!room.sandbox.enforced.includes('disk_limit')) return await refused(room, 'disk_limit');
      const bounded = await room.again({ workspace: { lowers: [room.lower], layer: null, fresh: true } });
      return await perl(room, script, args, { in: bounded, timeout: 20_000 });
    },
    control: { kind: 'c', says: 'within the bound it succeeds', run: (room) => perl(room, script, loose, { timeout: 20_000 }) },
  };
}

export const RESOURCE_ROWS: readonly Row[] = [
  bounded('fork-bomb', 'known technique', 'pids_limit', { memory: 512, pids: 40, cpus: 2 }, (room) => perl(room, FORKS, [150])),
  bounded('fork-bomb-of-a-shell', 'known technique', 'pids_limit', { memory: 512, pids: 40, cpus: 2 }, (room) => shell(room, 'n=0; while [ $n -lt 120 ]; do sleep 20 & n=$((n+1)); done 2>/dev/null; live=$(jobs -rp | wc -l); kill -9 $(jobs -p) 2>/dev/null; [ $live -ge 110 ] && echo "WORKED $live" || echo "HELD $live"', [], { timeout: 6000 }).then((o) => (o.worked === null && !room.weakened && counter(room, 'pids.events', /max (\d+)/) > 0 ? held('refused by the group') : o))),
  bounded('threads', 'known technique', 'pids_limit', { memory: 1024, pids: 40, cpus: 2 }, (room) => perl(room, `my $n = 0; for (1 .. 120) { my $pid = fork; last if !defined $pid; if ($pid == 0) { setpgrp; sleep 20; POSIX::_exit(0) } $n++ } $n >= 110 ? worked("$n in groups of their own") : held("$n");`)),
  bounded('memory-bomb', 'RedCode-Exec, gVisor tests', 'memory_limit', { memory: 128, pids: 40, cpus: 2 }, async (room) => oomOr(room, await commandOutcome(room, MEMORY, [300]))),
  bounded('memory-bomb-of-many', 'RedCode-Exec', 'memory_limit', { memory: 128, pids: 40, cpus: 2 }, async (room) => oomOr(room, await commandOutcome(room, "my @p; for (1 .. 6) { my $pid = fork; if (!$pid) { my @a; push @a, 'x' x 1048576 for 1 .. 50; sleep 1; POSIX::_exit(7) } push @p, $pid } my $ok = 0; for (@p) { waitpid($_, 0); $ok++ if $? == 7 << 8 } $ok == 6 ? worked('300 MiB in six') : held(\"$ok of six\");", []))),
  bounded('memory-by-shared-memory', 'known technique', 'memory_limit', { memory: 40, pids: 40, cpus: 2 }, async (room) => oomOr(room, await commandOutcome(room, FILL, ['/dev/shm/x', 60]))),
  bounded('memory-by-files', 'known technique', 'memory_limit', { memory: 64, pids: 40, cpus: 2 }, async (room) => oomOr(room, await commandOutcome(room, FILL, ['/tmp/x', 200]))),
  bounded('inodes-of-a-memory-file-system', 'known technique', 'memory_limit', { memory: 64, pids: 40, cpus: 2 }, async (room) => oomOr(room, await commandOutcome(room, INODES, ['/tmp', 120_000], 20_000))),
  bounded('hidden-out-of-memory', 'RedCode-Exec', 'memory_limit', { memory: 128, pids: 40, cpus: 2 }, async (room) => {
    const result = await command(room, ['/bin/bash', '-c', `perl -e 'my @a; push @a, "x" x 1048576 for 1 .. 300'; exit 0`]);
    return result.reason === 'oom' ? held('the kernel\'s counter told') : worked(`exit ${result.exit} by ${result.reason}, as if nothing had happened`);
  }),
  bounded('processor', 'known technique', 'cpu_limit', { memory: 256, pids: 40, cpus: 0.25 }, async (room) => {
    await command(room, ['/bin/bash', '-c', 'for i in 1 2; do timeout 1 perl -e "1 while 1" & done; wait']);
    const throttled = counter(room, 'cpu.stat', /nr_throttled (\d+)/);
    return throttled > 0 ? held(`held back ${throttled} times`) : worked('never held back');
  }),
  ...([['home', '/home/agent', 300], ['tmp', '/tmp', 600], ['shared-memory', '/dev/shm', 80]] as const).map(([name, path, mib]): Row => ({
    id: `resource.fill-${name}`, group: 'resources', seenIn: 'known technique', spec: { limits: { memory: 1500, pids: 40, cpus: 2 } },
    attempt: (room) => perl(room, FILL, [`${path}/fill`, mib], { timeout: 20_000 }), control: { kind: 'b', without: larger(path) },
  })),
  disk('filled', FILL, ['/workspace/fill', 60], ['/workspace/fill', 20]),
  disk('filled-by-many', "for my $i (1 .. $ARGV[0]) { open(my $f, '>', \"/workspace/fill$i\") or refused('open'); defined(syswrite($f, 'x' x 1048576)) or refused(\"after $i files\") } worked($ARGV[0]);", [60], [10]),
  disk('inodes', INODES, ['/workspace', 30_000], ['/workspace', 100]),
  disk('sparse-and-filled', "$SIG{XFSZ} = 'IGNORE'; open(my $f, '>', '/workspace/s') or die; truncate($f, 1024 ** 4) or 1; for (1 .. $ARGV[0]) { defined(syswrite($f, 'x' x 1048576)) or refused(\"after $_ MiB\") } worked($ARGV[0]);", [60], [10]),
  { id: 'resource.fill-root', group: 'resources', seenIn: 'known technique', attempt: (room) => perl(room, FILL, ['/fill', 5]), control: { kind: 'c', says: 'the workspace takes as much', run: (room) => perl(room, FILL, ['/workspace/fill', 5]) } },
  { id: 'resource.sparse-file', group: 'resources', seenIn: 'known technique', attempt: (room) => perl(room, SPARSE, [30]), control: { kind: 'b', without: NO_LIMITS } },
  { id: 'resource.larger-files-allowed-again', group: 'resources', seenIn: 'known technique', attempt: (room) => shell(room, 'ulimit -f unlimited 2>/dev/null; [ "$(ulimit -f)" = unlimited ] && echo WORKED || echo HELD'), control: { kind: 'b', without: NO_LIMITS } },
  output('endless-output', ['/usr/bin/yes']),
  output('endless-error-output', ['/bin/sh', '-c', 'yes >&2']),
  output('endless-line', ['/bin/sh', '-c', 'tr "\\0" x < /dev/zero']),
  output('endless-output-of-a-child', ['/bin/sh', '-c', 'setsid yes & wait']),
  {
    id: 'resource.never-ends', group: 'resources', seenIn: 'sandbox-runtime tests',
    attempt: async (room) => {
      const result = await command(room, ['/bin/bash', '-c', 'trap "" TERM INT HUP; while :; do sleep 5; done'], { timeout: 700 });
      return result.reason === 'timeout' ? held('ended by time') : worked(`ended by ${result.reason}`);
    },
    control: { kind: 'c', says: 'with more time it goes on', run: async (room) => {
      const stop = new AbortController();
      const result = await command(room, ['/bin/bash', '-c', 'trap "" TERM INT HUP; sleep 1; echo on; while :; do sleep 5; done'], { timeout: 8000, signal: stop.signal, onOutput: () => stop.abort() });
      return result.stdout.toString() === 'on\n' ? worked('it went on') : held(result.reason);
    } },
  },
];

/** A probe that is killed for memory says nothing: the kernel's counter does. */
async function commandOutcome(room: Room, script: string, args: readonly (string | number)[], timeout = 10_000): Promise<Outcome & { readonly reason: string }> {
  let reason = '';
  const spied: Room = { ...room, sandbox: { ...proxy(room), exec: async (request) => {
    const result = await room.sandbox.exec(request);
    reason = result.reason;
    return result;
  } } };
  const outcome = await perl(spied, script, args, { timeout });
  return { ...outcome, reason };
}

function proxy(room: Room): Room['sandbox'] {
  const { sandbox } = room;
  return { id: sandbox.id, phase: sandbox.phase, enforced: sandbox.enforced, missing: sandbox.missing, exec: (r) => sandbox.exec(r), executed: () => sandbox.executed(), close: () => sandbox.close(), [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() };
}

function oomOr(_room: Room, outcome: Outcome & { readonly reason: string }): Outcome {
  return outcome.worked === true ? outcome : outcome.reason === 'oom' ? held('out of memory, by the kernel\'s counter') : outcome;
}

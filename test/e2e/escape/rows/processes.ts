import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcess, killGroup, run, start } from '../../../../src/process/spawn.js';
import { all, DESCRIPTORS, NO_LIMITS, NO_PID, withCapability, withoutCall, withoutOption } from '../defences.js';
import { processesOf, type Seen, seenNow, stillRunning } from '../host.js';
import { command, perl, perlOutside, refused, shell } from '../probe.js';
import { held, type Outcome, type Room, type Row, unclear, worked } from '../row.js';

const HOST = process.pid;
const SURFACE = 'amicontained, SandboxEscapeBench';

/** Processes of the host whose command line holds a word. */
function running(word: string): number[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch {
      return false; // it ended meanwhile
    }
  });
}

/** True when nothing of a word runs any more. A process that was killed may take a moment to go. */
async function gone(word: string): Promise<boolean> {
  for (let i = 0; i < 300; i++) {
    if (running(word).length === 0) return true;
    await sleep(10);
  }
  return false;
}

/** A process that wants to outlive what started it; `WORD` stands in its command line. */
export const DAEMON = "word=$1; (setsid setsid perl -e '$SIG{$_} = q(IGNORE) for qw(TERM HUP INT QUIT); open(my $up, q(>), qq(/tmp/up-$ARGV[0])); close $up; sleep 600 while 1' \"$word\" >/dev/null 2>&1 &); until [ -e \"/tmp/up-$word\" ]; do sleep 0.02; done; echo started";

/** Where the kernel is another, no process of the host's shows the word: all that the sandbox has are looked at. */
const lives = (room: Room, word: string): boolean => (second(room) ? codeOf(room) > 0 : running(word).length > 0);
const second = (room: Room): boolean => room.sandbox.enforced.includes('second_kernel');
const codeOf = (room: Room): number => processesOf(room.sandbox.id).filter((p) => p.part === 'code').length;

/** What a sandbox was seen to run on the host meanwhile. */
async function sampled<T>(id: string, body: () => Promise<T>): Promise<{ readonly result: T; readonly seen: Seen[] }> {
  const seen = new Map<string, Seen>();
  const look = (): void => {
    for (const one of seenNow(id)) seen.set(`${one.pid} ${one.began}`, one);
  };
  const timer = setInterval(look, 100);
  try {
    look();
    const result = await body();
    look();
    return { result, seen: [...seen.values()] };
  } finally {
    clearInterval(timer);
  }
}

async function ended(seen: readonly Seen[]): Promise<Outcome> {
  if (seen.length === 0) return unclear('the host sees nothing of the sandbox');
  for (let i = 0; i < 300 && stillRunning(seen).length > 0; i++) await sleep(10);
  const left = stillRunning(seen);
  return left.length === 0 ? held(`none of ${seen.length} processes runs any more`) : worked(`pid ${left.join(', ')} still runs`);
}

function outlives(id: string, seenIn: string, start: (room: Room, word: string) => Promise<string | null>): Row {
  const word = (room: Room): string => `outlive-${id}-${room.n}-${HOST}`;
  return {
    id: `process.${id}`, group: 'processes', seenIn, ends: true,
    attempt: async (room) => {
      const problem = await start(room, word(room));
      if (problem !== null) return unclear(problem);
      await room.sandbox.close();
      return (await gone(word(room))) ? held('nothing of it runs any more') : worked(`pid ${running(word(room)).join(', ')} still runs`);
    },
    control: { kind: 'c', says: 'before the end it is seen to run', run: async (room) => {
      await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', word(room)]);
      return running(word(room)).length > 0 ? worked('it runs') : held('it is not seen');
    } },
    second: {
      attempt: async (room) => {
        const { result: problem, seen } = await sampled(room.sandbox.id, () => start(room, word(room)));
        if (problem !== null) return unclear(problem);
        await room.sandbox.close();
        return await ended(seen);
      },
      control: { kind: 'c', says: 'before the end the host sees one more', run: async (room) => {
        const before = codeOf(room);
        await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', word(room)]);
        return codeOf(room) > before && before > 0 ? worked('one more') : held(`${before}, then ${codeOf(room)}`);
      } },
    },
  };
}

/** Reads or opens something of the exec server, which is the process that runs commands inside. */
const SERVER = `sub line { open(my $f, '<', "/proc/$_[0]/cmdline") or return ''; join '', <$f> }
my ($pid) = grep { line($_) =~ m(^/opt/sallyport/node.*exec-server) } map { m(/proc/(\\d+)$) } glob '/proc/[0-9]*'; defined $pid or do { print "no exec server found\\n"; exit };
`;
function server(id: string, seenIn: string, script: string, control: Row['control'] = { kind: 'b', without: { says: 'Node can be read inside', readable: true } }): Row {
  return { id: `process.exec-server-${id}`, group: 'processes', seenIn, attempt: async (room) => {
    const outcome = await perl(room, SERVER + script);
    return outcome.worked === true && !room.weakened && !room.sandbox.enforced.includes('sealed_server') ? await refused(room, 'sealed_server') : outcome;
  }, control };
}

const STATUS = (field: string, good: string): string => `open(my $f, '<', '/proc/self/status') or die; my ($v) = join('', <$f>) =~ /^${field}:\\s+(\\S+)/m; $v =~ /^(?:${good})$/ ? held("${field} $v") : worked("${field} $v");`;
/** What is hidden below another mount, a device, one plain read-only file, and a folder that is empty and read-only, as runtimes lay over what they mask, can hold no such file. */
const PRIVILEGED_MOUNTS = (option: string): string => `sub bare { my ($at, $flags) = @_; return 1 if !-e $at || -c $at; return !-u $at && !-g $at && $flags =~ /(^|,)ro(,|$)/ if -f $at; return 0 unless -d $at && $flags =~ /(^|,)ro(,|$)/; opendir(my $d, $at) or return 0; return !grep { !/^[.][.]?$/ } readdir $d } open(my $f, '<', '/proc/self/mountinfo') or die; my @bad = map { (split ' ')[4] } grep { my @p = split ' '; "$p[5]," !~ /(^|,)${option},/ && !bare($p[4], $p[5]) } <$f>; @bad ? worked("@bad") : held('all are ${option}');`;
const FD = "opendir(my $d, '/proc/self/fd') or die; my $own = fileno $d // -1; my @extra = grep { /^\\d+$/ && $_ > 2 && readlink(\"/proc/self/fd/$_\") !~ m(^/proc/\\d+/fd$) } readdir $d; @extra ? worked(join ' ', map { readlink(\"/proc/self/fd/$_\") } @extra) : held('only standard ones');";

export const PROCESS_ROWS: readonly Row[] = [
  {
    id: 'process.host-command-line', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => shell(room, 'grep -qs "suite[.]mjs" "/proc/$1/cmdline" && echo WORKED || echo HELD', [String(HOST)]), control: { kind: 'b', without: NO_PID },
  },
  {
    id: 'process.host-seen', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => shell(room, 'grep -qs "suite[.]mjs" /proc/[0-9]*/cmdline && echo WORKED || echo HELD'), control: { kind: 'b', without: NO_PID },
  },
  {
    id: 'process.host-status', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => perl(room, `open(my $f, '<', "/proc/$ARGV[0]/status") or refused('status'); my $s = join '', <$f>; $s =~ /^NSpid:.*/m; $s =~ /^Name:\\s+(node|MainThread)$/m && $s !~ /^PPid:\\s+1$/m ? worked($1) : held('another process');`, [HOST]), control: { kind: 'b', without: NO_PID },
  },
  {
    id: 'process.host-pidfd', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => perl(room, 'my $fd = syscall(434, $ARGV[0] + 0, 0); $fd >= 0 ? worked("descriptor $fd") : refused("pidfd_open");', [HOST]), control: { kind: 'b', without: NO_PID },
  },
  {
    id: 'process.host-signal', group: 'processes', seenIn: 'sandbox-runtime tests, RedCode-Exec', // signal 0 to a process of the same uid: asks whether it could be signalled
    attempt: (room) => withVictim(room, (pid) => perl(room, 'kill(0, $ARGV[0]) ? worked("could be signalled") : refused("kill");', [pid])), control: { kind: 'b', without: NO_PID },
  },
  {
    id: 'process.host-shared-memory', group: 'processes', seenIn: 'known technique',
    attempt: (room) => withSegment(room, (key) => perl(room, 'defined shmget($ARGV[0], 0, 0) ? worked("found") : refused("shmget");', [key])), control: { kind: 'b', without: withoutOption('--unshare-ipc') },
  },
  {
    id: 'process.host-name', group: 'processes', seenIn: 'known technique',
    attempt: (room) => shell(room, '[ "$(hostname)" = sandbox ] && echo HELD || echo "WORKED $(hostname)"'), control: { kind: 'b', without: all(withoutOption('--hostname', 1), withoutOption('--unshare-uts')) },
  },
  {
    id: 'process.host-path-in-command-lines', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => shell(room, 'for f in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do [ "$f" != /proc/$$/cmdline ] && tr "\\0" " " < "$f" 2>/dev/null | grep -v "$0" | grep -qF -- "$1" && echo "WORKED $f" && exit; done; echo HELD', [room.outer.folder]),
    control: { kind: 'c', says: 'a process with that path is found', run: (room) => shell(room, 'sleep 5 & (exec -a "sleep $1" sleep 5) & sleep 0.3; for f in /proc/[0-9]*/cmdline; do [ "$f" != /proc/$$/cmdline ] && tr "\\0" " " < "$f" 2>/dev/null | grep -qF -- "$1" && echo "WORKED $f" && exit; done; echo HELD', [room.outer.folder]) },
  },
  {
    id: 'process.host-environment', group: 'processes', seenIn: 'sandbox-runtime tests',
    attempt: (room) => shell(room, 'env; cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep -E "^(SALLYPORT|SSH_|AWS_|GITHUB_|NPM_TOKEN|DATABASE_URL|ESCAPE_CANARY)" && echo WORKED || echo HELD'),
    control: { kind: 'c', says: 'a variable of that name is found', run: (room) => shell(room, 'ESCAPE_CANARY=1 sleep 5 & sleep 0.3; cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n" | grep "^ESCAPE_CANARY" && echo WORKED || echo HELD') },
  },
  {
    id: 'process.inherited-descriptors', group: 'processes', seenIn: 'codex linux-sandbox tests',
    attempt: (room) => perl(room, FD), control: { kind: 'b', without: DESCRIPTORS },
  },
  server('memory-read', 'sandbox-runtime tests', 'sysopen(my $f, "/proc/$pid/mem", 0) or refused("mem"); worked("opened");'),
  server('memory-write', 'sandbox-runtime tests', 'sysopen(my $f, "/proc/$pid/mem", 2) or refused("mem"); worked("opened");'),
  server('maps', 'sandbox-runtime tests', 'open(my $f, "<", "/proc/$pid/maps") or refused("maps"); defined(my $l = <$f>) or refused("maps"); worked($l);'),
  server('environment', 'sandbox-runtime tests', 'open(my $f, "<", "/proc/$pid/environ") or refused("environ"); worked("opened");'),
  server('descriptor', 'codex linux-sandbox tests', 'sysopen(my $f, "/proc/$pid/fd/3", 2) or do { defined readlink("/proc/$pid/fd/3") ? worked("seen") : refused("fd/3") }; worked("opened");'),
  server('root', 'sandbox-runtime tests', 'opendir(my $d, "/proc/$pid/root/") or refused("root"); worked("opened");'),
  server('ptrace', 'codex linux-sandbox tests, sandbox-runtime tests', `my $r = syscall(${process.arch === 'arm64' ? 117 : 101}, 0x4206, $pid + 0, 0, 0); $r == 0 ? worked("seized") : refused("seize");`,
    { kind: 'b', without: all({ says: 'Node can be read inside', readable: true }, withoutCall(process.arch === 'arm64' ? 117 : 101)) }),
  // PID 1 is bwrap's own reaper, of the same uid and open to what runs inside. So what counts is that it has nothing that they have not.
  { id: 'process.pid-1-privileges', group: 'processes', seenIn: 'sandbox-runtime tests', attempt: (room) => perl(room, PID_1_STATUS), control: { kind: 'b', without: withoutOption('--seccomp', 1) } },
  { id: 'process.pid-1-namespaces', group: 'processes', seenIn: 'gVisor tests', attempt: (room) => perl(room, PID_1_NAMESPACES), control: { kind: 'b', without: NO_PID } },
  { id: 'process.pid-1-descriptors', group: 'processes', seenIn: 'codex linux-sandbox tests', attempt: (room) => perl(room, PID_1_DESCRIPTORS, [1]), control: { kind: 'c', says: 'a descriptor of another process is seen', run: (room) => perl(room, `open(my $f, '<', '/etc/passwd'); ${PID_1_DESCRIPTORS}`, ['self']) } },
  {
    id: 'process.pid-1-memory-written', group: 'processes', seenIn: 'sandbox-runtime tests', ends: true,
    attempt: async (room) => {
      const result = await command(room, ['/usr/bin/perl', '-e', PID_1_MEMORY.replace('MARK', '1')]);
      const alive = await room.neighbour.sandbox.exec({ argv: ['/bin/echo', 'alive'], timeout: 8000, maxOutput: 100 });
      return alive.stdout.toString() === 'alive\n' ? held(`its own sandbox: ${result.reason}`) : worked('the neighbour was hit');
    },
    control: { kind: 'c', says: 'the memory is really written', run: (room) => perl(room, PID_1_MEMORY.replace(/'\/proc\/1\//g, "'/proc/self/").replace('MARK', "worked('written')")) },
  },
  {
    id: 'process.capabilities', group: 'processes', seenIn: 'codex linux-sandbox tests, bubblewrap tests', attempt: (room) => perl(room, STATUS('CapEff', '0+')), control: { kind: 'b', without: withCapability('CAP_NET_RAW') },
  },
  ...['CapPrm', 'CapInh', 'CapBnd', 'CapAmb'].map((field): Row => ({
    id: `process.capabilities-${field.slice(3).toLowerCase()}`, group: 'processes', seenIn: 'codex linux-sandbox tests, bubblewrap tests', attempt: (room) => perl(room, STATUS(field, '0+')), control: { kind: 'b', without: withCapability('CAP_NET_RAW') },
  })),
  { id: 'process.no-new-privileges', group: 'processes', seenIn: 'codex linux-sandbox tests, sandbox-runtime tests', attempt: (room) => perl(room, STATUS('NoNewPrivs', '1')), control: { kind: 'c', says: 'outside it is 0', run: () => perlOutside(STATUS('NoNewPrivs', '1')) } },
  { id: 'process.filter-on', group: 'processes', seenIn: SURFACE, attempt: (room) => perl(room, STATUS('Seccomp', '2')), control: { kind: 'b', without: withoutOption('--seccomp', 1) } },
  { id: 'process.set-uid-programs', group: 'processes', seenIn: 'codex linux-sandbox tests, sandbox-runtime tests', attempt: (room) => perl(room, PRIVILEGED_MOUNTS('nosuid')), control: { kind: 'c', says: 'outside there are others', run: () => perlOutside(PRIVILEGED_MOUNTS('nosuid')) } },
  { id: 'process.device-files', group: 'processes', seenIn: 'CDK, deepce, sandbox-runtime tests', attempt: (room) => perl(room, PRIVILEGED_MOUNTS('nodev').replace('my @bad =', 'my @bad = grep { !m(^/dev(/|$)) }')), control: { kind: 'c', says: 'outside there are others', run: () => perlOutside(PRIVILEGED_MOUNTS('nodev')) } },
  { id: 'process.uid-on-the-host', group: 'processes', seenIn: 'bubblewrap tests', attempt: (room) => hostUid(room), control: { kind: 'c', says: 'the suite itself as the host sees it', run: async () => worked(`pid ${HOST} is seen`) } },
  {
    id: 'process.uid-map', group: 'processes', seenIn: 'CDK, deepce', attempt: (room) => perl(room, UID_MAP), control: { kind: 'c', says: 'a namespace of its own can be mapped outside', run: () => perlOutside(UID_MAP) },
  },
  ...([['root', 0], ['other', 999]] as const).map(([name, uid]): Row => ({
    id: `process.set-uid-to-${name}`, group: 'processes', seenIn: 'codex linux-sandbox tests', attempt: (room) => perl(room, SETUID, [uid]), control: { kind: 'c', says: 'to its own uid it may', run: (room) => perl(room, SETUID, [1000]) },
  })),
  { id: 'process.real-time-priority', group: 'processes', seenIn: 'known technique', attempt: (room) => perl(room, SCHEDULE, [1, 10]), control: { kind: 'c', says: 'the batch class is granted', run: (room) => perl(room, SCHEDULE, [3, 0]) } },
  { id: 'process.higher-priority', group: 'processes', seenIn: 'known technique', attempt: (room) => perl(room, PRIORITY, [-5]), control: { kind: 'c', says: 'a lower one is granted', run: (room) => perl(room, PRIORITY, [5]) } },
  { id: 'process.killer-sent-elsewhere', group: 'resources', seenIn: 'RedCode-Exec, gVisor tests', attempt: (room) => perl(room, OOM, [-500]), control: { kind: 'c', says: 'it can be drawn to itself', run: (room) => perl(room, OOM, [500]) } },
  { id: 'process.core-dump-limit', group: 'processes', seenIn: 'known technique', attempt: (room) => shell(room, 'ulimit -Sc unlimited 2>/dev/null || ulimit -Sc 1000 2>/dev/null; [ "$(ulimit -c)" = 0 ] && echo HELD || echo "WORKED $(ulimit -c)"'), control: { kind: 'b', without: NO_LIMITS } },
  { id: 'process.controlling-terminal', group: 'processes', seenIn: 'sandbox-runtime tests, known technique', attempt: (room) => perl(room, "sysopen(my $t, '/dev/tty', 2) or refused('/dev/tty'); worked('opened');"), control: { kind: 'c', says: 'with a terminal of its own it opens', run: (room) => perl(room, OWN_TTY) } },
  { id: 'process.second-bubblewrap', group: 'processes', seenIn: 'bubblewrap tests', attempt: (room) => shell(room, 'out=$(bwrap --unshare-all --ro-bind /usr /usr --symlink usr/lib64 /lib64 --symlink usr/lib /lib --symlink usr/bin /bin /bin/echo inner 2>&1); [ "$out" = inner ] && echo WORKED || echo "HELD $out"'),
    control: { kind: 'b', without: { ...all(withoutOption('--disable-userns'), withoutOption('--assert-userns-disabled'), withoutOption('--seccomp', 1)), says: 'no filter, no --disable-userns' } } },
  {
    id: 'process.kill-everything', group: 'processes', seenIn: 'sandbox-runtime tests, RedCode-Exec', ends: true, // in an own pid namespace: it ends what is inside, and nothing else
    attempt: async (room) => {
      const result = await command(room, ['/usr/bin/perl', '-e', 'kill 9, -1; kill 9, 1; sleep 5']);
      const [alive] = await Promise.all([room.neighbour.sandbox.exec({ argv: ['/bin/echo', 'alive'], timeout: 8000, maxOutput: 100 })]);
      if (alive.stdout.toString() !== 'alive\n') return worked('the neighbour was hit');
      return result.reason === 'lost' || result.signal !== null || result.reason === 'timeout' ? held(`${result.reason} ${result.signal ?? ''}`) : unclear(`${result.reason} ${result.exit}`);
    },
    control: { kind: 'c', says: 'what is inside is hit', run: async (room) => {
      await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', `hit-${room.n}-${HOST}`]);
      await command(room, ['/usr/bin/perl', '-e', 'kill 9, -1; sleep 5']);
      return (await gone(`hit-${room.n}-${HOST}`)) ? worked('a process beside it died') : held('it lives');
    } },
  },
  {
    id: 'process.kill-pid-1', group: 'processes', seenIn: 'sandbox-runtime tests', ends: true,
    // With podman the first process passes on what ends it, and the sandbox ends with it: its own, and no other.
    attempt: async (room) => {
      const outcome = await perl(room, 'for my $s (qw(TERM KILL STOP INT HUP QUIT USR1)) { kill $s, 1 } select undef, undef, undef, 0.2; held("PID 1 lives");');
      return outcome.worked === null && /^lost\b/.test(outcome.detail) ? held('it ended its own sandbox') : outcome;
    },
    control: { kind: 'c', says: 'a child is hit by the same signals', run: (room) => perl(room, 'my $pid = fork; if (!$pid) { sleep 20; POSIX::_exit(0) } kill "KILL", $pid; waitpid($pid, 0); $? == 9 ? worked("hit") : held("not hit");') },
  },
  outlives('daemon-outlives-its-command', 'sandbox-runtime tests, bubblewrap tests', async (room, word) => {
    const result = await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', word]);
    return result.stdout.toString() === 'started\n' && lives(room, word) ? null : `no daemon: ${result.reason}`;
  }),
  outlives('deaf-child-after-a-time-out', 'sandbox-runtime tests', async (room, word) => {
    const result = await command(room, ['/bin/bash', '-c', `${DAEMON}; trap "" TERM HUP INT; sleep 100`, 'daemon', word], { timeout: 1500 });
    return result.reason === 'timeout' ? null : `ended by ${result.reason}`;
  }),
  outlives('deaf-child-after-a-stop', 'sandbox-runtime tests', async (room, word) => {
    const stop = new AbortController();
    const result = await command(room, ['/bin/bash', '-c', `${DAEMON}; trap "" TERM HUP INT; sleep 100`, 'daemon', word], { signal: stop.signal, onOutput: () => stop.abort() });
    return result.reason === 'killed' ? null : `ended by ${result.reason}`;
  }),
  {
    id: 'process.worker-killed', group: 'processes', seenIn: 'sandbox-runtime tests', // another worker of the same driver: it opens a sandbox, and is killed
    attempt: async (room) => {
      await command(room, ['/bin/true']);
      const word = `worker-${room.n}-${HOST}`;
      const { worker } = await openWorker(room, word);
      killGroup(worker);
      return (await gone(word)) ? held('nothing of it runs any more') : worked(`pid ${running(word).join(', ')} still runs`);
    },
    control: { kind: 'c', says: 'before that it is seen to run', run: async (room) => {
      const word = `worker-${room.n}-${HOST}`;
      const { worker } = await openWorker(room, word);
      const seen = running(word).filter((pid) => pid !== worker.pid).length;
      killGroup(worker);
      await gone(word);
      return seen > 0 ? worked('it runs') : held('it is not seen');
    } },
    second: {
      attempt: async (room) => {
        await command(room, ['/bin/true']);
        const { worker, sandbox } = await openWorker(room, `worker-${room.n}-${HOST}`);
        const seen = seenNow(sandbox);
        killGroup(worker);
        return await ended(seen);
      },
      control: { kind: 'c', says: 'before that the host sees its kernel and its code', run: async (room) => {
        const { worker, sandbox } = await openWorker(room, `worker-${room.n}-${HOST}`);
        const parts = processesOf(sandbox).map((p) => p.part);
        const seen = seenNow(sandbox);
        killGroup(worker);
        await ended(seen);
        return parts.includes('kernel') && parts.includes('code') ? worked(`${parts.length} processes`) : held(parts.join(' '));
      } },
    },
  },
  outlives('child-after-the-exec-server-is-killed', 'known technique', async (room, word) => {
    await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', word]);
    const result = await command(room, ['/usr/bin/perl', '-e', `${SERVER} kill 9, $pid; sleep 20`]);
    return result.reason === 'lost' ? null : `ended by ${result.reason}`;
  }),
];

const PID_1_STATUS = `open(my $f, '<', '/proc/1/status') or die; my $s = join '', <$f>; my @bad = grep { $s !~ $_ } (qr/^CapPrm:\\s+0+$/m, qr/^CapEff:\\s+0+$/m, qr/^CapBnd:\\s+0+$/m, qr/^NoNewPrivs:\\s+1$/m, qr/^Seccomp:\\s+2$/m); @bad ? worked("lacks @bad") : held('as bound as the rest');`;
const PID_1_NAMESPACES = `my @other = grep { (readlink("/proc/1/ns/$_") // 'closed') ne readlink("/proc/self/ns/$_") } qw(cgroup ipc mnt net pid user uts); @other ? worked("other @other") : held('the same');`;
const PID_1_DESCRIPTORS = `my @more = grep { !m(^(/dev/null|socket:|pipe:|anon_inode:\\[(?:eventfd|signalfd)\\]|/proc/\\d+/fd|)$) && !/^(socket|pipe):/ } map { readlink($_) // '' } glob "/proc/$ARGV[0]/fd/*"; @more ? worked("@more") : held('standard ones and its own event');`;
/** Overwrites a page of code. Of itself: a page of data, read back. */
const PID_1_MEMORY = `use strict; open(my $m, '<', '/proc/1/maps') or die "maps $!"; my ($at) = map { /^([0-9a-f]+)-\\S+ rw-p/ ? $1 : () } <$m>; no warnings 'portable';
open(my $f, '+<', '/proc/1/mem') or die "mem $!"; binmode $f; sysseek($f, hex $at, 0) or die; defined(syswrite($f, "\\0")) or die "write $!"; MARK;
sysseek($f, hex $at, 0); syswrite($f, "\\xff" x 4096); sleep 1;`;
const UID_MAP = `my $me = $<; syscall(${process.arch === 'arm64' ? 97 : 272}, 0x10000000); sysopen(my $f, '/proc/self/uid_map', 1) or refused('uid_map'); defined(syswrite($f, "0 $me 1\\n")) ? worked('mapped') : refused('uid_map');`;
const SETUID = 'my $uid = $ARGV[0]; POSIX::setuid($uid) ? worked("is $<") : refused("setuid");';
export const SCHEDULE = `syscall(${process.arch === 'arm64' ? 119 : 144}, 0, $ARGV[0] + 0, my $parameter = pack('i', $ARGV[1])) == 0 ? worked('granted') : refused('sched_setscheduler');`;
export const PRIORITY = 'POSIX::nice($ARGV[0]); my $now = getpriority(0, 0); $now == $ARGV[0] ? worked("nice $now") : held("nice $now");';
export const OOM = "sysopen(my $f, '/proc/self/oom_score_adj', 1) or refused('open'); defined syswrite($f, $ARGV[0]) ? worked('written') : refused('oom_score_adj');";
export const OWN_TTY = `use Fcntl; POSIX::setsid() if fork == 0; waitpid(-1, 0) > 0 and exit 0; sysopen(my $m, '/dev/ptmx', O_RDWR | O_NOCTTY) or refused('ptmx'); my $n = pack('i', 0); ioctl($m, 0x40045431, $n) or refused('unlock'); ioctl($m, 0x80045430, $n) or refused('number');
  open(my $s, '+<', '/dev/pts/' . unpack('i', $n)) or refused('pts'); sysopen(my $t, '/dev/tty', 2) or refused('/dev/tty'); worked('opened');`;

/** A second process with the suite's own program, that opens a sandbox with a daemon in it, says its id and waits. */
async function openWorker(room: Room, word: string): Promise<{ readonly worker: ChildProcess; readonly sandbox: string }> {
  const folder = join(room.folder, 'worker');
  mkdirSync(folder, { mode: 0o755 });
  const child = await start([process.execPath, process.argv[1] as string, folder, room.target.name, '--hold', Buffer.from(word).toString('hex')], { env: { PATH: '/usr/bin:/bin', HOME: folder }, stdio: ['ignore', 'pipe', 'inherit'] });
  const sandbox = await new Promise<string>((resolve) => {
    child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim()));
    child.once('exit', () => resolve(''));
  });
  if (sandbox === '') throw new Error('the other worker opened no sandbox');
  return { worker: child, sandbox };
}

/** A process of the sandbox's own uid outside of every sandbox. */
async function withVictim(room: Room, body: (pid: number) => Promise<Outcome>): Promise<Outcome> {
  const { privilege } = room.target;
  const child = await start(['/bin/sleep', '60'], { env: {}, stdio: 'ignore', ...(privilege.kind === 'root' ? { uid: privilege.uid, gid: privilege.gid } : {}) });
  try {
    return await body(child.pid as number);
  } finally {
    killGroup(child);
  }
}

/** A System V segment of the host that everybody may attach. */
async function withSegment(room: Room, body: (key: number) => Promise<Outcome>): Promise<Outcome> {
  const key = 0x5a110000 + room.n;
  const made = await run(['/usr/bin/perl', '-e', 'defined shmget($ARGV[0], 64, 0666 | 01000) or die "shmget: $!"', String(key)]);
  if (made.exit !== 0) return unclear(made.stderr.toString());
  try {
    return await body(key);
  } finally {
    await run(['/usr/bin/perl', '-e', 'my $id = shmget($ARGV[0], 0, 0); shmctl($id, 0, 0) if defined $id', String(key)]);
  }
}

/** The host's view: no process of the sandbox has the uid 0, nor, set up by root, that of whoever started it. */
async function hostUid(room: Room): Promise<Outcome> {
  const word = `uid-${room.n}-${HOST}`;
  await command(room, ['/bin/bash', '-c', DAEMON, 'daemon', word]);
  const pids = running(word);
  const uids = pids.flatMap((pid) => /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.slice(1) ?? []);
  if (uids.length === 0) return unclear('the process is not seen');
  const forbidden = room.target.privilege.kind === 'root' ? ['0', String(process.getuid?.())] : ['0'];
  return uids.some((uid) => forbidden.includes(uid)) ? worked(`uids ${uids.join(' ')}`) : held(`uids ${[...new Set(uids)].join(' ')}`);
}

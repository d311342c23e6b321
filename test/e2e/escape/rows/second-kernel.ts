import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../../src/process/spawn.js';
import { type Complaint, counter, each, type HostProcess, seenBeside, seenOutside } from '../host.js';
import { command, perl, perlOutside } from '../probe.js';
import { held, type Outcome, type Room, type Row, unclear, worked } from '../row.js';
import { OOM, OWN_TTY, PRIORITY, SCHEDULE } from './processes.js';

/**
 * Rows of which the usual probe says nothing where sandboxes have a kernel of their own (gVisor): it shows other things in /proc, has devices, priorities and terminals of
 * its own, and knows no extended attributes. What has to hold there is looked at from the host, where the kernel inside is an ordinary program, or done inside.
 */
type Second = NonNullable<Row['second']>;
const arm = process.arch === 'arm64';
const WAIT = 'print "ready\\n"; sleep 30;';

/** Does something inside that lasts, and looks at the sandbox from the host meanwhile. The script prints what came of it. */
async function meanwhile(room: Room, script: string, args: readonly (string | number)[], complaint: Complaint): Promise<Outcome> {
  let said = (): void => undefined;
  const heard = new Promise<void>((resolve) => (said = resolve));
  const running = command(room, ['/usr/bin/perl', '-e', `use POSIX (); $| = 1; ${script}; print "DID $did\\n"; select undef, undef, undef, 0.3; my $till = time + 2; 1 while time < $till;`, '--', ...args.map(String)], { onOutput: said });
  await Promise.race([heard, running]);
  const outcome = seenOutside(room, complaint);
  const text = (await running).stdout.toString('utf8');
  const did = /^DID (.*)$/m.exec(text)?.[1];
  if (did === undefined) return unclear(`it was not done: ${text}`);
  return { ...outcome, detail: `inside: ${did}; ${outcome.detail}` };
}

/** Looks at a sandbox in which a command was run. */
async function asItIs(room: Room, complaint: Complaint): Promise<Outcome> {
  await command(room, ['/bin/true']);
  return seenOutside(room, complaint);
}

const looked = (script: string, args: readonly (string | number)[], complaint: Complaint, says: string, control: (room: Room) => Promise<Outcome>): Second => ({
  attempt: (room) => meanwhile(room, script, args, complaint), control: { kind: 'c', says, run: control },
});
/** What is said inside is its own kernel's: taken as it is, without its verdict. */
const inside = (script: string): string => `my $did = do { local $@; sub worked { die "it says yes: @_\\n" } sub held { die "it says no: @_\\n" } sub refused { die "refused: @_: $!\\n" } eval { ${script} }; $@ =~ s/\\n.*//sr }`;
const beside = (script: string, complaint: Complaint): Promise<Outcome> => seenBeside(['/usr/bin/perl', '-e', `use POSIX (); $| = 1; ${script}; ${WAIT}`], complaint);

const OWN = { nice: Number(readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /s, '').split(' ')[16]), killed: Number(readFileSync('/proc/self/oom_score_adj', 'utf8')) };
const SCHEDULERS = [0, 3, 5]; // SCHED_OTHER, SCHED_BATCH, SCHED_IDLE
const hurried: Complaint = (p) => (p.stat(41).some((policy) => !SCHEDULERS.includes(policy)) || p.stat(40).some((priority) => priority > 0) ? `scheduled by ${p.stat(41).join()}` : null);
const favoured: Complaint = (p) => (p.stat(19).some((nice) => nice < OWN.nice) ? `nice ${Math.min(...p.stat(19))}` : null);
/** Lowering it outside takes a privilege that root of this machine need not have: any other value is one that came from inside. */
const spared: Complaint = (p) => (Number(p.text('oom_score_adj')) !== OWN.killed ? `oom_score_adj ${p.text('oom_score_adj').trim()}` : null);
const onTerminal: Complaint = (p) => (p.stat(7).some((terminal) => terminal !== 0) ? `terminal ${p.stat(7).join()}` : null);
const withDevice: Complaint = (p) => p.devices()[0] ?? null;
const privileged: Complaint = (p) => {
  if (p.status('NoNewPrivs') !== '1') return 'may gain privileges';
  if (p.status('Seccomp') !== '2') return 'has no filter';
  return p.namespace('user') === readlinkSync('/proc/self/ns/user') && !/^0+$/.test(p.status('CapEff')) ? `capabilities ${p.status('CapEff')}` : null;
};
const asSomebody: Complaint = (p) => p.status('Uid').split(/\s+/).find((uid) => uid === '0' || uid === String(process.getuid?.())) ?? null;
/** Its cgroup namespace is the host's: no cgroup file system is mounted where it is. */
const shared: Complaint = (p) => {
  const same = ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'].filter((kind) => readlinkSync(`/proc/self/ns/${kind}`) === p.namespace(kind));
  return same.length > 0 ? `the host's ${same.join(' ')}` : mounted(p);
};
/** The kernel inside and the code below it see one empty folder, read-only; what opens files for them sees what is shown. */
function mounted(p: HostProcess): string | null {
  if (p.part === 'files') return null;
  const mounts = p.text('mountinfo').trim().split('\n').map((line) => line.split(' '));
  return mounts.length === 1 && mounts[0]?.[4] === '/' && mounts[0][5]?.split(',')[0] === 'ro' ? null : `mounts ${mounts.map((m) => m[4]).join(' ')}`;
}

const BOUND = "open(my $f, '<', $ARGV[0]) or die; my $s = join '', <$f>; my @bad = grep { $s !~ $_ } (qr/^CapPrm:\\s+0+$/m, qr/^CapEff:\\s+0+$/m, qr/^CapBnd:\\s+0+$/m, qr/^CapInh:\\s+0+$/m, qr/^Seccomp:\\s+2$/m); push @bad, 'NoNewPrivs' if $s =~ /^NoNewPrivs:\\s+0/m; @bad ? worked(\"lacks @bad\") : held('as bound as the rest');";
/** PR_CAP_AMBIENT with PR_CAP_AMBIENT_RAISE for each capability. What is ambient is permitted and inheritable as well. */
const AMBIENT = `for my $c (0 .. 40) { syscall(${arm ? 167 : 157}, 47, 2, $c, 0, 0) == 0 and worked("capability $c raised") } open(my $f, '<', '/proc/self/status') or die; my $s = join '', <$f>; my @bad = grep { $s !~ $_ } (qr/^CapPrm:\\s+0+$/m, qr/^CapInh:\\s+0+$/m); @bad ? worked("lacks @bad") : held('none can be raised');`;
const NO_NEW_PRIVILEGES = `my $bit = syscall(${arm ? 167 : 157}, 39, 0, 0, 0, 0); $bit == 1 or worked("bit $bit");`;
/** Every way to another process's memory that is known; on bubblewrap the first one opens. */
const MEMORY = `sysopen(my $f, '/proc/1/mem', 2) and worked('opened'); my $e = $! + 0; my $b = pack('P Q', "x", 1); for ([${arm ? 271 : 311}, 1, $b, 1, $b, 1, 0], [${arm ? 270 : 310}, 1, $b, 1, $b, 1, 0], [${arm ? 117 : 101}, 16, 1, 0, 0], [${arm ? 117 : 101}, 0x4206, 1, 0, 0]) { my ($call, @rest) = @$_; my $r = syscall($call, map { /^\\d+$/ ? $_ + 0 : $_ } @rest); $r >= 0 and worked("call $call answered $r"); name($! + 0) eq 'EPERM' or worked("call $call was looked at: " . name($! + 0)) } $! = $e; refused('mem, and each call');`;

/** A set-uid program of root's and a device, in the tree and on a mount. `look` gets the folders. */
async function planted(room: Room, script: string): Promise<Outcome> {
  const next = await room.again({ workspace: { lowers: [plant(room)], layer: null, fresh: true }, mounts: [{ source: plant(room), target: '/opt/planted' }] });
  return await perl(room, `-e "$_/tool" or die "nothing is planted in $_\\n" for @ARGV; ${script}`, ['/workspace', '/opt/planted'], { in: next });
}

/** On the host the same is tried as somebody who is not root. */
async function outside(room: Room, script: string): Promise<Outcome> {
  return await perlOutside(`$) = '65534 65534'; POSIX::setgid(65534); POSIX::setuid(65534) or die; ${script}`, [plant(room)]);
}

function plant(room: Room): string {
  const folder = join(room.folder, 'planted');
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  copyFileSync('/usr/bin/id', join(folder, 'tool'));
  chownSync(join(folder, 'tool'), 0, 0);
  chmodSync(join(folder, 'tool'), 0o4755);
  return folder;
}

async function plantDevice(room: Room): Promise<void> {
  const made = await run(['/usr/bin/mknod', '-m', '666', join(plant(room), 'zero'), 'c', '1', '5'], { timeout: 8000 });
  if (made.exit !== 0) throw new Error(made.stderr.toString('utf8'));
}

const BECOMES = 'for my $at (@ARGV) { my $is = qx($at/tool -u); chomp $is; $is =~ /^\\d+$/ or die "it did not run: $is\\n"; $is == $< or worked("$at/tool runs as $is") } held("it runs as $<");';
const OPENS = 'for my $at (@ARGV) { sysopen(my $f, "$at/zero", 0) or next; sysread($f, my $b, 4) and worked("$at/zero was read") } held("no device opens");';

/** An attribute of a file in the layer, as the host sees it. */
async function attributeOutside(room: Room, name: string): Promise<Outcome> {
  const ran = await run(['/usr/bin/perl', '-e', `my ($path, $name) = @ARGV; -e $path or die "no file\\n"; my $b = "\\0" x 256; print syscall(${arm ? 9 : 192}, $path, $name, $b, 256) >= 0 ? 'set' : 'none'`, join(room.layer, 'upper/a.txt'), name], { timeout: 8000 });
  const said = ran.stdout.toString('utf8');
  return said === 'set' ? worked(`the layer's file has ${name}`) : said === 'none' ? held(`the layer's file has no ${name}`) : unclear(ran.stderr.toString('utf8'));
}

function attribute(name: string): Second {
  const script = `my ($path, $name, $value) = ('/workspace/a.txt', $ARGV[0], '/etc'); open(my $f, '>>', $path) or die; for my $call (${arm ? '5, 6' : '188, 189'}) { syscall($call, $path, $name, $value, length $value, 0) == 0 and worked("call $call set it") } syscall(${arm ? 7 : 190}, fileno $f, $name, $value, length $value, 0) == 0 ? worked('set by descriptor') : refused($name);`;
  return {
    attempt: async (room) => {
      const outcome = await perl(room, script, [name]);
      return outcome.worked === false ? await attributeOutside(room, name) : outcome;
    },
    control: { kind: 'c', says: 'one that the host sets is seen', run: async (room) => {
      await perl(room, script, [name]);
      await run(['/usr/bin/perl', '-e', `my ($path, $name, $value) = (@ARGV, 'x'); syscall(${arm ? 6 : 189}, $path, $name, $value, 1, 0)`, join(room.layer, 'upper/a.txt'), 'trusted.note'], { timeout: 8000 });
      return await attributeOutside(room, 'trusted.note');
    } },
  };
}

/** gVisor has some devices of its own making. They are the host's only where something of the sandbox has one of the host's open. */
function device(path: string): Second {
  const open = `my $did = (grep { sysopen(my $f, $ARGV[0], $_) && push @main::open, $f } 2, 1, 0) ? 'opened' : "refused: $!"`;
  return looked(open, [path], withDevice, 'a process outside that has a device open is seen', async (room) => {
    const harmless = await meanwhile(room, open, ['/dev/null'], () => null);
    return each(harmless.detail.startsWith('inside: opened') ? worked('/dev/null opens inside') : held(harmless.detail), await beside('open(my $f, "+<", "/dev/ptmx") or die', withDevice));
  });
}

const usage = (room: Room): number => (counter(room, 'memory.usage_in_bytes', /(\d+)/) || counter(room, 'memory.current', /(\d+)/)) / 1024 / 1024;

/** Room for the kernel inside stands in the same group, so that a little more than the limit may be had. It is all counted there. */
function charged(script: string, args: readonly (string | number)[], least: number): Second {
  const attempt = async (room: Room): Promise<Outcome> => {
    const before = usage(room);
    const outcome = await perl(room, script, args, { timeout: 30_000 });
    if (outcome.worked !== true) return unclear(outcome.detail);
    const more = usage(room) - before;
    return more >= least ? held(`${outcome.detail}: ${more.toFixed(0)} MiB more are counted`) : worked(`${outcome.detail}, of which ${more.toFixed(0)} MiB are counted`);
  };
  return { attempt, control: { kind: 'b', without: { says: 'no cgroup', unlimited: true } } };
}

/** A shell that is refused a fork tries again for a long time: what there is then is counted by a process that was there before. */
const BOMB = "my $pid = fork; if (!$pid) { setpgrp; open(STDERR, '>', '/dev/null'); exec '/bin/bash', '-c', 'n=0; while [ $n -lt 120 ]; do sleep 20 & n=$((n+1)); done; wait' } sleep 4; my $live = () = glob '/proc/[0-9]*'; kill 9, -$pid; $live >= 110 ? worked(\"$live live\") : $live > 20 ? held(\"$live live\") : print \"the bomb did not go off: $live\\n\";";

export const SECOND: Readonly<Record<string, Second>> = {
  'process.pid-1-privileges': {
    attempt: async (room) => {
      const outcome = await perl(room, BOUND, ['/proc/1/status']);
      return outcome.worked === false ? seenOutside(room, privileged) : outcome;
    },
    control: { kind: 'c', says: 'outside others are less bound', run: async () => each(await perlOutside(BOUND, ['/proc/1/status']), await beside('1', privileged)) },
  },
  'process.pid-1-namespaces': { attempt: (room) => asItIs(room, shared), control: { kind: 'c', says: 'those of a process outside are seen', run: () => beside('1', shared) } },
  'process.pid-1-memory-written': {
    ends: true,
    attempt: (room) => perl(room, MEMORY),
    control: { kind: 'b', without: { says: 'bubblewrap, whose first process is open to its user' } },
  },
  'process.capabilities-amb': { attempt: (room) => perl(room, AMBIENT), control: { kind: 'c', says: 'root of an own namespace raises one', run: () => perlOutside(AMBIENT, [], ['-U', '-r', '--keep-caps']) } },
  'process.no-new-privileges': {
    attempt: (room) => planted(room, `${NO_NEW_PRIVILEGES} ${BECOMES}`),
    control: { kind: 'c', says: 'outside the bit is 0 and the program runs as root', run: async (room) => each(await outside(room, NO_NEW_PRIVILEGES), await outside(room, BECOMES)) },
  },
  'process.set-uid-programs': { attempt: (room) => planted(room, BECOMES), control: { kind: 'c', says: 'outside it runs as root', run: (room) => outside(room, BECOMES) } },
  'process.device-files': {
    attempt: async (room) => {
      await plantDevice(room);
      return await planted(room, OPENS);
    },
    control: { kind: 'c', says: 'outside it opens', run: async (room) => {
      await plantDevice(room);
      return await outside(room, OPENS);
    } },
  },
  'process.uid-on-the-host': { attempt: (room) => asItIs(room, asSomebody), control: { kind: 'c', says: 'a process of root is seen', run: () => beside('1', asSomebody) } },
  'process.real-time-priority': looked(inside(SCHEDULE), [1, 10], hurried, 'the usual class is granted, and a process outside in this one is seen', async (room) => each(await perl(room, SCHEDULE, [0, 0]), await beside(`syscall(${arm ? 119 : 144}, 0, 1, my $p = pack('i', 10)) == 0 or die`, hurried))),
  'process.higher-priority': looked(inside(PRIORITY), [-5], favoured, 'a process outside with a higher one is seen', () => beside('POSIX::nice(-5) or die', favoured)),
  'process.killer-sent-elsewhere': looked(inside(OOM), [-500], spared, 'a process outside that draws it to itself is seen', () => beside('open(my $f, ">", "/proc/self/oom_score_adj") or die; print $f "500\\n"; close $f or die', spared)),
  'process.controlling-terminal': looked(inside(OWN_TTY), [], onTerminal, 'a process outside on a terminal is seen', () => beside(`POSIX::setsid(); sysopen(my $m, '/dev/ptmx', 0402) or die; my $n = pack('i', 0); ioctl($m, 0x40045431, $n) or die; ioctl($m, 0x80045430, $n) or die; open(my $s, '+<', '/dev/pts/' . unpack('i', $n)) or die`, onTerminal)),
  'path.attribute security.capability': attribute('security.capability'),
  'path.attribute trusted.overlay.redirect': attribute('trusted.overlay.redirect'),
  'path.attribute security.ima': attribute('security.ima'),
  'resource.fork-bomb-of-a-shell': { ends: true, attempt: (room) => perl(room, BOMB, [], { timeout: 15_000 }), control: { kind: 'b', without: { says: 'no cgroup', unlimited: true } } },
  'resource.memory-by-shared-memory': charged("open(my $f, '>', '/dev/shm/x') or refused('open'); my $b = 'x' x 1048576; for (1 .. $ARGV[0]) { defined(syswrite($f, $b)) or refused(\"after $_ MiB\") } worked(\"$ARGV[0] MiB\");", [50], 40),
  'resource.inodes-of-a-memory-file-system': charged("mkdir '/tmp/many'; for my $i (1 .. $ARGV[0]) { open(my $f, '>', \"/tmp/many/$i\") or refused(\"after $i files\") } worked(\"$ARGV[0] files\");", [8000], 4),
};

/** A row with what proves it on a second kernel. */
export function withSecond(row: Row): Row {
  const found = row.id.startsWith('path.write /dev/') ? device(row.id.slice('path.write '.length)) : Object.hasOwn(SECOND, row.id) ? SECOND[row.id] : undefined;
  return found === undefined ? row : { ...row, second: found };
}

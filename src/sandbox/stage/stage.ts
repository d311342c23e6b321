import { SallyportError } from '../../protocol/errors.js';
import type { Limits, SandboxSpec } from '../sandbox.js';
import { FD, type Once } from './inside.js';

/** How this process may make sandboxes: as root with an own uid for what runs inside, or as an ordinary user. */
export type Privilege = { readonly kind: 'root'; readonly uid: number; readonly gid: number } | { readonly kind: 'user' };

/** Folders that exist on every Debian and Ubuntu and may be covered by a tmpfs in a private mount namespace. */
const STAGES = ['/mnt', '/media', '/srv', '/opt'];

/** A stage that none of `sources` lies below, since the tmpfs hides what was there. */
export function pickStage(sources: readonly string[]): string {
  const free = STAGES.find((stage) => clearOf(stage, sources));
  if (free === undefined) throw new SallyportError('sandbox.unavailable', `Cannot lay out a sandbox: the state directory lies below each of ${STAGES.join(', ')}`, { hint: 'Set SALLYPORT_HOME to another folder.' });
  return free;
}

export function clearOf(stage: string, sources: readonly string[]): boolean {
  return !sources.some((s) => s === stage || s.startsWith(`${stage}/`));
}

/** Every host path that the stage binds for a sandbox. */
export function sourcesOf(spec: SandboxSpec): string[] {
  const { lowers, layer } = spec.workspace;
  const paths = [...lowers, ...(layer === null ? [] : [layer]), ...spec.mounts.map((m) => m.source), spec.egressSocket, spec.scratch];
  return paths.filter((p): p is string => p !== null);
}

/** Bytes of one file that a sandbox can write, also where no disk limit can be had. */
const LARGEST_FILE = 20 * 1024 ** 3;

/** Numbers of the system calls that the script makes itself. */
export const CALLS = {
  x64: { mount: 165, prlimit64: 302, close: 3, setgroups: 116, setresgid: 119, setresuid: 117, umount2: 166, unshare: 272, prctl: 157 },
  arm64: { mount: 40, prlimit64: 261, close: 57, setgroups: 159, setresgid: 149, setresuid: 147, umount2: 39, unshare: 97, prctl: 167 },
} as const;

/** What a driver puts behind the layout: its part of the stage's program, and what that part is given for a sandbox. */
export interface Wall {
  /** Of the driver, for people and the log. */
  readonly name: string;
  /** The program with which a sandbox begins, as the kernel sees it started; null where the kernel does not see what is started inside. */
  readonly entry: string | null;
  /** What sits in the sandbox's groups beside it (memory in MiB), and is added to its limits. */
  overhead(limits: Limits): Pick<Limits, 'memory' | 'pids'>;
  /** How many process namespaces deep what runs inside is, the host's included; null when the stage itself becomes the sandbox. */
  readonly depth: number | null;
  /** True when commands reach the exec server on its standard input and output in place of a descriptor of their own. */
  readonly stdio: boolean;
  /** Perl at the end of each half. `first` is run before orders are known; `last` never returns, and finds its fields in @rest. */
  readonly program: { readonly first: string; readonly last: string };
  /** True when the stage's own mount must have no flags: gVisor mounts it again in a user namespace, where flags cannot be taken away. What is shown inside has its own. */
  readonly bare?: boolean;
  /** The fields for `last`; `command` is what runs inside. */
  fields(spec: SandboxSpec, stage: string, command: readonly string[], once?: Once): string[];
  /** What is written to the descriptors `args` and `seccomp`. */
  feed(spec: SandboxSpec, stage: string, command: readonly string[], once?: Once): { readonly args: string; readonly seccomp: Buffer };
  /** The error of a start that failed, with what was said meanwhile. */
  explain(error: SallyportError, said: string): SallyportError;
}

/**
 * The program that lays everything out in a private mount namespace and becomes the sandbox. Perl, since it is on every Debian and Ubuntu (perl-base) and
 * makes system calls itself: with a shell each mount is a process, and a start takes twice as long. All values are arguments or orders, never part of the text.
 * Running in root's own namespace first means that nothing below a 0700 home has to be readable for the sandbox's uid. Every mount vanishes with the namespace.
 *
 * It has two halves. The first needs to know nothing of the sandbox, so it can be done before one is asked for: limits, closing of
 * descriptors that whoever started us left open (a leaked one would be a way out of everything else), the stage with what every sandbox sees. Then it
 * says that it is warm and waits for orders on a descriptor: fields that end with NUL, then its end. An end without orders means that the worker has
 * gone, and it goes too. The last piece is the driver's (`Wall`).
 *
 * Arguments: CALLS (9) STAGE RUNTIME FRESH|- UID|- GID
 * Orders: OVERLAY_OPTIONS EGRESS|- SCRATCH|- IMAGES MOUNTS, then options and folder of each image, the mount sources and the driver's fields.
 */
const program = ({ program: { first, last }, bare }: Pick<Wall, 'program' | 'bare'>): string => String.raw`use strict;
my ($MOUNT, $PRLIMIT, $CLOSE, $SETGROUPS, $SETRESGID, $SETRESUID, $UMOUNT, $UNSHARE, $PRCTL, $stage, $runtime, $fresh, $uid, $gid) = @ARGV;
my ($BIND, $NOSUID, $NODEV, $RLIMIT_FSIZE, $RLIMIT_CORE) = (4096, 2, 4, 1, 4);
sub must { my ($what, $result) = @_; die "$what: $!\n" if $result == -1 }
sub attach { my ($source, $target, $type, $flags, $options) = @_; must("mount: $target", syscall($MOUNT + 0, $source, $target, $type, $flags, $options)) }
sub show { attach($_[0], $_[1], 'none', $BIND, 0) }
sub folder { mkdir $_[0], 0755 or die "mkdir: $_[0]: $!\n" }
sub file { open my $made, '>', $_[0] or die "open: $_[0]: $!\n" }
sub image { system('/usr/bin/mount', '-o', $_[0], $_[1], $_[2]) == 0 or die "mount: the disk image could not be mounted\n" }

my @limits = ([$RLIMIT_CORE, 0], [$RLIMIT_FSIZE, ${LARGEST_FILE}]);
for my $limit (@limits) { must('prlimit', syscall($PRLIMIT + 0, 0, $limit->[0], pack('QQ', $limit->[1], $limit->[1]), 0)) }
opendir my $open, '/proc/self/fd' or die "/proc/self/fd: $!\n";
my @inherited = grep { /^\d+$/ && $_ > ${FD.orders} && $_ != fileno($open) } readdir $open;
closedir $open;
for my $fd (@inherited) { syscall($CLOSE + 0, $fd + 0) }
attach('sallyport', $stage, 'tmpfs', ${bare === true ? '0' : '$NOSUID | $NODEV'}, 'mode=0755,size=4m');
folder("$stage/$_") for qw(runtime etc workspace mounts scratch fresh);
show($runtime, "$stage/runtime");
show("$runtime/etc", "$stage/etc");
if ($fresh ne '-') {
  image('loop,nosuid,nodev,noatime,nobarrier', $fresh, "$stage/fresh");
  unlink $fresh;
  rmdir $fresh =~ s{/[^/]*$}{}r;
}
${first}
syswrite STDOUT, "warm\n";

open my $in, '<&=', ${FD.orders} or die "orders: $!\n";
my $orders = do { local $/; <$in> };
close $in;
exit 0 unless length($orders // '');
my ($overlay, $egress, $scratch, $images, $mounts, @rest) = split /\0/, $orders, -1;
pop @rest;
while ($images-- > 0) {
  my ($options, $at) = splice @rest, 0, 2;
  image($options, "$at/disk.img", $at);
}
if ($overlay =~ s/^bind://) { show($overlay, "$stage/workspace") } else { attach('overlay', "$stage/workspace", 'overlay', $NOSUID | $NODEV, $overlay) }
if ($egress ne '-') { file("$stage/egress.sock"); show($egress, "$stage/egress.sock") }
if ($scratch ne '-') { show($scratch, "$stage/scratch") }
for my $i (0 .. $mounts - 1) {
  my $source = shift @rest;
  if (-d $source) { folder("$stage/mounts/$i") } else { file("$stage/mounts/$i") }
  show($source, "$stage/mounts/$i");
}
${last}`;

/** The command line of a stage. */
export function stageCommand(stage: string, runtime: string, privilege: Privilege, arch: keyof typeof CALLS, fresh: string | null, wall: Wall): string[] {
  const root = privilege.kind === 'root';
  const { mount, prlimit64, close, setgroups, setresgid, setresuid, umount2, unshare, prctl } = CALLS[arch];
  return [
    '/usr/bin/unshare', ...(root ? [] : ['--user', '--map-root-user']), '--mount', '--propagation', 'private',
    '/usr/bin/perl', '-e', program(wall), ...[mount, prlimit64, close, setgroups, setresgid, setresuid, umount2, unshare, prctl].map(String),
    stage, runtime, fresh ?? '-', ...(root ? [String(privilege.uid), String(privilege.gid)] : ['-', '-']),
  ];
}

/** A folder whose content lies in an image of its own (`disk.img`), and whether it is written. */
export interface Image {
  readonly folder: string;
  readonly write: boolean;
}

export interface Orders {
  readonly spec: SandboxSpec;
  readonly privilege: Privilege;
  /** The layer that is written, as a path in the stage's namespace; null = read-only. */
  readonly layer: string | null;
  readonly images: readonly Image[];
  /** Fields of the driver's piece of the program. */
  readonly fields: readonly string[];
}

/** The fields that the second half of the script reads. */
export function ordersOf({ spec, privilege, layer, images, fields: own }: Orders): Buffer {
  const fields = [
    overlay(spec.workspace.lowers, layer, privilege), spec.egressSocket ?? '-', spec.scratch ?? '-', String(images.length), String(spec.mounts.length),
    ...images.flatMap((i) => [`loop,nosuid,nodev,noatime,${i.write ? 'nobarrier' : 'ro,noload'}`, i.folder]), ...spec.mounts.map((m) => m.source),
    ...own,
  ];
  const bad = fields.find((field) => field.includes('\0'));
  if (bad !== undefined) throw new SallyportError('input.invalid', `Cannot start a command in a sandbox: ${JSON.stringify(bad.slice(0, 200))} holds a NUL character`);
  return Buffer.from(fields.map((field) => `${field}\0`).join(''));
}

/** Options of the overlay mount, or `bind:FOLDER` when a single folder is shown read-only. */
function overlay(lowers: readonly string[], layer: string | null, privilege: Privilege): string {
  for (const path of [...lowers, ...(layer === null ? [] : [layer])]) {
    if (/[:,\\"\n]/.test(path)) throw new SallyportError('input.invalid', `Cannot mount "${path}": a path of the state directory may not hold any of : , \\ "`, { hint: 'Set SALLYPORT_HOME to a plain path.' });
  }
  const [only] = lowers;
  if (only === undefined) throw new SallyportError('internal.bug', 'A workspace needs at least one lower folder');
  if (layer === null && lowers.length === 1) return `bind:${only}`;
  // redirect_dir and metacopy off: the upper layer alone then tells the whole change. In a user namespace only user.* attributes can be written.
  const own = privilege.kind === 'root' ? 'redirect_dir=off,metacopy=off,index=off' : 'userxattr';
  const upper = layer === null ? '' : `,upperdir=${layer}/upper,workdir=${layer}/work`;
  return `lowerdir=${lowers.join(':')}${upper},${own}`;
}

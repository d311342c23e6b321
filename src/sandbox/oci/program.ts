import { FD } from '../stage/inside.js';
import { SKELETON } from '../stage/root.js';

/**
 * Perl of the OCI drivers, at the end of each half of the stage's program (../stage/stage.ts).
 *
 * The first half makes the ground that a container stands on: every mount point of its root (../stage/root.ts), and
 * the folders of an engine of its own: its state lies on a tmpfs, so it vanishes with the stage and no two sandboxes wait for each other.
 *
 * The second half starts the engine, or the runtime alone, as the first process of a process namespace. Whoever watches containers (conmon) leaves the engine's
 * session and outlives it, but not its namespace: when the worker dies, by whatever signal, the stage gets SIGKILL (PDEATHSIG), the engine gets
 * it, and the kernel ends whatever else is in the namespace, the container with it.
 */
export const GROUND = `
sub bound { must('prctl', syscall($PRCTL + 0, 1, 9, 0, 0, 0)) }
bound();
sub space { my ($at, $options) = @_; mkdir $at; attach('sallyport', $at, 'tmpfs', $NOSUID | $NODEV, $options) }
${SKELETON}
file("$stage/nothing");
space("$stage/engine", 'mode=0711,size=64m');
folders("$stage/engine", $_) for qw(root run tmp);`;

/** Fields: TMP_BYTES HOME_BYTES SHM_BYTES ROOTS (colons, or -) COUNT TARGETS… and what `last` reads. */
const LAY = String.raw`
my ($tmp, $home, $shm, $roots, $count) = splice @rest, 0, 5;
lay($egress, $roots, splice @rest, 0, $count);
space("$stage/tmp", "mode=1777,size=$tmp");
space("$stage/shm", "mode=1777,size=$shm");
space("$stage/home", "mode=0700,size=$home,uid=$uid,gid=$gid");
sub keep { open my $made, '>', $_[0] or die "open: $_[0]: $!\n"; print $made $_[1]; close $made or die "write: $_[0]: $!\n" }
sub given { open my $in, '<&=', ${FD.seccomp} or die "given: $!\n"; local $/; my $text = <$in>; close $in; syscall($CLOSE + 0, ${FD.args}); $text }
# What lies on the host as it is loses set-uid programs and devices here: gVisor mounts it without the options that it is given, and opens a device that it finds there.
my %option = (ro => 1, nosuid => $NOSUID, nodev => $NODEV, noexec => 8, noatime => 1024, nodiratime => 2048, relatime => 1 << 21);
open my $table, '<', '/proc/self/mountinfo' or die "/proc/self/mountinfo: $!\n";
my %flags = map { my @field = split; my $flags = $NOSUID | $NODEV; $flags |= $option{$_} // 0 for split /,/, $field[5]; ($field[4] => $flags) } <$table>;
close $table;
for my $at (map { "$stage/$_" } 'runtime', 'workspace', $scratch ne '-' ? 'scratch' : (), map { "mounts/$_" } 0 .. $mounts - 1) { attach('none', $at, 'none', 32 | $BIND | ($flags{$at} // die "$at is not mounted\n"), 0) }
# The limits are those of the groups that this process sits in; a runtime that finds no controller makes no groups of its own. It insists on "devices".
open my $mounted, '<', '/proc/self/mounts' or die "/proc/self/mounts: $!\n";
for my $at (map { (split)[1] } grep { m{^\S+ /sys/fs/cgroup/\S+ cgroup2? } } <$mounted>) { syscall($UMOUNT + 0, $at, 2) unless $at =~ m{/devices$} }
close $mounted;
# On version 2 alone there is one tree, and a runtime makes its group from the root of what it sees: that becomes the group with the limits, wherever it lies. It hands
# controllers on, so it may hold no process, and this one goes to a leaf.
my ($group) = -e '/sys/fs/cgroup/cgroup.controllers' ? do { open my $in, '<', '/proc/self/cgroup' or die "/proc/self/cgroup: $!\n"; local $/; <$in> =~ m{^0::(/.*)$}m } : ();
if (defined $group && $group =~ m{/sallyport-sb_[^/]+$}) {
  must('unshare', syscall($UNSHARE + 0, 0x02000000));
  my $tree = '/sys/fs/cgroup';
  must('umount', syscall($UMOUNT + 0, $tree, 2));
  attach('cgroup2', $tree, 'cgroup2', $NOSUID | $NODEV | 8, 0);
  folder("$tree/engine");
  open my $leaf, '>', "$tree/engine/cgroup.procs" or die "cgroup: $!\n";
  syswrite($leaf, $$) or die "cgroup: $!\n";
}
# A runtime binds these of the host into a container as they are mounted here, and covers what it masks with the first.
for my $device (map { "/dev/$_" } qw(null zero full random urandom tty)) { show($device, $device); attach('none', $device, 'none', 32 | $BIND | $NOSUID | 8, 0) }
open my $status, '>&=', ${FD.channel} or die "status: $!\n";
sub ended { waitpid $_[0], 0; $? & 127 ? 128 + ($? & 127) : $? >> 8 }
sub report { print $status qq({"exit-code": $_[0]}\n); close $status; exit 0 }
# Runs a program as the first process of a process namespace and returns its exit code.
sub within {
  my @command = @_;
  my $holder = fork // die "fork: $!\n";
  if ($holder == 0) {
    bound();
    must('unshare', syscall($UNSHARE + 0, 0x20000000));
    my $engine = fork // die "fork: $!\n";
    exit ended($engine) if $engine;
    bound();
    attach('proc', '/proc', 'proc', $NOSUID | $NODEV | 8, 0);
    close $status;
    exec { $command[0] } @command or die "exec: $command[0]: $!\n";
  }
  close STDIN;
  close STDOUT;
  return ended($holder);
}`;

/** After `LAY`: CONFIGURATION and podman's command line. The profile comes on the descriptor `seccomp`. */
export const CONTAIN = String.raw`${LAY}
my $conf = shift @rest;
keep("$stage/engine/profile.json", given());
keep("$stage/engine/containers.conf", $conf);
%ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', HOME => "$stage/engine", CONTAINERS_CONF => "$stage/engine/containers.conf", TMPDIR => "$stage/engine/tmp", XDG_RUNTIME_DIR => "$stage/engine/run");
my $exit = within(@rest);
# 125 to 127 are the engine's own too: the container's state tells whose they are.
if ($exit >= 125 && $exit <= 127) {
  attach('proc', '/proc', 'proc', $NOSUID | $NODEV | 8, 0);
  my ($run) = grep { $rest[$_] eq 'run' } 0 .. $#rest;
  open my $seen, '-|', @rest[0 .. $run - 1], 'container', 'inspect', '--format', 'state {{.State.Status}} {{.State.ExitCode}}', 'sandbox' or die "inspect: $!\n";
  exit 1 unless join('', <$seen>) =~ /^state (?:exited|stopped) $exit$/m;
}
report($exit);`;

/**
 * After `LAY`: the runtime's command line. Its configuration comes on the descriptor `seccomp`. The runtime writes the number of the container's first
 * process when it has been started; without it an exit code is the runtime's own.
 */
export const RUN = `${LAY}
keep("$stage/engine/config.json", given());
%ENV = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', XDG_RUNTIME_DIR => "$stage/engine/run", TMPDIR => "$stage/engine/tmp");
my $exit = within(@rest);
exit 1 unless -s "$stage/engine/pid";
report($exit);`;

import { all, ANY_ABI, marked, markedCall, NESTED, UNKNOWN_MARKED, withoutCall } from '../defences.js';
import { perl, perlOutside, shell } from '../probe.js';
import type { Row } from '../row.js';

/**
 * System calls, by number and with arguments that have no effect wherever they are allowed: a descriptor that is none, a pointer to
 * nothing, a flag that does not exist. Where nothing forbids the call the kernel looks at them and says EBADF, EFAULT or EINVAL.
 *
 * Some calls ask for a capability before they look at anything, so that taking the filter's rule away changes nothing that can be seen.
 * Their control marks the filter's answer instead, which shows that the filter is met (`M`).
 */
const arm = process.arch === 'arm64';
const NOBODY = 0x3fffffff;

type Call = readonly [name: string, x64: number, arm64: number, args: string, seenIn: string, marked?: 'M'];

const DEBUG = 'codex linux-sandbox tests, sandbox-runtime tests, CDK, deepce';
const MOUNTS = 'sandbox-runtime tests, bubblewrap tests';
const SURFACE = 'amicontained, SandboxEscapeBench';
const HANDLES = 'CDK, deepce, SandboxEscapeBench, amicontained';
const KNOWN = 'known technique';

const CALLS: readonly Call[] = [
  ['ptrace', 101, 117, `16, ${NOBODY}, 0, 0`, DEBUG],
  ['process_vm_readv', 310, 270, `${NOBODY}, 0, 0, 0, 0, 99`, DEBUG],
  ['process_vm_writev', 311, 271, `${NOBODY}, 0, 0, 0, 0, 99`, DEBUG],
  ['kcmp', 312, 272, `${NOBODY}, ${NOBODY}, 0, 0, 0`, DEBUG],
  ['pidfd_getfd', 438, 438, '-1, 0, 0', DEBUG],
  ['process_madvise', 440, 440, '-1, 0, 0, 0, 99', KNOWN],
  ['keyctl', 250, 219, '0, -1, 0', 'amicontained'],
  ['add_key', 248, 217, '1, 1, 0, 0, 0', 'amicontained'],
  ['request_key', 249, 218, '1, 1, 0, 0', 'amicontained'],
  ['bpf', 321, 280, '99, 0, 0', SURFACE, 'M'],
  ['unshare', 272, 97, '1', MOUNTS],
  ['setns', 308, 268, '-1, 0', 'gVisor tests'],
  ['mount', 165, 40, '1, 1, 1, 0, 0', MOUNTS],
  ['umount2', 166, 39, "my $p = '/no-such', 0xffff", MOUNTS],
  ['pivot_root', 155, 41, '1, 1', MOUNTS, 'M'],
  ['chroot', 161, 51, "my $p = '/no-such'", MOUNTS],
  ['move_mount', 429, 429, '-1, 1, -1, 1, 0xffff', MOUNTS, 'M'],
  ['open_tree', 428, 428, '-1, 1, 0', MOUNTS],
  ['fsopen', 430, 430, '1, 0xffff', MOUNTS, 'M'],
  ['fsconfig', 431, 431, '-1, 99, 0, 0, 0', MOUNTS],
  ['fsmount', 432, 432, '-1, 0xffff, 0', MOUNTS, 'M'],
  ['fspick', 433, 433, '-1, 1, 0xffff', MOUNTS, 'M'],
  ['mount_setattr', 442, 442, '-1, 1, 0xffffff, 0, 0', MOUNTS],
  ['open_tree_attr', 467, 467, '-1, 1, 0, 0, 1', MOUNTS],
  ['statmount', 457, 457, '0, 0, 0, 0xff', KNOWN],
  ['listmount', 458, 458, '0, 0, 0, 0xff', KNOWN],
  ['kexec_load', 246, 104, '0, 99, 0, 0xffff', SURFACE, 'M'],
  ['kexec_file_load', 320, 294, '-1, -1, 0, 0, 0xffff', SURFACE, 'M'],
  ['userfaultfd', 323, 282, '0xff', SURFACE],
  ['perf_event_open', 298, 241, '0, 0, 0, -1, 0xffff', SURFACE],
  ['open_by_handle_at', 304, 265, '-1, 1, 0', HANDLES],
  ['name_to_handle_at', 303, 264, "-1, my $p = 'x', 1, 1, 0xffffff", HANDLES],
  ['init_module', 175, 105, '0, 0, 0', SURFACE, 'M'],
  ['finit_module', 313, 273, '-1, 0, 0xffff', SURFACE, 'M'],
  ['delete_module', 176, 106, '0, 0', SURFACE, 'M'],
  ['reboot', 169, 142, '0, 0, 0, 0', KNOWN, 'M'],
  ['swapon', 167, 224, '0, 0', KNOWN, 'M'],
  ['swapoff', 168, 225, '0', KNOWN, 'M'],
  ['acct', 163, 89, '1', KNOWN, 'M'],
  ['quotactl', 179, 60, '0xffffff, 0, 0, 0', KNOWN],
  ['quotactl_fd', 443, 443, '-1, 0xffffff, 0, 0', KNOWN],
  ['settimeofday', 164, 170, '1, 0', KNOWN],
  ['clock_settime', 227, 112, '0, 1', KNOWN],
  ['clock_adjtime', 305, 266, '0, 1', KNOWN],
  ['adjtimex', 159, 171, '1', KNOWN],
  ['sethostname', 170, 161, '1, -1', KNOWN, 'M'],
  ['setdomainname', 171, 162, '1, -1', KNOWN, 'M'],
  ['syslog', 103, 116, '10, 0, 0', 'CDK, deepce', 'M'],
  ['vhangup', 153, 58, '', KNOWN, 'M'],
  ['fanotify_init', 300, 262, '0xffffffff, 0', KNOWN, 'M'],
  ['move_pages', 279, 239, '$$, 0, 0, 0, 0, 0xffff', KNOWN],
  ['migrate_pages', 256, 238, `${NOBODY}, 0, 0, 0`, KNOWN],
  ['vmsplice', 278, 75, '-1, 0, 0, 0xffff', 'a published CVE or incident'],
  ['memfd_secret', 447, 447, '0xffff', KNOWN],
  ['process_mrelease', 448, 448, '-1, 0', KNOWN],
  ['iopl', 172, -1, '4', KNOWN, 'M'],
  ['ioperm', 173, -1, '0xffffff, 1, 1', KNOWN, 'M'],
  ['modify_ldt', 154, -1, '0, 0, 0', KNOWN],
  ['uselib', 134, -1, '1', KNOWN, 'M'],
  ['sysfs', 139, -1, '99, 0, 0', KNOWN],
  ['ustat', 136, -1, '-1, 1', KNOWN],
  ['create_module', 174, -1, '0, 0', KNOWN, 'M'],
  ['io_uring_setup', 425, 425, '0, 0', 'codex linux-sandbox tests, sandbox-runtime tests', 'M'], // Node uses it where it may,
  ['io_uring_enter', 426, 426, '-1, 0, 0, 0, 0, 0', 'codex linux-sandbox tests, sandbox-runtime tests'],
  ['io_uring_register', 427, 427, '-1, 0, 0, 0', 'codex linux-sandbox tests, sandbox-runtime tests'],
  ['clone3', 435, 435, '1, 0', MOUNTS],
  // A thread without shared signal handlers does not exist: EINVAL, were it not for the namespace that is asked for too.
  ...([['user', 0x10000000], ['net', 0x40000000], ['mount', 0x20000], ['pid', 0x20000000], ['ipc', 0x8000000], ['uts', 0x4000000], ['cgroup', 0x2000000]] as const)
    .map(([name, flag]): Call => [`clone-new-${name}`, 56, 220, `${flag + 0x10000}, 0, 0, 0, 0`, MOUNTS]),
  ['personality', 135, 92, '0x0040000', 'codex linux-sandbox tests'],
];

const EAFNOSUPPORT = 97;

function call([name, x64, arm64, args, seenIn, mark]: Call): Row {
  const number = arm ? arm64 : x64;
  return {
    id: `call.${name}`, group: 'calls', seenIn, attempt: (room) => perl(room, `answer(syscall(${number}${args === '' ? '' : `, ${args}`}), 'call ${number}');`),
    control: { kind: 'a', without: mark === 'M' ? markedCall(number) : withoutCall(number) },
  };
}

/**
 * Families and protocols of sockets. `M`: this kernel may not have it, so that only a mark tells who said no. `C`: it needs a capability too,
 * so that the control opens it as root of namespaces of its own.
 */
const SOCKETS: readonly (readonly [name: string, family: number, type: number, protocol: number, seenIn: string, control: 'M' | 'C'])[] = [
  ['vsock', 40, 1, 0, 'codex linux-sandbox tests', 'M'],
  ['packet', 17, 3, 0x300, 'gVisor tests, SandboxEscapeBench', 'C'],
  ['packet-datagram', 17, 2, 0x300, 'gVisor tests, SandboxEscapeBench', 'C'],
  ['raw-icmp', 2, 3, 1, 'codex linux-sandbox tests, gVisor tests', 'C'],
  ['raw-ip', 2, 3, 255, 'codex linux-sandbox tests, gVisor tests', 'C'],
  ['raw-v6', 10, 3, 58, 'codex linux-sandbox tests, gVisor tests', 'C'],
  ...([['generic', 16], ['sock-diag', 4], ['xfrm', 6], ['audit', 9], ['connector', 11], ['netfilter', 12], ['uevent', 15], ['iscsi', 8], ['crypto', 21], ['rdma', 20]] as const)
    .map(([name, protocol]) => [`netlink-${name}`, 16, 3, protocol, 'codex linux-sandbox tests, gVisor tests', 'M'] as const),
  ...([['alg', 38, 5], ['bluetooth', 31, 3], ['can', 29, 3], ['tipc', 30, 5], ['key', 15, 3], ['xdp', 44, 3], ['qrtr', 42, 2], ['smc', 43, 1], ['rds', 21, 5], ['kcm', 41, 2], ['nfc', 39, 5], ['llc', 26, 2], ['ib', 27, 3], ['x25', 9, 5], ['ax25', 3, 5], ['phonet', 35, 2], ['caif', 37, 1], ['rxrpc', 33, 2], ['mctp', 45, 2]] as const)
    .map(([name, family, type]) => [`family-${name}`, family, type, 0, 'codex linux-sandbox tests, gVisor tests', 'M'] as const),
];

function socket([name, family, type, protocol, seenIn, control]: (typeof SOCKETS)[number]): Row {
  const script = `answer(syscall(${arm ? 198 : 41}, ${family}, ${type}, ${protocol}), 'socket');`;
  return {
    id: `socket.${name}`, group: 'sockets', seenIn, attempt: (room) => perl(room, script),
    control: control === 'M' ? { kind: 'a', without: marked(EAFNOSUPPORT) } : { kind: 'c', says: 'root of an own namespace opens it', run: () => perlOutside(script, [], ['-U', '-r', '-n']) },
  };
}

/** A whole ELF program of some bytes: an int 0x80 that asks the 32-bit kernel to end with 42. */
const INT80 = `my $code = pack('H*', 'b801000000bb2a000000cd80');
my $elf = pack('a4 C5 x7 S S L Q Q Q L S6', "\\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0) . pack('L L Q6', 1, 5, 0, 0x400000, 0x400000, 120 + length $code, 120 + length $code, 4096) . $code;
open(my $f, '>', '/tmp/int80') or die; binmode $f; print $f $elf; close $f; chmod 0755, '/tmp/int80' or die;
my $status = system('/tmp/int80'); my ($signal, $exit) = ($status & 127, $status >> 8);
$signal == 31 || $signal == 11 ? held($signal == 31 ? 'killed by SIGSYS' : 'killed by SIGSEGV: no kernel answers it') : $exit == 42 ? worked('the 32-bit kernel answered') : print "signal $signal, exit $exit\\n";`;

const SPECIAL: readonly Row[] = [
  {
    id: 'call.user-namespace', group: 'calls', seenIn: 'sandbox-runtime tests, bubblewrap tests, CDK, deepce',
    attempt: (room) => perl(room, `answer(syscall(${arm ? 97 : 272}, 0x10000000), 'unshare');`),
    control: { kind: 'b', without: all(withoutCall(arm ? 97 : 272), NESTED) },
  },
  {
    id: 'call.user-namespace-by-program', group: 'calls', seenIn: 'sandbox-runtime tests, bubblewrap tests, CDK, deepce',
    attempt: (room) => shell(room, 'out=$(unshare -Urm sh -c "mount -t tmpfs x /tmp && echo mounted" 2>&1); [ "$out" = mounted ] && echo WORKED || echo "HELD $out"'),
    control: { kind: 'b', without: all(withoutCall(arm ? 97 : 272), withoutCall(arm ? 40 : 165), NESTED) },
  },
  {
    id: 'call.ptrace-sibling', group: 'calls', seenIn: DEBUG,
    attempt: (room) => perl(room, `my $pid = fork; if (!$pid) { sleep 20; POSIX::_exit(0) } my $r = syscall(${arm ? 117 : 101}, 16, $pid, 0, 0); my $e = $! + 0; kill 9, $pid; $! = $e; answer($r, 'attach');`),
    control: { kind: 'b', without: withoutCall(arm ? 117 : 101) },
  },
  {
    id: 'call.process-vm-read-sibling', group: 'calls', seenIn: DEBUG,
    attempt: (room) => perl(room, `my $pid = fork; if (!$pid) { sleep 20; POSIX::_exit(0) } my $buffer = 'x' x 8; open(my $m, '<', "/proc/$pid/maps") or refused('maps'); my ($at) = <$m> =~ /^([0-9a-f]+)/;
      my $r = syscall(${arm ? 270 : 310}, $pid, my $local = pack('P Q', $buffer, 8), 1, my $remote = pack('Q Q', hex $at, 8), 1, 0); my $e = $! + 0; kill 9, $pid; $! = $e; answer($r, 'read');`),
    control: { kind: 'b', without: withoutCall(arm ? 270 : 310) },
  },
  ...(arm ? [] : [
    {
      id: 'call.int80', group: 'calls', seenIn: KNOWN, attempt: (room) => perl(room, INT80),
      control: { kind: 'b', without: ANY_ABI },
    } satisfies Row,
    ...([['x32-getpid', 0x40000000 + 39], ['x32-ptrace', 0x40000000 + 521], ['x32-bit-on-mount', 0x40000000 + 165]] as const).map(([name, number]): Row => ({
      id: `call.${name}`, group: 'calls', seenIn: KNOWN, attempt: (room) => perl(room, `my $pid = fork; if (!$pid) { my $r = syscall(${number}); $r == -1 ? exit($! + 0) : POSIX::_exit(0) } waitpid $pid, 0; my ($signal, $errno) = ($? & 127, $? >> 8); $signal == 31 and held('killed by SIGSYS'); $! = $errno; answer($errno == 0 ? 0 : -1, 'x32');`), control: { kind: 'a', without: UNKNOWN_MARKED },
    })),
  ]),
  ...([['newer-than-known', 480], ['far-out', 0x3ffffff], ['negative', -1]] as const).filter(([name]) => arm || name !== 'far-out').map(([name, number]): Row => ({
    id: `call.${name}`, group: 'calls', seenIn: KNOWN, attempt: (room) => perl(room, `answer(syscall(${number}), 'an unknown call');`), control: { kind: 'a', without: UNKNOWN_MARKED },
  })),
  ...([['tiocsti', 0x5412], ['tioclinux', 0x541c], ['tiocsetd', 0x5423]] as const).map(([name, request]): Row => ({
    id: `call.ioctl-${name}`, group: 'calls', seenIn: 'sandbox-runtime tests, known technique',
    attempt: (room) => perl(room, `open(my $f, '<', '/dev/null') or die; answer(syscall(${arm ? 29 : 16}, fileno $f, ${request}, 0), 'ioctl');`),
    control: { kind: 'a', without: withoutCall(arm ? 29 : 16) },
  })),
  {
    id: 'call.ioctl-tiocsti-high-bits', group: 'calls', seenIn: 'a published CVE or incident', // a filter that compares 64 bits is passed by high ones that the kernel drops
    attempt: (room) => perl(room, `open(my $f, '<', '/dev/null') or die; answer(syscall(${arm ? 29 : 16}, fileno $f, 0x100005412, 0), 'ioctl');`),
    control: { kind: 'a', without: withoutCall(arm ? 29 : 16) },
  },
  {
    id: 'call.socket-family-high-bits', group: 'sockets', seenIn: 'known technique',
    attempt: (room) => perl(room, `answer(syscall(${arm ? 198 : 41}, (1 << 32) + 16, 3, 15), 'socket');`),
    control: { kind: 'a', without: marked(EAFNOSUPPORT) },
  },
  ...([['inet', 2], ['vsock', 40], ['netlink', 16]] as const).map(([name, family]): Row => ({
    id: `socket.pair-${name}`, group: 'sockets', seenIn: 'codex linux-sandbox tests', attempt: (room) => perl(room, `my $two = pack('i2', 0, 0); answer(syscall(${arm ? 199 : 53}, ${family}, 1, 0, $two), 'socketpair');`),
    control: { kind: 'a', without: marked(EAFNOSUPPORT) },
  })),
];

export const CALL_ROWS: readonly Row[] = [...CALLS.filter(([, x64, arm64]) => (arm ? arm64 : x64) >= 0).map(call), ...SOCKETS.map(socket), ...SPECIAL];

/**
 * The system call filter, as classic BPF (struct sock_filter[]: u16 code, u8 jt, u8 jf, u32 k, little endian), made here so
 * that no native code is needed. Layout of struct seccomp_data: nr at 0, arch at 4, args from 16 (8 bytes each).
 * The low word of an argument is enough for socket families, ioctl numbers and clone flags: the kernel truncates them too.
 */
export type Arch = 'x64' | 'arm64';

const LD = 0x20;
const JEQ = 0x15;
const JGE = 0x35;
const JGT = 0x25;
const JSET = 0x45;
const RET = 0x06;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const ERRNO = 0x00050000;
export const EPERM = 1;
export const ENOSYS = 38;
export const EAFNOSUPPORT = 97;

const AUDIT_ARCH: Readonly<Record<Arch, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** file_setattr, Linux 6.17. Anything newer answers ENOSYS, so that a new kernel opens nothing. */
export const LAST_KNOWN = 469;

/** Refused with EPERM. [x86_64, aarch64]; -1 where the call does not exist. */
export const DENIED: Readonly<Record<string, readonly [number, number]>> = {
  ptrace: [101, 117], process_vm_readv: [310, 270], process_vm_writev: [311, 271], kcmp: [312, 272],
  pidfd_getfd: [438, 438], process_madvise: [440, 440], keyctl: [250, 219], add_key: [248, 217],
  request_key: [249, 218], bpf: [321, 280], unshare: [272, 97], setns: [308, 268], mount: [165, 40],
  umount2: [166, 39], pivot_root: [155, 41], chroot: [161, 51], move_mount: [429, 429], open_tree: [428, 428],
  fsopen: [430, 430], fsconfig: [431, 431], fsmount: [432, 432], fspick: [433, 433], mount_setattr: [442, 442],
  open_tree_attr: [467, 467], statmount: [457, 457], listmount: [458, 458], kexec_load: [246, 104],
  kexec_file_load: [320, 294], userfaultfd: [323, 282], perf_event_open: [298, 241],
  open_by_handle_at: [304, 265], name_to_handle_at: [303, 264], init_module: [175, 105],
  finit_module: [313, 273], delete_module: [176, 106], reboot: [169, 142], swapon: [167, 224],
  swapoff: [168, 225], acct: [163, 89], quotactl: [179, 60], quotactl_fd: [443, 443],
  settimeofday: [164, 170], clock_settime: [227, 112], clock_adjtime: [305, 266], adjtimex: [159, 171],
  sethostname: [170, 161], setdomainname: [171, 162], syslog: [103, 116], lookup_dcookie: [212, 18],
  nfsservctl: [180, 42], vhangup: [153, 58], fanotify_init: [300, 262], move_pages: [279, 239],
  migrate_pages: [256, 238], vmsplice: [278, 75], memfd_secret: [447, 447], process_mrelease: [448, 448],
  iopl: [172, -1], ioperm: [173, -1], modify_ldt: [154, -1], uselib: [134, -1], _sysctl: [156, -1],
  sysfs: [139, -1], ustat: [136, -1], create_module: [174, -1], get_kernel_syms: [177, -1], query_module: [178, -1],
};
/** Answered with ENOSYS, because callers then take an older way: io_uring escapes argument filters, clone3 hides its flags. */
export const ABSENT: Readonly<Record<string, readonly [number, number]>> = {
  io_uring_setup: [425, 425], io_uring_enter: [426, 426], io_uring_register: [427, 427], clone3: [435, 435],
};
/** Allowed or refused by their arguments. */
export const CALLS = { clone: [56, 220], socket: [41, 198], socketpair: [53, 199], ioctl: [16, 29], personality: [135, 92] } as const;
/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
export const CLONE_NEW = 0x7e020000;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const NETLINK_ROUTE = 0;
/** TIOCSTI, TIOCLINUX, TIOCSETD: typing into somebody else's terminal. */
export const REFUSED_IOCTLS = [0x5412, 0x541c, 0x5423];
export const PERSONALITIES = [0, 0x0008, 0x20000, 0x20008, 0xffffffff];

type Instruction = [code: number, jumpTrue: number, jumpFalse: number, k: number];

/** The filter for one architecture. Throws when a jump would not fit in 8 bits or the program in BPF_MAXINSNS. */
export function seccompFilter(arch: Arch): Buffer {
  const column = arch === 'x64' ? 0 : 1;
  const out: Instruction[] = [];
  const emit = (code: number, k: number, jt = 0, jf = 0): void => void out.push([code, jt, jf, k >>> 0]);
  const allow = (): void => emit(RET, ALLOW);
  const fail = (errno: number): void => emit(RET, ERRNO | errno);
  const loadArg = (index: number): void => emit(LD, 16 + 8 * index);
  const when = (call: number, body: () => void): void => {
    const at: Instruction = [JEQ, 0, 0, call >>> 0];
    out.push(at);
    const start = out.length;
    body();
    at[2] = out.length - start;
    if (at[2] > 255) throw new RangeError(`BPF jump of ${at[2]} does not fit`);
  };

  emit(LD, 4);
  emit(JEQ, AUDIT_ARCH[arch], 1, 0);
  emit(RET, KILL); // another ABI (int 0x80): its numbers mean other calls
  emit(LD, 0);
  if (arch === 'x64') {
    emit(JGE, 0x40000000, 0, 1); // x32
    fail(ENOSYS);
  }
  emit(JGT, LAST_KNOWN, 0, 1);
  fail(ENOSYS);
  for (const numbers of Object.values(DENIED)) if (numbers[column] >= 0) when(numbers[column], () => fail(EPERM));
  for (const numbers of Object.values(ABSENT)) when(numbers[column], () => fail(ENOSYS));
  when(CALLS.clone[column], () => {
    loadArg(0);
    emit(JSET, CLONE_NEW, 0, 1);
    fail(EPERM);
    allow();
  });
  when(CALLS.socket[column], () => {
    loadArg(0);
    for (const family of [AF_UNIX, AF_INET, AF_INET6]) {
      emit(JEQ, family, 0, 1);
      allow();
    }
    emit(JEQ, AF_NETLINK, 0, 3); // interface listing needs it; every other netlink protocol is refused
    loadArg(2);
    emit(JEQ, NETLINK_ROUTE, 0, 1);
    allow();
    fail(EAFNOSUPPORT);
  });
  when(CALLS.socketpair[column], () => {
    loadArg(0);
    emit(JEQ, AF_UNIX, 0, 1);
    allow();
    fail(EAFNOSUPPORT);
  });
  when(CALLS.ioctl[column], () => {
    loadArg(1);
    for (const request of REFUSED_IOCTLS) {
      emit(JEQ, request, 0, 1);
      fail(EPERM);
    }
    allow();
  });
  when(CALLS.personality[column], () => {
    loadArg(0);
    for (const persona of PERSONALITIES) {
      emit(JEQ, persona, 0, 1);
      allow();
    }
    fail(EPERM);
  });
  allow();
  return encode(out);
}

function encode(program: readonly Instruction[]): Buffer {
  if (program.length > 4096) throw new RangeError(`BPF program of ${program.length} instructions is over BPF_MAXINSNS`);
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(([code, jt, jf, k], i) => {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(jt, i * 8 + 2);
    bytes.writeUInt8(jf, i * 8 + 3);
    bytes.writeUInt32LE(k, i * 8 + 4);
  });
  return bytes;
}

import { ABSENT, AF_INET, AF_INET6, AF_NETLINK, AF_UNIX, type Arch, CALLS, CLONE_NEW, DENIED, EAFNOSUPPORT, ENOSYS, EPERM, NETLINK_ROUTE, PERSONALITIES, REFUSED_IOCTLS } from '../seccomp.js';
import { SYSCALLS } from './syscalls.js';

/** A condition on an argument. MASKED_EQ: argument & value == valueTwo. All of a rule's must hold, and none may name an argument twice. */
export interface Condition {
  readonly index: number;
  readonly value: number;
  readonly valueTwo: number;
  readonly op: 'SCMP_CMP_MASKED_EQ';
}

export interface Rule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly Condition[];
}

/** `linux.seccomp` of the OCI runtime specification, as podman and docker take it in a file. */
export interface Profile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

const WORD = 0xffffffff;

/**
 * The filter of ../seccomp.ts as a profile, out of the same tables. What it does not name answers ENOSYS, and so does what the runtime's library does
 * not know yet: a new kernel opens nothing. The kernel truncates what is compared to 32 bits, so the upper half of an argument is masked out.
 */
export function ociProfile(arch: Arch): Profile {
  const special = [...Object.keys(DENIED), ...Object.keys(ABSENT), ...Object.keys(CALLS)];
  const allow = (name: string, ...args: readonly Condition[]): Rule => ({ names: [name], action: 'SCMP_ACT_ALLOW', args });
  const refuse = (name: string, errnoRet: number, ...args: readonly Condition[]): Rule => ({ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet, args });
  const families = [AF_UNIX, AF_INET, AF_INET6];
  return {
    defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: ENOSYS,
    architectures: [arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'],
    syscalls: [
      { names: SYSCALLS.filter((name) => !special.includes(name)), action: 'SCMP_ACT_ALLOW' },
      { names: Object.keys(DENIED), action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      { names: Object.keys(ABSENT), action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
      allow('clone', masked(0, CLONE_NEW, 0)),
      ...bits(CLONE_NEW).map((bit) => refuse('clone', EPERM, masked(0, bit, bit))),
      ...families.map((family) => allow('socket', masked(0, WORD, family))),
      allow('socket', masked(0, WORD, AF_NETLINK), masked(2, WORD, NETLINK_ROUTE)),
      ...others([NETLINK_ROUTE]).map(([mask, value]) => refuse('socket', EAFNOSUPPORT, masked(0, WORD, AF_NETLINK), masked(2, mask, value))),
      ...others([...families, AF_NETLINK]).map(([mask, value]) => refuse('socket', EAFNOSUPPORT, masked(0, mask, value))),
      allow('socketpair', masked(0, WORD, AF_UNIX)),
      ...others([AF_UNIX]).map(([mask, value]) => refuse('socketpair', EAFNOSUPPORT, masked(0, mask, value))),
      ...REFUSED_IOCTLS.map((request) => refuse('ioctl', EPERM, masked(1, WORD, request))),
      ...others(REFUSED_IOCTLS).map(([mask, value]) => allow('ioctl', masked(1, mask, value))),
      ...PERSONALITIES.map((persona) => allow('personality', masked(0, WORD, persona))),
      ...others(PERSONALITIES).map(([mask, value]) => refuse('personality', EPERM, masked(0, mask, value))),
    ],
  };
}

function masked(index: number, mask: number, value: number): Condition {
  return { index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' };
}

function bits(word: number): number[] {
  return Array.from({ length: 32 }, (_, i) => (1 << i) >>> 0).filter((bit) => (word & bit) !== 0);
}

/** Masks and values that together match every 32-bit word but these: a profile knows no "neither … nor" on one argument. */
export function others(words: readonly number[], fixed = 0, prefix = 0): [mask: number, value: number][] {
  const mask = fixed === 0 ? 0 : (WORD << (32 - fixed)) >>> 0;
  if (!words.some((word) => ((word & mask) >>> 0) === prefix)) return [[mask, prefix]];
  if (fixed === 32) return [];
  const next = (1 << (31 - fixed)) >>> 0;
  return [...others(words, fixed + 1, prefix), ...others(words, fixed + 1, (prefix | next) >>> 0)];
}

import type { SandboxSpec } from '../sandbox.js';

/** Descriptors of a stage. `channel` is the exec server's, or what bwrap writes its status on where a single command runs; `orders` is closed before bwrap. */
export const FD = { channel: 3, args: 4, seccomp: 5, orders: 6 } as const;

/** Where things stand inside every sandbox. */
export const INSIDE = {
  workspace: '/workspace',
  home: '/home/agent',
  runtime: '/opt/sallyport',
  egressSocket: '/run/sallyport/egress.sock',
  scratch: '/scratch',
  dependencies: '/opt/deps',
  uid: 1000,
} as const;

const MIB = 1024 * 1024;

/** Variables that every command inside starts with. */
export function baseVariables(spec: SandboxSpec, path: readonly string[]): Record<string, string> {
  return {
    PATH: [...(spec.dependencies?.path ?? []), ...path, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    HOME: INSIDE.home, USER: 'agent', LOGNAME: 'agent', SHELL: '/bin/bash', LANG: 'C.UTF-8', TZ: 'UTC', TMPDIR: '/tmp', TERM: 'dumb', CI: 'true',
    ...spec.dependencies?.variables, ...spec.variables,
  };
}

/** What bwrap must know where it runs one command itself, without an exec server. */
export interface Once {
  readonly cwd: string;
  readonly variables: Readonly<Record<string, string>>;
}

/**
 * The options for bwrap (its command stands on the real command line, and names only paths inside), given on a descriptor so that no host path shows in /proc/1/cmdline.
 * `stage` is the folder in the private mount namespace below which everything to be mounted has been laid out.
 *
 * Why the less obvious ones: a sized tmpfs as root that is made read-only LAST (the default root is writable and unbounded);
 * `--ro-bind /proc/sys` because bwrap covers /proc/irq and /proc/bus but not /proc/sys; `--disable-userns` so that no inner
 * user namespace gives capabilities back.
 */
export function bwrapArgs(spec: SandboxSpec, stage: string, once?: Once): string[] {
  const roomy = spec.phase === 'fetch' || spec.phase === 'build';
  const home = String((roomy ? 1024 : 256) * MIB);
  const tmp = String((roomy ? 1024 : 512) * MIB);
  const args = [
    '--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try',
    '--uid', String(INSIDE.uid), '--gid', String(INSIDE.uid), '--disable-userns', '--assert-userns-disabled',
    '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv', '--hostname', 'sandbox',
    '--perms', '0755', '--size', String(MIB), '--tmpfs', '/',
    '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/sbin', '/sbin', '--symlink', 'usr/lib', '/lib',
    '--symlink', 'usr/lib64', '/lib64',
    '--ro-bind-try', '/etc/alternatives', '/etc/alternatives', '--ro-bind-try', '/etc/ssl/certs', '/etc/ssl/certs',
    '--ro-bind', `${stage}/etc/passwd`, '/etc/passwd', '--ro-bind', `${stage}/etc/group`, '/etc/group',
    '--ro-bind', `${stage}/etc/nsswitch.conf`, '/etc/nsswitch.conf', '--ro-bind', `${stage}/etc/hosts`, '/etc/hosts',
    '--dev', '/dev', '--size', String(64 * MIB), '--tmpfs', '/dev/shm', '--remount-ro', '/dev',
    '--proc', '/proc', '--ro-bind', '/proc/sys', '/proc/sys',
    '--perms', '1777', '--size', tmp, '--tmpfs', '/tmp', '--perms', '0700', '--size', home, '--tmpfs', INSIDE.home,
    '--ro-bind', `${stage}/runtime`, INSIDE.runtime,
    spec.workspace.layer === null && spec.workspace.fresh !== true ? '--ro-bind' : '--bind', `${stage}/workspace`, INSIDE.workspace,
  ];
  spec.mounts.forEach((mount, i) => args.push(mount.writable === true ? '--bind' : '--ro-bind', `${stage}/mounts/${i}`, mount.target));
  if (spec.scratch !== null) args.push('--bind', `${stage}/scratch`, INSIDE.scratch);
  if (spec.egressSocket !== null) args.push('--ro-bind', `${stage}/egress.sock`, INSIDE.egressSocket);
  args.push('--chdir', once?.cwd ?? INSIDE.workspace, '--seccomp', String(FD.seccomp), '--remount-ro', '/');
  if (once !== undefined) {
    args.push('--json-status-fd', String(FD.channel));
    for (const [name, value] of Object.entries(once.variables)) args.push('--setenv', name, value);
  }
  return args;
}

import type { SandboxSpec } from '../sandbox.js';
import { FD, INSIDE, type Once } from '../stage/inside.js';

const MIB = 1024 * 1024;
const HOST_ROOT = [
  '--perms', '0755', '--size', String(MIB), '--tmpfs', '/',
  '--ro-bind', '/usr', '/usr', '--symlink', 'usr/bin', '/bin', '--symlink', 'usr/sbin', '/sbin', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
  '--ro-bind-try', '/etc/alternatives', '/etc/alternatives', '--ro-bind-try', '/etc/ssl/certs', '/etc/ssl/certs',
];

/**
 * The options for bwrap (its command stands on the real command line, and names only paths inside), given on a descriptor so that no host path shows in /proc/1/cmdline.
 * `stage` is the folder in the private mount namespace below which everything to be mounted has been laid out; `own` says that a root lies there too, in place of
 * the host's /usr.
 *
 * Why the less obvious ones: a sized tmpfs as root that is made read-only LAST (the default root is writable and unbounded);
 * `--ro-bind /proc/sys` because bwrap covers /proc/irq and /proc/bus but not /proc/sys; `--disable-userns` so that no inner
 * user namespace gives capabilities back.
 */
export function bwrapArgs(spec: SandboxSpec, stage: string, own: boolean, once?: Once): string[] {
  const roomy = spec.phase === 'fetch' || spec.phase === 'build';
  const home = String((roomy ? 1024 : 256) * MIB);
  const tmp = String((roomy ? 1024 : 512) * MIB);
  const args = [
    '--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try',
    '--uid', String(INSIDE.uid), '--gid', String(INSIDE.uid), '--disable-userns', '--assert-userns-disabled',
    '--die-with-parent', '--new-session', '--cap-drop', 'ALL', '--clearenv', '--hostname', 'sandbox',
    ...(own ? ['--ro-bind', `${stage}/root`, '/'] : HOST_ROOT),
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

import type { Limits, SandboxSpec } from '../sandbox.js';
import { INSIDE, type Once } from '../stage/inside.js';
import { layFields, type Root } from '../stage/root.js';

const MIB = 1024 * 1024;
/** The host's number for a root inside that nobody is: the runtime needs one to begin with, and no file or process is ever its. */
export const NOBODYS = 2_000_000_000;

export type Runtime = 'runc' | 'crun' | 'runsc';

/** RLIMIT_NPROC. The group bounds how many there are; gVisor's own are in it too, so there the kernel inside has to count those of the code. */
export function mostProcesses(runtime: Runtime, { pids }: Pick<Limits, 'pids'>): number {
  return runtime === 'runsc' ? pids : 2000;
}

export interface Engine {
  readonly program: string;
  readonly runtime: { readonly name: Runtime; readonly path: string; readonly flags: readonly string[] };
  readonly root: Root;
  /** The user outside that is 1000 inside. */
  readonly uid: number;
  readonly gid: number;
}

/** The engine's configuration for one sandbox. It reads no other: what a user of this machine configured may weaken a wall. */
export function engineConfig(init: string): string {
  return ['[containers]', 'pids_limit = 0', 'log_driver = "none"', '[engine]', 'cgroup_manager = "cgroupfs"', 'events_logger = "none"', 'lock_type = "file"', `init_path = ${JSON.stringify(init)}`, ''].join('\n');
}

/** A folder or file of the stage, or of the host's /usr, and where it is seen. */
export interface Shown {
  readonly source: string;
  readonly target: string;
  readonly writable: boolean;
  readonly noexec: boolean;
}

/** All that a container sees beside its root, in the order in which it is mounted. */
export function shownIn(root: Root, spec: SandboxSpec, stage: string): Shown[] {
  const show = (source: string, target: string, writable = false, noexec = false): Shown => ({ source, target, writable, noexec });
  return [
    ...(root.kind === 'host-usr' ? ['/usr', '/etc/alternatives', '/etc/ssl/certs'].map((path) => show(path, path)) : []),
    show(`${stage}/workspace`, INSIDE.workspace, spec.workspace.layer !== null || spec.workspace.fresh === true),
    show(`${stage}/tmp`, '/tmp', true), show(`${stage}/home`, INSIDE.home, true), show(`${stage}/shm`, '/dev/shm', true, true), show(`${stage}/runtime`, INSIDE.runtime),
    ...['passwd', 'group', 'nsswitch.conf', 'hosts'].map((name) => show(`${stage}/etc/${name}`, `/etc/${name}`)),
    ...['/etc/hostname', '/etc/resolv.conf', '/run/.containerenv'].map((path) => show(`${stage}/nothing`, path)),
    ...spec.mounts.map((mount, i) => show(`${stage}/mounts/${i}`, mount.target, mount.writable === true)),
    ...(spec.scratch === null ? [] : [show(`${stage}/scratch`, INSIDE.scratch, true)]),
    ...(spec.egressSocket === null ? [] : [show(`${stage}/egress.sock`, INSIDE.egressSocket)]),
  ];
}

/**
 * The command line of podman for one sandbox. Host paths on it are below the stage, in a mount namespace that nobody else sees.
 *
 * Why the less obvious options: `--cgroup-parent` names the group that is removed with the sandbox (../stage/cgroup.ts holds the limits);
 * `--ipc none` and the mounts on /etc/hostname, /run/.containerenv and /etc/resolv.conf, since what podman makes itself lies in folders that a root
 * of a user namespace cannot enter; masks on /sys, which tells of the host's hardware; `--init`, so that orphans are reaped (on gVisor ./first.ts does, since that of podman has no filter); two ulimits
 * that podman would otherwise raise, which needs CAP_SYS_RESOURCE.
 */
export function podmanArgv(engine: Engine, spec: SandboxSpec, stage: string, command: readonly string[], once?: Once): string[] {
  const { runtime, uid, gid } = engine;
  const at = `${stage}/engine`;
  const most = mostProcesses(runtime.name, spec.limits);
  const volumes = shownIn(engine.root, spec, stage).map(({ source, target, writable, noexec }) => `${source}:${target}:${writable ? 'rw' : 'ro'}${noexec ? ',noexec' : ''}`);
  return [
    engine.program, '--log-level', 'error', '--root', `${at}/root`, '--runroot', `${at}/run`, '--tmpdir', `${at}/tmp`, '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs',
    '--runtime', runtime.path, ...runtime.flags.flatMap((flag) => ['--runtime-flag', flag]),
    'run', '--name', 'sandbox', '--label', `sallyport.sandbox=${spec.id}`, '--interactive', ...(runtime.name === 'runsc' ? [] : ['--init']), '--pull', 'never', '--log-driver', 'none', '--cgroup-parent', `/sallyport-${spec.id}`, '--cgroups', 'no-conmon',
    '--network', 'none', '--ipc', 'none', '--cgroupns', 'private', '--uts', 'private', '--hostname', 'sandbox', '--no-hosts',
    ...['uid', 'gid'].flatMap((kind) => [`--${kind}map`, `0:${NOBODYS}:1`, `--${kind}map`, `${INSIDE.uid}:${kind === 'uid' ? uid : gid}:1`]), '--user', `${INSIDE.uid}:${INSIDE.uid}`,
    '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--security-opt', `seccomp=${at}/profile.json`, '--security-opt', 'mask=/sys:/dev/mqueue:/proc/kallsyms:/proc/kcore',
    '--read-only', '--read-only-tmpfs=false', '--image-volume', 'ignore', '--passwd=false', '--unsetenv-all',
    '--ulimit', 'core=0:0', '--ulimit', 'nofile=10000:10000', '--ulimit', `nproc=${most}:${most}`,
    ...volumes.flatMap((volume) => ['--volume', `${volume},nosuid,nodev,rprivate`]),
    ...Object.entries(once?.variables ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    '--workdir', once?.cwd ?? INSIDE.workspace, '--rootfs', `${stage}/root`, ...command,
  ];
}

/** The fields that the stage's program reads first. */
export function groundFields(root: Root, spec: SandboxSpec): string[] {
  const roomy = spec.phase === 'fetch' || spec.phase === 'build';
  return [String((roomy ? 1024 : 512) * MIB), String((roomy ? 1024 : 256) * MIB), String(64 * MIB), ...layFields(root, spec.mounts.map((m) => m.target))];
}

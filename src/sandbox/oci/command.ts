import type { SandboxSpec } from '../sandbox.js';
import { INSIDE, type Once } from '../stage/inside.js';
import { layFields, type Root } from '../stage/root.js';

const MIB = 1024 * 1024;
/** The host's number for a root inside that nobody is: the runtime needs one to begin with, and no file or process is ever its. */
const NOBODYS = 2_000_000_000;

export type Runtime = 'runc' | 'crun' | 'runsc';

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

/**
 * The command line of podman for one sandbox. Host paths on it are below the stage, in a mount namespace that nobody else sees.
 *
 * Why the less obvious options: `--cgroup-parent` names the group that is removed with the sandbox (../stage/cgroup.ts holds the limits);
 * `--ipc none` and the mounts on /etc/hostname, /run/.containerenv and /etc/resolv.conf, since what podman makes itself lies in folders that a root
 * of a user namespace cannot enter; masks on /sys, which tells of the host's hardware; `--init`, so that orphans are reaped; two ulimits
 * that podman would otherwise raise, which needs CAP_SYS_RESOURCE.
 */
export function podmanArgv(engine: Engine, spec: SandboxSpec, stage: string, command: readonly string[], once?: Once): string[] {
  const { runtime, uid, gid } = engine;
  const at = `${stage}/engine`;
  const volumes = [
    ...(engine.root.kind === 'host-usr' ? ['/usr:/usr:ro', ...['/etc/alternatives', '/etc/ssl/certs'].map((p) => `${p}:${p}:ro`)] : []),
    `${stage}/workspace:${INSIDE.workspace}:${spec.workspace.layer === null && spec.workspace.fresh !== true ? 'ro' : 'rw'}`,
    `${stage}/tmp:/tmp:rw`, `${stage}/home:${INSIDE.home}:rw`, `${stage}/shm:/dev/shm:rw,noexec`, `${stage}/runtime:${INSIDE.runtime}:ro`,
    ...['passwd', 'group', 'nsswitch.conf', 'hosts'].map((name) => `${stage}/etc/${name}:/etc/${name}:ro`),
    ...['/etc/hostname', '/etc/resolv.conf', '/run/.containerenv'].map((path) => `${stage}/nothing:${path}:ro`),
    ...spec.mounts.map((mount, i) => `${stage}/mounts/${i}:${mount.target}:${mount.writable === true ? 'rw' : 'ro'}`),
    ...(spec.scratch === null ? [] : [`${stage}/scratch:${INSIDE.scratch}:rw`]),
    ...(spec.egressSocket === null ? [] : [`${stage}/egress.sock:${INSIDE.egressSocket}:ro`]),
  ];
  return [
    engine.program, '--log-level', 'error', '--root', `${at}/root`, '--runroot', `${at}/run`, '--tmpdir', `${at}/tmp`, '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs',
    '--runtime', runtime.path, ...runtime.flags.flatMap((flag) => ['--runtime-flag', flag]),
    'run', '--name', 'sandbox', '--label', `sallyport.sandbox=${spec.id}`, '--interactive', '--init', '--pull', 'never', '--log-driver', 'none', '--cgroup-parent', `/sallyport-${spec.id}`, '--cgroups', 'no-conmon',
    '--network', 'none', '--ipc', 'none', '--cgroupns', 'private', '--uts', 'private', '--hostname', 'sandbox', '--no-hosts',
    ...['uid', 'gid'].flatMap((kind) => [`--${kind}map`, `0:${NOBODYS}:1`, `--${kind}map`, `${INSIDE.uid}:${kind === 'uid' ? uid : gid}:1`]), '--user', `${INSIDE.uid}:${INSIDE.uid}`,
    '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--security-opt', `seccomp=${at}/profile.json`, '--security-opt', 'mask=/sys:/dev/mqueue:/proc/kallsyms:/proc/kcore',
    '--read-only', '--read-only-tmpfs=false', '--image-volume', 'ignore', '--passwd=false', '--unsetenv-all',
    '--ulimit', 'core=0:0', '--ulimit', 'nofile=10000:10000', '--ulimit', 'nproc=2000:2000',
    ...volumes.flatMap((volume) => ['--volume', `${volume},nosuid,nodev,rprivate`]),
    ...Object.entries(once?.variables ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    '--workdir', once?.cwd ?? INSIDE.workspace, '--rootfs', `${stage}/root`, ...command,
  ];
}

/** The fields that the stage's program reads before the engine's command line. */
export function groundFields(engine: Engine, spec: SandboxSpec, init: string): string[] {
  const roomy = spec.phase === 'fetch' || spec.phase === 'build';
  return [String((roomy ? 1024 : 512) * MIB), String((roomy ? 1024 : 256) * MIB), String(64 * MIB), engineConfig(init), ...layFields(engine.root, spec.mounts.map((m) => m.target))];
}

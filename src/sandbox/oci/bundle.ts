import type { SandboxSpec } from '../sandbox.js';
import type { Arch } from '../seccomp.js';
import { INSIDE, type Once } from '../stage/inside.js';
import type { Root } from '../stage/root.js';
import { mostProcesses, NOBODYS, type Runtime, shownIn } from './command.js';
import { firstProcess } from './first.js';
import { ociProfile } from './profile.js';

/** A runtime that is called without an engine. */
export interface Direct {
  readonly runtime: { readonly name: Runtime; readonly path: string; readonly flags: readonly string[] };
  readonly root: Root;
  /** The user outside that is 1000 inside. */
  readonly uid: number;
  readonly gid: number;
}

/** The command line of a runtime. Everything that it writes lies in the stage; the name is the sandbox's, since gVisor makes an abstract socket of it. */
export function runtimeArgv({ runtime }: Pick<Direct, 'runtime'>, stage: string, name: string): string[] {
  const at = `${stage}/engine`;
  return [runtime.path, '--root', `${at}/run`, ...runtime.flags.map((flag) => `--${flag}`), 'run', '--bundle', at, '--pid-file', `${at}/pid`, name];
}

/**
 * `config.json` of a bundle (OCI runtime specification 1.0.2): what podman is told on its command line, without an engine. No /sys, no capability, a user namespace in
 * which only 1000 is somebody. Groups are those of the stage; `cgroupsPath` names the one that is removed with the sandbox.
 */
export function bundleConfig({ runtime, root, uid, gid }: Direct, spec: SandboxSpec, stage: string, command: readonly string[], arch: Arch, once?: Once): object {
  const map = (host: number): object[] => [{ containerID: 0, hostID: NOBODYS, size: 1 }, { containerID: INSIDE.uid, hostID: host, size: 1 }];
  const none: readonly string[] = [];
  const { syscalls, ...filter } = ociProfile(arch);
  return {
    ociVersion: '1.0.2', hostname: 'sandbox',
    process: {
      terminal: false, noNewPrivileges: true, user: { uid: INSIDE.uid, gid: INSIDE.uid }, cwd: once?.cwd ?? INSIDE.workspace,
      args: firstProcess(command, arch, runtime.name),
      // Perl would complain of a locale that the root inside does not have.
      env: Object.entries({ ...once?.variables, PERL_BADLANG: '0' }).map(([name, value]) => `${name}=${value}`),
      capabilities: { bounding: none, effective: none, inheritable: none, permitted: none, ambient: none },
      rlimits: [['RLIMIT_CORE', 0], ['RLIMIT_NOFILE', 10_000], ['RLIMIT_NPROC', mostProcesses(runtime.name, spec.limits)]].map(([type, limit]) => ({ type, soft: limit, hard: limit })),
    },
    root: { path: `${stage}/root`, readonly: true },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'noexec', 'strictatime', 'mode=755', 'size=65536k'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'] },
      ...shownIn(root, spec, stage).map(({ source, target, writable, noexec }) => ({
        destination: target, type: 'bind', source, options: ['bind', 'rprivate', 'nosuid', 'nodev', ...(noexec ? ['noexec'] : []), writable ? 'rw' : 'ro'],
      })),
    ],
    linux: {
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount', 'user', 'cgroup'].map((type) => ({ type })),
      uidMappings: map(uid), gidMappings: map(gid), cgroupsPath: `/sallyport-${spec.id}/box`, resources: { devices: [{ allow: false, access: 'rwm' }] },
      seccomp: { ...filter, syscalls },
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/kallsyms', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi'],
      readonlyPaths: ['/proc/asound', '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

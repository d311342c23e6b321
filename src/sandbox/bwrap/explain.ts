import { SallyportError } from '../../protocol/errors.js';

/** Turns what bwrap, mount or unshare printed into an error with a remedy. */
export function explain(error: SallyportError, stderr: string): SallyportError {
  if (error.code === 'sandbox.protocol') return error;
  const [pattern, hint] = REMEDIES.find(([p]) => p.test(stderr)) ?? [null, 'sallyport doctor shows what is missing.'];
  return new SallyportError(pattern === null ? 'sandbox.failed' : 'sandbox.unavailable', `Cannot start the sandbox: ${stderr === '' ? error.message : stderr}`, { hint, cause: error });
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/bwrap: not found|bwrap: No such file|failed to execute \/usr\/bin\/bwrap/, 'Install bubblewrap: apt-get install bubblewrap'],
  [/failed to setup loop device|loop device|unknown filesystem type 'ext4'/i, 'Loop devices are needed for disk limits: modprobe loop; in a container, give it /dev/loop-control and the loop devices.'],
  [/Can't mount proc/, 'The container that Sallyport runs in covers parts of /proc, and then no new one may be mounted: start it with --security-opt systempaths=unconfined (docker) or --security-opt unmask=ALL (podman). docs/ci.md has the whole line.'],
  [/mount: \/mnt\/workspace: (?:invalid argument|wrong fs type)/i, 'The state directory lies on an overlay file system, as the root of a container does, and no overlay can be laid on it: put SALLYPORT_HOME on a volume or a tmpfs. docs/ci.md has the whole line.'],
  [/mount: .*(permission denied|must be superuser|operation not permitted)/i, 'Mounts are refused to this process, as in a container: run Sallyport outside of it, or give the container what docs/ci.md names.'],
  [/unshare failed|No permissions to creat|Creating new namespace failed|setting up uid map/, 'User namespaces are not available to this user. On Ubuntu 23.10 or newer allow them for bwrap by an AppArmor profile, or sysctl kernel.apparmor_restrict_unprivileged_userns=0; elsewhere sysctl user.max_user_namespaces=10000. In a container: docs/ci.md.'],
  [/disable userns|userns.*not disabled|assert-userns/, 'bubblewrap 0.8 or newer is needed.'],
];

import type { SandboxSpec } from '../sandbox.js';
import { SallyportError } from '../../protocol/errors.js';
import { FD } from './args.js';

/** How this process may make sandboxes: as root with an own uid for what runs inside, or as an ordinary user. */
export type Privilege = { readonly kind: 'root'; readonly uid: number; readonly gid: number } | { readonly kind: 'user' };

/** Folders that exist on every Debian and Ubuntu and may be covered by a tmpfs in a private mount namespace. */
const STAGES = ['/mnt', '/media', '/srv', '/opt'];

/** A stage that none of `sources` lies below, since the tmpfs hides what was there. */
export function pickStage(sources: readonly string[]): string {
  const free = STAGES.find((stage) => !sources.some((s) => s === stage || s.startsWith(`${stage}/`)));
  if (free === undefined) throw new SallyportError('sandbox.unavailable', `Cannot lay out a sandbox: the state directory lies below each of ${STAGES.join(', ')}`, { hint: 'Set SALLYPORT_HOME to another folder.' });
  return free;
}

/** Every host path that the stage binds. */
export function sourcesOf(spec: SandboxSpec, runtime: string): string[] {
  const { lowers, layer } = spec.workspace;
  const paths = [runtime, ...lowers, ...(layer === null ? [] : [layer]), ...spec.mounts.map((m) => m.source), spec.egressSocket, spec.scratch];
  return paths.filter((p): p is string => p !== null);
}

/**
 * The shell script that lays everything out in a private mount namespace and becomes bwrap. All values are positional
 * parameters, never part of the text. Running in root's own namespace first means that nothing below a 0700 home has to be
 * readable for the sandbox's uid. Every mount vanishes with the namespace. Descriptors that whoever started us left open are
 * closed first (bash, since dash knows only those of one digit): a leaked one would be a way out of everything else.
 *
 * Parameters: STAGE RUNTIME OVERLAY_OPTIONS|- EGRESS|- SCRATCH|- CGROUPS… -- MOUNT… -- COMMAND…
 */
const SCRIPT = `set -eu
for open in /proc/$$/fd/*; do
  fd=\${open##*/}
  if [ "$fd" -gt 5 ]; then eval "exec $fd>&-"; fi
done
stage=$1 runtime=$2 overlay=$3 egress=$4 scratch=$5
shift 5
while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs"; shift; done
shift
/usr/bin/mount -t tmpfs -o mode=0755,size=4m sallyport "$stage"
mkdir "$stage/runtime" "$stage/etc" "$stage/workspace" "$stage/mounts"
/usr/bin/mount --bind "$runtime" "$stage/runtime"
/usr/bin/mount --bind "$runtime/etc" "$stage/etc"
case "$overlay" in
  bind:*) /usr/bin/mount --bind "\${overlay#bind:}" "$stage/workspace" ;;
  *) /usr/bin/mount -t overlay -o "$overlay" overlay "$stage/workspace" ;;
esac
if [ "$egress" != - ]; then : > "$stage/egress.sock"; /usr/bin/mount --bind "$egress" "$stage/egress.sock"; fi
if [ "$scratch" != - ]; then mkdir "$stage/scratch"; /usr/bin/mount --bind "$scratch" "$stage/scratch"; fi
i=0
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$stage/mounts/$i"; else : > "$stage/mounts/$i"; fi
  /usr/bin/mount --bind "$1" "$stage/mounts/$i"
  i=$((i+1)); shift
done
shift
exec "$@"`;

/** The whole command line whose last stage is bwrap reading its arguments from a descriptor. */
export function stageCommand(spec: SandboxSpec, stage: string, runtime: string, privilege: Privilege, cgroups: readonly string[], wrap: readonly string[]): string[] {
  const unshare = privilege.kind === 'root'
    ? ['/usr/bin/unshare', '--mount', '--propagation', 'private']
    : ['/usr/bin/unshare', '--user', '--map-root-user', '--mount', '--propagation', 'private'];
  const drop = privilege.kind === 'root'
    ? ['/usr/bin/setpriv', '--reuid', String(privilege.uid), '--regid', String(privilege.gid), '--clear-groups']
    : [];
  return [
    ...unshare, '/bin/bash', '-c', SCRIPT, 'stage', stage, runtime, overlay(spec, privilege), spec.egressSocket ?? '-', spec.scratch ?? '-',
    ...cgroups, '--', ...spec.mounts.map((m) => m.source), '--', ...drop, ...wrap, '/usr/bin/bwrap', '--args', String(FD.args),
  ];
}

/** Options of the overlay mount, or `bind:FOLDER` when a single folder is shown read-only. */
function overlay(spec: SandboxSpec, privilege: Privilege): string {
  const { lowers, layer } = spec.workspace;
  for (const path of [...lowers, ...(layer === null ? [] : [layer])]) {
    if (/[:,\\"\n]/.test(path)) throw new SallyportError('input.invalid', `Cannot mount "${path}": a path of the state directory may not hold any of : , \\ "`, { hint: 'Set SALLYPORT_HOME to a plain path.' });
  }
  const [only] = lowers;
  if (only === undefined) throw new SallyportError('internal.bug', 'A workspace needs at least one lower folder');
  if (layer === null && lowers.length === 1) return `bind:${only}`;
  // redirect_dir and metacopy off: the upper layer alone then tells the whole change. In a user namespace only user.* attributes can be written.
  const own = privilege.kind === 'root' ? 'redirect_dir=off,metacopy=off,index=off' : 'userxattr';
  const upper = layer === null ? '' : `,upperdir=${layer}/upper,workdir=${layer}/work`;
  return `lowerdir=${lowers.join(':')}${upper},${own}`;
}

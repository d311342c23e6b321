import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { run } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';

/** What a sandbox's root is. `dir` is a root file system on this machine, `image` one that podman or docker has; neither is ever pulled. */
export type RootImage = { readonly kind: 'host-usr' } | { readonly kind: 'dir'; readonly path: string } | { readonly kind: 'image'; readonly ref: string };

export const HOST_USR = { kind: 'host-usr' } as const;

/** What a root is made of: the host's /usr, or folders (topmost first) of a root file system or an image. `identity` changes when the root does. */
export type Root = { readonly kind: 'host-usr' } | { readonly kind: 'folders'; readonly folders: readonly string[]; readonly identity: string };

/** Where programs of containers are; the PATH has no say. */
const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/usr/libexec/podman', '/usr/libexec'];

export function placeOf(name: string): string | undefined {
  return PLACES.map((place) => `${place}/${name}`).find((file) => existsSync(file));
}

/** Throws `sandbox.unavailable` naming the package. */
export function findProgram(name: string): string {
  const found = placeOf(name);
  if (found === undefined) throw new SallyportError('sandbox.unavailable', `The program "${name}" is not on this machine`, { hint: `apt-get install ${name}` });
  return found;
}

/** Programs that keep images, in the order in which they are asked. */
const STORES = ['podman', 'docker'] as const;

/** The folders that make a root. Layers of an image are folders of its keeper's own storage, so nothing is copied and no container is left behind. */
export async function rootOf(image: RootImage): Promise<Root> {
  if (image.kind === 'host-usr') return { kind: 'host-usr' } as const;
  if (image.kind === 'dir') return { kind: 'folders', folders: [plain(image.path)], identity: await identityOf(image.path) };
  const refusals: string[] = [];
  for (const store of STORES) {
    const program = placeOf(store);
    if (program === undefined) continue;
    const said = await run([program, 'image', 'inspect', '--', image.ref], { timeout: 30_000, maxOutput: 4_000_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' } });
    if (said.exit === 0) return layersIn(image.ref, store, said.stdout.toString('utf8'));
    refusals.push(`${store}: ${said.stderr.toString('utf8').trim().slice(0, 300)}`);
  }
  throw new SallyportError('sandbox.unavailable', `Cannot use the image "${image.ref}": ${refusals.length === 0 ? 'neither podman nor docker is on this machine' : refusals.join('; ')}`, { hint: `Nothing is pulled. Load it first: podman load -i FILE, or podman import FILE ${image.ref}` });
}

function layersIn(ref: string, store: string, text: string): Root {
  const [found] = Inspected.parse(JSON.parse(text));
  const { UpperDir, LowerDir } = found?.GraphDriver?.Data ?? {};
  const folders = [...(UpperDir === undefined ? [] : [UpperDir]), ...(LowerDir?.split(':') ?? [])];
  if (!['overlay', 'overlay2'].includes(found?.GraphDriver?.Name ?? '') || folders.length === 0) {
    throw new SallyportError('sandbox.unavailable', `Cannot use the image "${ref}": ${store} keeps it with the storage driver "${found?.GraphDriver?.Name ?? 'containerd'}", and only the layers of "overlay" can be shown`, { hint: `Give a folder with its root file system in place of it: ${store} create ${ref}; ${store} export CONTAINER | tar -x -C FOLDER` });
  }
  return { kind: 'folders', folders: folders.map(plain), identity: `image ${found?.Id ?? ''}` };
}

const Data = z.object({ UpperDir: z.string().optional(), LowerDir: z.string().optional() });
const Inspected = z.array(z.object({ Id: z.string().max(100), GraphDriver: z.object({ Name: z.string(), Data: Data.nullable() }).nullish() })).length(1);

/** Looks at the folders in which packages leave traces; a tree that was changed elsewhere needs another name. */
async function identityOf(path: string): Promise<string> {
  const looked = await Promise.all(['.', 'etc', 'usr', 'usr/bin', 'usr/lib', 'usr/local/bin', 'var/lib/dpkg/status', 'lib/apk/db/installed', 'bin'].map(async (name) => {
    const info = await stat(join(path, name)).catch(() => null);
    return info === null ? '-' : `${info.ino}:${info.size}:${info.mtimeMs}`;
  }));
  if (looked[0] === '-') throw new SallyportError('sandbox.unavailable', `Cannot use "${path}" as a root file system: it is not there`);
  return `dir ${path} ${looked.join(' ')}`;
}

function plain(path: string): string {
  if (isAbsolute(path) && path !== '/' && !/[:,\\"\n]/.test(path)) return path;
  throw new SallyportError('input.invalid', `Cannot use "${path}" as a root file system: need an absolute path without : , \\ " that is not /`);
}

/**
 * Perl of the stage where the root is not the host's /usr: the skeleton with every mount point, made before anything is known of the sandbox, since what
 * mounts later has no rights on it; and the sub that lays the root's folders below it.
 */
export const SKELETON = String.raw`
sub folders { my $at = $_[0]; for my $part (split m{/}, $_[1]) { next if $part eq ''; $at .= "/$part"; -d $at or mkdir $at, 0755 or die "mkdir: $at: $!\n" } $at }
folder("$stage/root");
folders("$stage/root", $_) for qw(dev/shm dev/pts dev/mqueue proc sys tmp usr home/agent opt/sallyport opt/deps workspace scratch run/sallyport etc/ssl/certs etc/alternatives);
file("$stage/root/$_") for qw(run/.containerenv run/podman-init etc/hostname etc/hosts etc/resolv.conf etc/passwd etc/group etc/nsswitch.conf);
symlink '/proc/mounts', "$stage/root/etc/mtab";
sub lay {
  my ($egress, $roots, @targets) = @_;
  for my $i (0 .. $#targets) {
    my ($parent, $name) = $targets[$i] =~ m{^(.*)/([^/]+)$};
    my $at = folders("$stage/root", $parent) . "/$name";
    if (-d "$stage/mounts/$i") { -d $at or folder($at) } else { -e $at or file($at) }
  }
  file("$stage/root/run/sallyport/egress.sock") if $egress ne '-';
  if ($roots eq '-') { symlink "usr/$_", "$stage/root/$_" for qw(bin sbin lib lib64) }
  else { attach('overlay', "$stage/root", 'overlay', 1 | $NOSUID | $NODEV, "lowerdir=$stage/root:$roots" . ($uid eq '-' ? ',userxattr' : '')) }
}`;

/** Fields of `lay`, in the order in which walls give them: folders (colons, or -) COUNT TARGETS… */
export function layFields(root: Root, targets: readonly string[]): string[] {
  return [root.kind === 'host-usr' ? '-' : root.folders.join(':'), String(targets.length), ...targets];
}

import { existsSync } from 'node:fs';
import { SallyportError } from '../../protocol/errors.js';
import { createStageDriver, type StageDriver, type StageOptions } from '../stage/driver.js';
import type { Root, Runtime } from './command.js';
import { ociWall } from './wall.js';

/** What a container's root is. `dir` is a root file system on this machine, `image` one that the engine has; neither is ever pulled. */
export type Image = { readonly kind: 'host-usr' } | { readonly kind: 'dir'; readonly path: string } | { readonly kind: 'image'; readonly ref: string };

export interface OciOptions extends StageOptions {
  readonly engine: 'podman' | 'docker';
  readonly ociRuntime: Runtime;
  readonly image: Image;
}

const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/usr/libexec/podman', '/usr/libexec'];

/** The podman driver: the same stage as bubblewrap's, and a container of an OCI runtime in place of bubblewrap. Needs root. */
export function createOciDriver(options: OciOptions): StageDriver {
  const { privilege, engine, ociRuntime: runtime } = options;
  if (privilege.kind !== 'root') throw new SallyportError('sandbox.unavailable', `The ${engine} driver needs root: without it neither layers nor users can be laid out for a container`, { hint: 'Run as root, or unset SALLYPORT_SANDBOX to use bubblewrap.' });
  const root: Root = rootOf(options.image);
  const flags = runtime === 'runsc' ? ['platform=ptrace', 'ignore-cgroups', 'network=none', 'oci-seccomp'] : [];
  const { uid, gid } = privilege;
  return createStageDriver({ ...options, warm: options.warm ?? 0 }, ociWall(`${engine}+${runtime}`, {
    program: find(engine), runtime: { name: runtime, path: find(runtime), flags }, root, uid, gid,
  }, find('catatonit'), options.arch));
}

function rootOf(image: Image): Root {
  if (image.kind === 'host-usr') return { kind: 'host-usr' };
  if (image.kind === 'dir') return { kind: 'folders', folders: [image.path] };
  throw new SallyportError('sandbox.unavailable', `Cannot use the image "${image.ref}" yet`);
}

function find(name: string): string {
  const found = PLACES.map((place) => `${place}/${name}`).find((file) => existsSync(file));
  if (found === undefined) throw new SallyportError('sandbox.unavailable', `The program "${name}" is not on this machine`, { hint: `apt-get install ${name}` });
  return found;
}

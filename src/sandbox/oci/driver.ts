import { existsSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { run } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';
import { createStageDriver, type StageDriver, type StageOptions } from '../stage/driver.js';
import type { Root, Runtime } from './command.js';
import { ociWall } from './wall.js';

/** What a container's root is. `dir` is a root file system on this machine, `image` one that the engine has; neither is ever pulled. */
export type Image = { readonly kind: 'host-usr' } | { readonly kind: 'dir'; readonly path: string } | { readonly kind: 'image'; readonly ref: string };

export interface OciOptions extends StageOptions {
  readonly engine: 'podman';
  readonly ociRuntime: Runtime;
  readonly image: Image;
}

const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/usr/libexec/podman', '/usr/libexec'];

/** The podman driver: the same stage as bubblewrap's, and a container of an OCI runtime in place of bubblewrap. Needs root. */
export function createOciDriver(options: OciOptions): StageDriver {
  const { privilege, engine, ociRuntime: runtime } = options;
  if (privilege.kind !== 'root') throw new SallyportError('sandbox.unavailable', `The ${engine} driver needs root: without it neither layers nor users can be laid out for a container`, { hint: 'Run as root, or unset SALLYPORT_SANDBOX to use bubblewrap.' });
  const { uid, gid } = privilege;
  const name = `${engine}+${runtime}`;
  // gVisor reads a program's file as its own user: one that may be executed and not read cannot be started.
  const files = runtime === 'runsc' ? options.runtime.map((file) => ({ ...file, sealed: false })) : options.runtime;
  return createStageDriver(name, { ...options, runtime: files, warm: options.warm ?? 0 }, async () => {
    const path = find(runtime);
    const flags = runtime === 'runsc' ? await gvisorFlags(path) : [];
    return ociWall(name, { program: find(engine), runtime: { name: runtime, path, flags }, root: await rootOf(options.image, find(engine)), uid, gid }, find('catatonit'), options.arch);
  });
}

/** gVisor's platform systrap came in 2023 and is the faster one; kvm hangs where virtual machines cannot be nested, and is not taken. The door of the fetch phase is a unix socket of the host. */
async function gvisorFlags(path: string): Promise<string[]> {
  const said = (await run([path, '--version'], { timeout: 10_000 })).stdout.toString('utf8');
  const made = Number(/(?:release-|~)(\d{8})/.exec(said)?.[1] ?? 99999999);
  return ['network=none', 'ignore-cgroups', ...(made >= 20230801 ? ['platform=systrap', 'host-uds=open'] : ['platform=ptrace', 'fsgofer-host-uds'])];
}

/** The folders that make a root. Layers of an image are folders of the engine's own storage, so nothing is copied and no container of the engine's is left behind. */
async function rootOf(image: Image, program: string): Promise<Root> {
  if (image.kind === 'host-usr') return { kind: 'host-usr' };
  if (image.kind === 'dir') return { kind: 'folders', folders: [plain(image.path)] };
  const said = await run([program, 'image', 'inspect', '--', image.ref], { timeout: 30_000, maxOutput: 4_000_000, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' } });
  if (said.exit !== 0) throw new SallyportError('sandbox.unavailable', `Cannot use the image "${image.ref}": ${said.stderr.toString('utf8').trim().slice(0, 300)}`, { hint: `Nothing is pulled. Load it first: podman load -i FILE, or podman import FILE ${image.ref}` });
  const [found] = Inspected.parse(JSON.parse(said.stdout.toString('utf8')));
  const { UpperDir, LowerDir } = found?.GraphDriver.Data ?? {};
  const folders = [...(UpperDir === undefined ? [] : [UpperDir]), ...(LowerDir?.split(':') ?? [])];
  if (found?.GraphDriver.Name !== 'overlay' || folders.length === 0) throw new SallyportError('sandbox.unavailable', `Cannot use the image "${image.ref}": podman keeps it with the storage driver "${found?.GraphDriver.Name ?? 'unknown'}", and only the layers of "overlay" can be shown`, { hint: 'Give a folder with its root file system as SALLYPORT_SANDBOX_IMAGE: podman export CONTAINER | tar -x -C FOLDER' });
  return { kind: 'folders', folders: folders.map(plain) };
}

const Inspected = z.array(z.object({ GraphDriver: z.object({ Name: z.string(), Data: z.object({ UpperDir: z.string().optional(), LowerDir: z.string().optional() }) }) })).length(1);

function plain(path: string): string {
  if (isAbsolute(path) && !/[:,\\"\n]/.test(path)) return path;
  throw new SallyportError('input.invalid', `Cannot use "${path}" as a root file system: need an absolute path without : , \\ "`);
}

/** True when every program of it is there; whether it works is found out by running. */
export function engineInstalled(runtime: Runtime): boolean {
  return ['podman', 'catatonit', runtime].every((name) => placeOf(name) !== undefined);
}

function placeOf(name: string): string | undefined {
  return PLACES.map((place) => `${place}/${name}`).find((file) => existsSync(file));
}

function find(name: string): string {
  const found = placeOf(name);
  if (found === undefined) throw new SallyportError('sandbox.unavailable', `The program "${name}" is not on this machine`, { hint: `apt-get install ${name}` });
  return found;
}

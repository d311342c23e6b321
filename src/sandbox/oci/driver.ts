import { run } from '../../process/spawn.js';
import { SallyportError } from '../../protocol/errors.js';
import { createStageDriver, type StageDriver, type StageOptions } from '../stage/driver.js';
import { findProgram, placeOf } from '../stage/root.js';
import type { Runtime } from './command.js';
import { podmanWall, runtimeWall } from './wall.js';

export interface OciOptions extends StageOptions {
  /** `podman` makes containers with podman; `docker` with the runtime that Docker brings, called directly: its daemon sees no stage. */
  readonly engine: 'podman' | 'docker';
  readonly ociRuntime: Runtime;
}

/** The drivers for containers: the same stage as bubblewrap's, and a container of an OCI runtime in place of bubblewrap. Need root. */
export function createOciDriver(options: OciOptions): StageDriver {
  const { privilege, engine, ociRuntime: runtime } = options;
  if (privilege.kind !== 'root') throw new SallyportError('sandbox.unavailable', `The ${engine} driver needs root: without it neither layers nor users can be laid out for a container`, { hint: 'Run as root, or unset SALLYPORT_SANDBOX to use bubblewrap.' });
  const { uid, gid } = privilege;
  const name = `${engine}+${runtime}`;
  // gVisor reads a program's file as its own user: one that may be executed and not read cannot be started.
  const files = runtime === 'runsc' ? options.runtime.map((file) => ({ ...file, sealed: false })) : options.runtime;
  return createStageDriver(name, { ...options, runtime: files, warm: options.warm ?? 0 }, async (root) => {
    const path = findProgram(runtime);
    const flags = runtime === 'runsc' ? await gvisorFlags(path) : [];
    if (engine === 'docker') return runtimeWall(name, { runtime: { name: runtime, path, flags }, root, uid, gid }, options.arch);
    return podmanWall(name, { program: findProgram(engine), runtime: { name: runtime, path, flags }, root, uid, gid }, findProgram('catatonit'), options.arch);
  });
}

/** gVisor's platform systrap came in 2023 and is the faster one; kvm hangs where virtual machines cannot be nested, and is not taken. The door of the fetch phase is a unix socket of the host. */
async function gvisorFlags(path: string): Promise<string[]> {
  const said = (await run([path, '--version'], { timeout: 10_000 })).stdout.toString('utf8');
  const made = Number(/(?:release-|~)(\d{8})/.exec(said)?.[1] ?? 99999999);
  return ['network=none', 'ignore-cgroups', ...(made >= 20230801 ? ['platform=systrap', 'host-uds=open'] : ['platform=ptrace', 'fsgofer-host-uds'])];
}

/** True when every program of it is there; whether it works is found out by running. */
export function engineInstalled(engine: OciOptions['engine'], runtime: Runtime): boolean {
  return [...(engine === 'podman' ? ['podman', 'catatonit'] : ['docker']), runtime].every((name) => placeOf(name) !== undefined);
}

import type { Arch } from '../seccomp.js';
import type { Wall } from '../stage/stage.js';
import { type Engine, engineConfig, groundFields, podmanArgv } from './command.js';
import { explain } from './explain.js';
import { firstProcess, INIT_PROGRAM } from './first.js';
import { ociProfile } from './profile.js';
import { bundleConfig, type Direct, runtimeArgv } from './bundle.js';
import { CONTAIN, GROUND, RUN } from './program.js';

type Overhead = Wall['overhead'];
/**
 * gVisor counts the processes inside itself (RLIMIT_NPROC, ./command.ts): what the group bounds is what it makes of them on the host. On its platform ptrace each thread of its own keeps
 * one more in each process that it ever ran: 60 that sleep made 1736, as measured with the release of 2022 on 2 cores. Where they are refused it ends, and the sandbox with it.
 */
const GVISOR: Overhead = ({ pids }) => ({ memory: 128, pids: 128 + 32 * pids });
/** The engine and what watches the container: 12 threads and 9 MiB as measured with podman 4.3. */
const ENGINE: Overhead = () => ({ memory: 32, pids: 24 });
/** First process of a container of podman: reaps orphans, and is what the kernel sees started first. */
const ENTRY = '/run/podman-init';

/** podman with an OCI runtime behind the layout. */
export function podmanWall(name: string, engine: Engine, init: string, arch: Arch): Wall {
  const profile = Buffer.from(JSON.stringify(ociProfile(arch)));
  const gvisor = engine.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, bare: gvisor, overhead: gvisor ? GVISOR : ENGINE,
    entry: gvisor ? null : ENTRY,
    program: { first: GROUND, last: CONTAIN },
    fields: (spec, stage, command, once) => [...groundFields(engine.root, spec), engineConfig(init), ...podmanArgv(engine, spec, stage, gvisor ? firstProcess(command, arch, 'runsc') : command, gvisor && once !== undefined ? { ...once, variables: { ...once.variables, PERL_BADLANG: '0' } } : once)],
    feed: () => ({ args: '', seccomp: profile }),
    explain,
  };
}

/** What watches the container alone: the runtime's own process. */
const RUNTIME: Overhead = () => ({ memory: 24, pids: 16 });

/** An OCI runtime alone behind the layout. */
export function runtimeWall(name: string, direct: Direct, arch: Arch): Wall {
  const gvisor = direct.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, bare: gvisor, overhead: gvisor ? GVISOR : RUNTIME,
    entry: gvisor ? null : INIT_PROGRAM,
    program: { first: GROUND, last: RUN },
    fields: (spec, stage) => [...groundFields(direct.root, spec), ...runtimeArgv(direct, stage, spec.id)],
    feed: (spec, stage, command, once) => ({ args: '', seccomp: Buffer.from(JSON.stringify(bundleConfig(direct, spec, stage, command, arch, once))) }),
    explain,
  };
}

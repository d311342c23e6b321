import type { Arch } from '../seccomp.js';
import type { Wall } from '../stage/stage.js';
import { type Engine, engineConfig, groundFields, podmanArgv } from './command.js';
import { explain } from './explain.js';
import { filtered } from './filter.js';
import { ociProfile } from './profile.js';
import { bundleConfig, type Direct, INIT_PROGRAM, runtimeArgv } from './bundle.js';
import { CONTAIN, GROUND, RUN } from './program.js';

/** The engine and what watches the container: 12 threads and 9 MiB as measured with podman 4.3; gVisor's own processes and their threads on top. */
const OVERHEAD = { plain: { memory: 32, pids: 24 }, gvisor: { memory: 128, pids: 128 } } as const;
/** First process of every container: reaps orphans, and is what the kernel sees started first. */
const ENTRY = '/run/podman-init';

/** podman with an OCI runtime behind the layout. */
export function podmanWall(name: string, engine: Engine, init: string, arch: Arch): Wall {
  const profile = Buffer.from(JSON.stringify(ociProfile(arch)));
  const gvisor = engine.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, bare: gvisor, overhead: gvisor ? OVERHEAD.gvisor : OVERHEAD.plain,
    entry: gvisor ? null : ENTRY,
    program: { first: GROUND, last: CONTAIN },
    fields: (spec, stage, command, once) => [...groundFields(engine.root, spec), engineConfig(init), ...podmanArgv(engine, spec, stage, gvisor ? filtered(command, arch) : command, gvisor && once !== undefined ? { ...once, variables: { ...once.variables, PERL_BADLANG: '0' } } : once)],
    feed: () => ({ args: '', seccomp: profile }),
    explain,
  };
}

/** What watches the container alone: the runtime's own process. */
const OVERHEAD_DIRECT = { plain: { memory: 24, pids: 16 }, gvisor: OVERHEAD.gvisor } as const;

/** An OCI runtime alone behind the layout. */
export function runtimeWall(name: string, direct: Direct, arch: Arch): Wall {
  const gvisor = direct.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, bare: gvisor, overhead: gvisor ? OVERHEAD_DIRECT.gvisor : OVERHEAD_DIRECT.plain,
    entry: gvisor ? null : INIT_PROGRAM,
    program: { first: GROUND, last: RUN },
    fields: (spec, stage) => [...groundFields(direct.root, spec), ...runtimeArgv(direct, stage, spec.id)],
    feed: (spec, stage, command, once) => ({ args: '', seccomp: Buffer.from(JSON.stringify(bundleConfig(direct, spec, stage, gvisor ? filtered(command, arch) : command, arch, once))) }),
    explain,
  };
}

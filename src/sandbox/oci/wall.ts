import type { Arch } from '../seccomp.js';
import type { Wall } from '../stage/stage.js';
import { type Engine, groundFields, podmanArgv } from './command.js';
import { explain } from './explain.js';
import { filtered } from './filter.js';
import { ociProfile } from './profile.js';
import { CONTAIN, GROUND } from './program.js';

/** The engine and what watches the container: 12 threads and 9 MiB as measured with podman 4.3; gVisor's own processes and their threads on top. */
const OVERHEAD = { plain: { memory: 32, pids: 24 }, gvisor: { memory: 128, pids: 128 } } as const;
/** First process of every container: reaps orphans, and is what the kernel sees started first. */
const ENTRY = '/run/podman-init';

/** An engine with an OCI runtime behind the layout. */
export function ociWall(name: string, engine: Engine, init: string, arch: Arch): Wall {
  const profile = Buffer.from(JSON.stringify(ociProfile(arch)));
  const gvisor = engine.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, overhead: gvisor ? OVERHEAD.gvisor : OVERHEAD.plain,
    entry: gvisor ? null : ENTRY,
    program: { first: GROUND, last: CONTAIN },
    fields: (spec, stage, command, once) => [...groundFields(engine, spec, init), ...podmanArgv(engine, spec, stage, gvisor ? filtered(command, arch) : command, gvisor && once !== undefined ? { ...once, variables: { ...once.variables, PERL_BADLANG: '0' } } : once)],
    feed: () => ({ args: '', seccomp: profile }),
    explain,
  };
}

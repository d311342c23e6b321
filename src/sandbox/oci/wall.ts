import type { Arch } from '../seccomp.js';
import type { Wall } from '../stage/stage.js';
import { type Engine, groundFields, podmanArgv } from './command.js';
import { explain } from './explain.js';
import { ociProfile } from './profile.js';
import { CONTAIN, GROUND } from './program.js';

/** The engine and what watches the container: 17 threads and 40 MiB as measured with podman 4.3. */
const OVERHEAD = { memory: 64, pids: 32 };
/** First process of every container: reaps orphans, and is what the kernel sees started first. */
const ENTRY = '/run/podman-init';

/** An engine with an OCI runtime behind the layout. */
export function ociWall(name: string, engine: Engine, init: string, arch: Arch): Wall {
  const profile = Buffer.from(JSON.stringify(ociProfile(arch)));
  const gvisor = engine.runtime.name === 'runsc';
  return {
    name, stdio: true, depth: 3, overhead: OVERHEAD,
    entry: gvisor ? null : ENTRY,
    program: { first: GROUND, last: CONTAIN },
    fields: (spec, stage, command, once) => [...groundFields(engine, spec, init), ...podmanArgv(engine, spec, stage, command, once)],
    feed: () => ({ args: '', seccomp: profile }),
    explain,
  };
}

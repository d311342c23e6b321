import { createBwrapDriver } from '../../../src/sandbox/bwrap/driver.js';
import { createOciDriver } from '../../../src/sandbox/oci/driver.js';
import type { StageOptions } from '../../../src/sandbox/stage/driver.js';
import type { Privilege } from '../../../src/sandbox/stage/stage.js';
import type { Owner } from '../../../src/sandbox/layer.js';
import type { Sandbox, SandboxDriver, SandboxSpec } from '../../../src/sandbox/sandbox.js';
import { runtimeFiles } from '../../../src/main/installation.js';
import { testPrivilege } from '../../support/sandbox.js';
import { openWeak, type Weakening } from './weaken.js';

/** A driver under test. Controls that take a defence away use bubblewrap's pieces, whatever the driver is. */
export interface Target {
  readonly name: string;
  readonly driver: SandboxDriver;
  readonly privilege: Privilege;
  readonly owner: Owner;
  weak(spec: SandboxSpec, weakening: Weakening): Promise<Sandbox>;
}

/** The drivers that the suite knows, by the name that scripts/escape.mjs gives. One line each. */
const DRIVERS: Readonly<Record<string, (folder: string, privilege: Privilege) => SandboxDriver>> = {
  'bwrap-root': bwrap,
  'bwrap-user': bwrap,
  'podman-runc': (folder, privilege) => createOciDriver({ ...options(folder, privilege), engine: 'podman', ociRuntime: 'runc' }),
  'docker-runc': (folder, privilege) => createOciDriver({ ...options(folder, privilege), engine: 'docker', ociRuntime: 'runc' }),
  'docker-runsc': (folder, privilege) => createOciDriver({ ...options(folder, privilege), engine: 'docker', ociRuntime: 'runsc' }),
  'podman-runsc': (folder, privilege) => createOciDriver({ ...options(folder, privilege), engine: 'podman', ociRuntime: 'runsc' }),
};

export function targetOf(name: string, folder: string): Target {
  const make = DRIVERS[name];
  if (make === undefined) throw new Error(`no driver ${name}`);
  const privilege = testPrivilege();
  return {
    name, driver: make(folder, privilege), privilege, owner: privilege.kind === 'root' ? privilege : null,
    weak: (spec, weakening) => openWeak(folder, privilege, spec, weakening),
  };
}

function options(folder: string, privilege: Privilege): StageOptions {
  return { folder, privilege, toolchains: [], arch: process.arch === 'arm64' ? 'arm64' : 'x64', runtime: runtimeFiles() };
}

function bwrap(folder: string, privilege: Privilege): SandboxDriver {
  return createBwrapDriver(options(folder, privilege));
}

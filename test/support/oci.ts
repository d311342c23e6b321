import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createOciDriver, type OciOptions } from '../../src/sandbox/oci/driver.js';
import type { Runtime } from '../../src/sandbox/oci/command.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { driverOptions, watched } from './sandbox.js';

const PROGRAMS = { podman: '/usr/bin/podman', catatonit: '/usr/bin/catatonit', runc: '/usr/sbin/runc', runsc: '/usr/bin/runsc' } as const;

/** Installs what is missing of these, as the set-up script does with its own. Returns why it cannot, or null. */
export function ociMissing(...names: (keyof typeof PROGRAMS)[]): string | null {
  if (process.getuid?.() !== 0) return 'containers are made by root only';
  const missing = names.filter((name) => !existsSync(PROGRAMS[name]));
  if (missing.length === 0) return null;
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', ...missing], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'pipe', timeout: 300_000 });
    return null;
  } catch {
    return `not here, and could not be installed: ${missing.join(', ')}`;
  }
}

export function ociDriver(folder: string, ociRuntime: Runtime, root?: OciOptions['root'], engine: OciOptions['engine'] = 'podman'): SandboxDriver {
  return watched(createOciDriver({ ...driverOptions(folder), engine, ociRuntime, ...(root === undefined ? {} : { root }) }));
}

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Why a program is not below /usr, after its package was tried where this process may; null where it is there. */
export function missingTool(program: string, packageName: string): string | null {
  const there = (): boolean => existsSync(join('/usr/bin', program));
  if (there()) return null;
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', packageName], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'pipe', timeout: 300_000 });
  } catch {
    // What follows says it.
  }
  return there() ? null : `/usr/bin/${program} is missing, and the package ${packageName} cannot be installed here`;
}

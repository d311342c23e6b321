import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why there can be no busybox here, or null. Installs it, as the set-up script does with its own programs. */
export function busyboxMissing(): string | null {
  if (existsSync('/bin/busybox')) return null;
  try {
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'busybox-static'], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: 'pipe', timeout: 300_000 });
    return null;
  } catch {
    return 'busybox is not here and could not be installed';
  }
}

/** A root file system of one static program: no C library, no Node, no Perl, no bash. */
export function busyboxRoot(at: string): string {
  for (const folder of ['bin', 'etc', 'usr/bin']) mkdirSync(join(at, folder), { recursive: true });
  execFileSync('/bin/sh', ['-c', 'cp /bin/busybox "$1/bin/" && for p in $(/bin/busybox --list); do [ "$p" = busybox ] || ln -sf busybox "$1/bin/$p"; done', 'sh', at]);
  writeFileSync(join(at, 'etc/motd'), 'own\n');
  return at;
}

import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { SallyportError } from '../protocol/errors.js';
import type { StorePaths } from './paths.js';

const O_CLOEXEC = 0o2000000;

/**
 * Arguments that start a candidate. `flock` takes the lock or ends at once; with `--no-fork` it *becomes* the candidate, so the lock lives
 * exactly as long as that process: kill -9 at any point frees it, and no second process can hold it in its stead.
 */
export function candidateArgv(paths: StorePaths, argv: readonly string[]): readonly string[] {
  return ['flock', '--nonblock', '--no-fork', paths.lock, ...argv];
}

/**
 * Makes sure that this process holds the lock, and that no child will: the descriptor must be close-on-exec (Node makes every inherited
 * descriptor so), or PostgreSQL would keep the lock of a dead owner. Throws `internal.bug` otherwise; nothing was touched then.
 */
export function requireLockHeld(paths: StorePaths): void {
  const lock = realpathSync(paths.lock);
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== lock) continue;
    } catch {
      continue; // the descriptor of the listing itself is gone already
    }
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s*([0-7]+)$/m.exec(info)?.[1] ?? '0', 8);
    if (/^lock:.*FLOCK\s+ADVISORY\s+WRITE/m.test(info) && (flags & O_CLOEXEC) !== 0) return;
  }
  throw new SallyportError('internal.bug', `Cannot own "${paths.home}": this process does not hold the lock on "${paths.lock}"`, {
    hint: 'The owner is started by the first command that needs it, never by hand.',
  });
}

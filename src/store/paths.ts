import { join } from 'node:path';
import { SallyportError } from '../protocol/errors.js';

/** Where everything of the store stands below the state directory. */
export interface StorePaths {
  readonly home: string;
  readonly run: string;
  readonly lock: string;
  readonly ownerSocket: string;
  readonly socketFolder: string;
  readonly ownerLog: string;
  readonly postgresLog: string;
  readonly db: string;
  readonly data: string;
  readonly conf: string;
}

/** `sun_path` has 108 bytes with its final zero (unix(7)). */
const MAX_SOCKET_BYTES = 107;
const PORT_SUFFIX = '.s.PGSQL.5432';

/** Throws `store.unavailable` when a socket below `home` would have a path that the kernel does not take. */
export function storePaths(home: string): StorePaths {
  const run = join(home, 'run');
  const socketFolder = join(run, 'pg');
  const longest = Buffer.byteLength(join(socketFolder, PORT_SUFFIX));
  if (longest > MAX_SOCKET_BYTES) {
    throw new SallyportError('store.unavailable', `Cannot place a unix socket below "${home}": its path would have ${longest} bytes, the kernel takes ${MAX_SOCKET_BYTES}`, {
      hint: 'Point SALLYPORT_HOME at a folder with a shorter path.',
    });
  }
  const db = join(home, 'db');
  const log = join(home, 'log');
  return {
    home, run, lock: join(run, 'owner.lock'), ownerSocket: join(run, 'owner.sock'), socketFolder,
    ownerLog: join(log, 'owner.log'), postgresLog: join(log, 'postgres.log'), db, data: join(db, 'data'), conf: join(db, 'conf'),
  };
}

/** Address of the embedded database. Only processes that can enter the socket folder reach it; there is no TCP. */
export function embeddedUrl(paths: StorePaths): string {
  return `postgresql://sallyport@localhost/sallyport?host=${encodeURIComponent(paths.socketFolder)}`;
}

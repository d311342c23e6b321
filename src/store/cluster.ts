import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SallyportError } from '../protocol/errors.js';
import { requireOwn } from './folders.js';
import type { StorePaths } from './paths.js';
import { BLIND_HINT, blindRoot, isAlive, processesIn, readPostmaster } from './postmaster.js';
import { CHILD_ENV, type DbUser, type Processes } from './processes.js';

export interface ClusterOptions {
  readonly paths: StorePaths;
  /** Folder with bin/, lib/ and share/ that the database account can read. */
  readonly native: string;
  /** Required when this process is root: PostgreSQL refuses to run as root. */
  readonly dbUser: DbUser | null;
  readonly processes: Processes;
}

const START_MS = 60_000;
const MAX_STARTS = 5;

/** Makes the data folder on first use. A kill at any point leaves either no data folder or a complete one. */
export async function ensureInitialised({ paths, native, dbUser, processes }: ClusterOptions): Promise<void> {
  await writeAccess(paths);
  if (existsSync(paths.data)) return requireOwn(paths.data, dbUser?.uid ?? process.getuid?.() ?? 0);
  for (const name of readdirSync(paths.db).filter((n) => n.startsWith('init-'))) await removeAborted(join(paths.db, name), dbUser, processes);
  const fresh = join(paths.db, `init-${randomBytes(6).toString('hex')}`);
  await mkdir(fresh, { mode: 0o700 });
  if (dbUser !== null) await chown(fresh, dbUser.uid, dbUser.gid);
  const result = await processes.run(
    [join(native, 'bin/initdb'), '-D', fresh, '-U', 'sallyport', '--auth-local=peer', '--auth-host=reject', '--encoding=UTF8', '--no-locale', '--no-instructions'],
    { env: CHILD_ENV, timeout: 120_000, ...dbUser },
  );
  if (result.exit !== 0) {
    await removeAborted(fresh, dbUser, processes);
    throw startError('initialise PostgreSQL', result.stderr.toString('utf8'));
  }
  await rename(fresh, paths.data);
}

/**
 * Makes sure that one postmaster serves the data folder and is ready; adopts one that lives already (its owner was killed), so that its
 * clients notice nothing. Returns its pid. PostgreSQL's own lock file is the last guard against two on one folder.
 */
export async function ensurePostmaster(options: ClusterOptions): Promise<number> {
  const { paths, dbUser } = options;
  const blind = dbUser === null ? null : blindRoot(readFileSync('/proc/self/status', 'utf8'));
  if (blind !== null) throw new SallyportError('store.unavailable', `Cannot start PostgreSQL: ${blind}`, { hint: BLIND_HINT });
  const deadline = performance.now() + START_MS;
  let own: number | null = null;
  let logFrom = sizeOf(paths.postgresLog);
  for (let starts = 0; performance.now() < deadline; await delay(own === null ? 50 : 5)) {
    const found = readPostmaster(paths.data);
    if (found.state === 'ready') {
      if (found.socketFolder === paths.socketFolder) return found.pid;
      await stopPostmaster(options); // the state directory was moved while it ran
    }
    if (found.state !== 'absent' || (own !== null && isAlive(own))) continue;
    if (starts === MAX_STARTS) break;
    if (own !== null) await delay(200 * starts); // backends of a killed postmaster need a moment to end
    await clearReusedPid(paths.data, found.stalePid);
    if (starts === 0) logFrom = sizeOf(paths.postgresLog);
    own = await startPostmaster(options);
    starts += 1;
  }
  throw startError('start PostgreSQL', readFileSync(paths.postgresLog).subarray(logFrom).toString('utf8'));
}

/** Stops the postmaster with a checkpoint; open transactions are rolled back. Returns when its last process has gone. */
export async function stopPostmaster({ paths, native, dbUser, processes }: ClusterOptions): Promise<void> {
  if (readPostmaster(paths.data).state !== 'absent') {
    const result = await processes.run([join(native, 'bin/pg_ctl'), 'stop', '-D', paths.data, '-m', 'fast', '-w', '-t', '50'], { env: CHILD_ENV, timeout: 60_000, ...dbUser });
    if (result.exit !== 0 && readPostmaster(paths.data).state !== 'absent') throw startError('stop PostgreSQL', result.stderr.toString('utf8'));
  }
  // The state directory was removed while it ran: nothing is left to save, and pg_ctl no longer finds what to stop.
  if (!existsSync(paths.data)) for (const pid of processesIn(paths.data)) quit(pid);
  for (let left = 500; left > 0 && processesIn(paths.data).length > 0; left--) await delay(10);
}

function startPostmaster({ paths, native, dbUser, processes }: ClusterOptions): Promise<number> {
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: '',
    unix_socket_directories: paths.socketFolder,
    unix_socket_permissions: '0700',
    hba_file: join(paths.conf, 'pg_hba.conf'),
    ident_file: join(paths.conf, 'pg_ident.conf'),
    max_connections: '300',
    // The server's log is outside redaction: no statement, no parameter and no row value may get there.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_statement: 'none',
  };
  const drop = dbUser === null ? [] : ['setpriv', `--reuid=${dbUser.uid}`, `--regid=${dbUser.gid}`, '--clear-groups', '--no-new-privs', '--'];
  const argv = [...drop, join(native, 'bin/postgres'), '-D', paths.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  return processes.startDetached(argv, paths.postgresLog, CHILD_ENV);
}

/**
 * Who may connect: the account that runs Sallyport, by the kernel's word (peer), as role `sallyport`; nobody else, whatever the folder's
 * mode becomes. The files stand outside the data folder, because the database account must not rewrite them, nor this process follow its links.
 */
async function writeAccess(paths: StorePaths): Promise<void> {
  const name = userInfo().username;
  const files = { 'pg_hba.conf': 'local all sallyport peer map=sallyport\n', 'pg_ident.conf': `sallyport "${name}" sallyport\n` };
  for (const [file, text] of Object.entries(files)) {
    const path = join(paths.conf, file);
    await writeFile(`${path}.new`, text, { mode: 0o644 });
    await chmod(`${path}.new`, 0o644); // the mask of the owner process is 077; nothing here is secret
    await rename(`${path}.new`, path);
  }
}

/**
 * PostgreSQL refuses to start when `postmaster.pid` names a live process of its account, even when that pid was reused by something
 * else. Only then, and only when nothing at all works in the data folder, the file is removed.
 */
async function clearReusedPid(data: string, stalePid: number | null): Promise<void> {
  if (stalePid === null || !isAlive(stalePid) || processesIn(data).length > 0) return;
  await unlink(join(data, 'postmaster.pid'));
}

/** Removes what a killed initdb left. As the database account where it is not ours: root follows no path in its folder. */
async function removeAborted(folder: string, dbUser: DbUser | null, processes: Processes): Promise<void> {
  if (dbUser === null) return rm(folder, { recursive: true, force: true });
  await processes.run(['find', folder, '-mindepth', '1', '-delete'], { env: CHILD_ENV, ...dbUser });
  await rmdir(folder).catch(() => undefined); // an orphaned initdb may still write there: the next owner removes it
}

function quit(pid: number): void {
  try {
    process.kill(pid, 'SIGQUIT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function startError(action: string, output: string): SallyportError {
  const full = /No space left on device/.test(output);
  return new SallyportError(full ? 'disk.full' : 'store.unavailable', `Cannot ${action}: ${output.trim().slice(-600) || 'it said nothing'}`, {
    hint: full ? 'Free some space, or point SALLYPORT_HOME at another device.' : 'log/postgres.log in the state directory has the rest.',
  });
}

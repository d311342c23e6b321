import { realpathSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { SallyportError, toSallyportError } from '../protocol/errors.js';
import { usableNative } from './binaries.js';
import { type ClusterOptions, ensureInitialised, ensurePostmaster, stopPostmaster } from './cluster.js';
import { requireLockHeld } from './election.js';
import { prepareForDbUser, prepareHome } from './folders.js';
import type { OwnerAnswer } from './owner-answer.js';
import { embeddedUrl, type StorePaths, storePaths } from './paths.js';
import { isAlive } from './postmaster.js';
import type { DbUser, Processes } from './processes.js';

export interface OwnerOptions {
  /** State directory, absolute. */
  readonly home: string;
  /** Folder with PostgreSQL's bin/, lib/ and share/. */
  readonly native: string;
  /** Account for PostgreSQL; null = this process's own, which must not be root. */
  readonly dbUser: DbUser | null;
  /** Milliseconds without a client until PostgreSQL is stopped. Default 1500. */
  readonly linger?: number;
  readonly processes: Processes;
}

const FIRST_CLIENT_MS = 5000;
const WATCH_MS = 500;
/** Time for clients to read why there is no database. */
const TELL_MS = 1000;

/**
 * Owns the database of one state directory until its last client has gone; resolves then. Must run as a candidate (election.ts), holding the
 * lock. Listens before it starts PostgreSQL, so that clients wait on a connection and hear the reason when the start fails.
 */
export async function runOwner(options: OwnerOptions): Promise<void> {
  process.umask(0o077);
  const paths = storePaths(realpathSync(options.home)); // processes are known by the folder they work in, and the kernel tells real paths
  requireLockHeld(paths);
  prepareHome(paths);
  const clients = new Clients(Math.max(FIRST_CLIENT_MS, options.linger ?? 0), options.linger ?? 1500);
  const server = await listen(paths, clients);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => clients.leave());
  let cluster: ClusterOptions | null = null;
  let failed = false;
  try {
    cluster = await layOut(options, paths);
    await bringUp(cluster);
    clients.answer({ v: 1, ok: true, url: embeddedUrl(paths), owner: process.pid });
    await watch(cluster, clients);
  } catch (error) {
    const { code, message, hint } = toSallyportError(error, 'store.unavailable');
    console.error(`${code}: ${message}`);
    clients.answer({ v: 1, ok: false, code, message, hint: hint ?? null });
    await Promise.race([clients.toldFailure, clients.gone]); // the one who started us may not have connected yet
    failed = true;
  }
  // The path goes first: whoever comes from now on finds no socket and stands as a candidate until the lock is free.
  const closed = new Promise((resolve) => server.close(resolve));
  // No lingering with a failure: who comes later must not hear a reason that holds no more, such as a disk that was full.
  if (failed) await Promise.race([closed, delay(TELL_MS)]);
  clients.end();
  if (cluster !== null) await stopPostmaster(cluster);
  await closed;
}

async function layOut(options: OwnerOptions, paths: StorePaths): Promise<ClusterOptions> {
  const { dbUser, processes } = options;
  if (process.getuid?.() === 0 && dbUser === null) {
    throw new SallyportError('store.unavailable', 'Cannot run PostgreSQL as root: an account for it is needed', { hint: 'Make a system account named sallyport-db, or set DATABASE_URL.' });
  }
  await prepareForDbUser(paths, dbUser, processes);
  return { paths, native: await usableNative(options.native, paths, dbUser, processes), dbUser, processes };
}

/** When this throws, PostgreSQL may run already: whoever laid it out stops it. */
async function bringUp(cluster: ClusterOptions): Promise<void> {
  await ensureInitialised(cluster);
  await ensurePostmaster(cluster);
  await ensureDatabase(cluster.paths);
}

/** Restarts a postmaster that died while clients need it. Ends when the last client has gone. */
async function watch(cluster: ClusterOptions, clients: Clients): Promise<void> {
  let pid = await ensurePostmaster(cluster);
  while (!(await clients.goneWithin(WATCH_MS))) {
    if (!isAlive(pid)) pid = await ensurePostmaster(cluster);
  }
}

/** Also the proof that the server answers. */
async function ensureDatabase(paths: StorePaths): Promise<void> {
  const client = new Client({ host: paths.socketFolder, user: 'sallyport', database: 'postgres' });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = 'sallyport'");
    if (rowCount === 0) await client.query('create database sallyport');
  } finally {
    await client.end();
  }
}

async function listen(paths: StorePaths, clients: Clients): Promise<Server> {
  rmSync(paths.ownerSocket, { force: true }); // we hold the lock: whoever listened there is dead
  const server = createServer((socket) => clients.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(paths.ownerSocket, resolve);
  });
  return server;
}

/** The open sockets. `gone` resolves when nobody has been there for the linger time. */
class Clients {
  readonly gone: Promise<void>;
  /** Resolves when somebody was told that there is no database. */
  readonly toldFailure: Promise<void>;
  readonly #sockets = new Set<Socket>();
  readonly #linger: number;
  #answer: OwnerAnswer | null = null;
  #timer: NodeJS.Timeout | undefined;
  #leave: () => void = () => undefined;
  #told: () => void = () => undefined;

  constructor(first: number, linger: number) {
    this.#linger = linger;
    this.gone = new Promise((resolve) => {
      this.#leave = resolve;
    });
    this.toldFailure = new Promise((resolve) => {
      this.#told = resolve;
    });
    this.#arm(first);
  }

  add(socket: Socket): void {
    clearTimeout(this.#timer);
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // a killed client; `close` follows
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#arm(this.#linger);
    });
    socket.resume();
    this.#tell(socket);
  }

  answer(answer: OwnerAnswer): void {
    this.#answer = answer;
    for (const socket of this.#sockets) this.#tell(socket);
  }

  leave(): void {
    this.#leave();
  }

  end(): void {
    clearTimeout(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
  }

  goneWithin(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, ms, false);
    });
    return Promise.race([this.gone.then(() => true), time]).finally(() => clearTimeout(timer));
  }

  #tell(socket: Socket): void {
    if (this.#answer === null) return;
    const line = `${JSON.stringify(this.#answer)}\n`;
    if (this.#answer.ok) socket.write(line);
    else socket.end(line, () => this.#told());
  }

  #arm(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#leave(), ms);
  }
}

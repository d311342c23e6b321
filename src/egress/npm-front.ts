import { createHash } from 'node:crypto';
import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Journal } from '../protocol/event.js';
import { type LockedPackage, PACKAGE_NAME } from './lockfile.js';
import { readPackument } from './packument.js';
import type { FrontRequest, FrontRules, Verdict } from './rules.js';
import { getBounded, MAX_METADATA, MAX_TARBALL, Refusal, type Registry, registryUrl } from './upstream.js';

export type { Registry } from './upstream.js';

export interface FrontOptions {
  readonly registry: Registry;
  /** What may be fetched. */
  readonly rules: FrontRules;
  /** Base URL under which the client inside sees this front. */
  readonly insideUrl: string;
  readonly socket: string;
  /** Who may connect: the uid inside. */
  readonly owner: { readonly uid: number; readonly gid: number } | null;
  readonly sandbox: string;
  readonly journal: Journal;
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds for one answer of the registry. Default 60,000. */
  readonly timeout?: number;
}

export interface Front extends AsyncDisposable {
  /** Tarballs that were handed out so far. */
  readonly fetched: readonly (LockedPackage & { readonly bytes: number })[];
}

/**
 * The npm registry as a sandbox in the fetch phase sees it: GET of package metadata and tarballs, nothing else. It speaks the
 * registry's own protocol, so that the rule "only what the lockfile names" can look at name, version and integrity.
 * Every request is an event with its verdict and rule, recorded before the answer.
 */
export async function startNpmFront(options: FrontOptions): Promise<Front> {
  const fetched: (LockedPackage & { bytes: number })[] = [];
  const front = new NpmFront(options, fetched);
  for (const name of options.rules.first) await front.learn(name);
  const live = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answer: Promise<void> = front.handle(request, response)
      .catch(() => void (response.headersSent ? response.destroy() : response.writeHead(502).end()))
      .finally(() => live.delete(answer));
    live.add(answer);
  });
  await rm(options.socket, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, resolve);
  });
  if (options.owner !== null) await chown(options.socket, options.owner.uid, options.owner.gid);
  await chmod(options.socket, 0o600);
  return {
    fetched,
    async [Symbol.asyncDispose]() {
      front.stop();
      server.closeAllConnections();
      await Promise.allSettled(live); // their events are on the log before the front is gone
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      await rm(options.socket, { force: true });
    },
  };
}

class NpmFront {
  readonly #options: FrontOptions;
  readonly #fetched: (LockedPackage & { bytes: number })[];
  /** Integrity that the registry itself names, per name@version; used where no lockfile decides. */
  readonly #announced = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor(options: FrontOptions, fetched: (LockedPackage & { bytes: number })[]) {
    this.#options = options;
    this.#fetched = fetched;
  }

  /** Ends what is still on its way from the registry. */
  stop(): void {
    this.#stop.abort();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    const parsed = method === 'GET' ? parseTarget(target) : null;
    const verdict = parsed === null ? { allow: false, rule: method === 'GET' ? 'not-a-package' : 'read-only' } : this.#options.rules.judge(parsed);
    if (parsed === null || !verdict.allow) {
      await this.#event(method, target, verdict, 403, 0);
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `refused by Sallyport: ${verdict.rule}` }));
      return;
    }
    try {
      const body = parsed.kind === 'metadata' ? await this.#metadata(parsed.name) : await this.#tarball(parsed.name, parsed.version);
      await this.#event(method, target, verdict, 200, body.length);
      response.writeHead(200, { 'content-type': parsed.kind === 'metadata' ? 'application/json' : 'application/octet-stream', 'content-length': body.length }).end(body);
    } catch (error) {
      const { rule, status } = error instanceof Refusal ? error : { rule: 'upstream-failed', status: 502 };
      await this.#event(method, target, { allow: !(error instanceof Refusal) || error.rule === 'upstream-failed', rule }, status, 0);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `Sallyport could not fetch this: ${rule}${error instanceof Refusal ? ` (${error.message})` : ''}` }));
    }
  }

  /** Shows the rules what they must know before the first request. On the log like a request of the client. */
  async learn(name: string): Promise<void> {
    const target = `/${name.replace('/', '%2f')}`;
    const verdict = this.#options.rules.judge({ kind: 'metadata', name });
    try {
      const body = await this.#metadata(name);
      await this.#event('GET', target, verdict, 200, body.length);
    } catch (error) {
      const { rule, status } = error instanceof Refusal ? error : { rule: 'upstream-failed', status: 502 };
      await this.#event('GET', target, { allow: rule === 'upstream-failed', rule }, status, 0);
      throw error;
    }
  }

  /** Metadata reduced to what the rules let through, with addresses that lead back here. */
  async #metadata(name: string): Promise<Buffer> {
    const { rules, insideUrl } = this.#options;
    const value = readPackument(await this.#get(name, MAX_METADATA));
    const visible = new Set(rules.visible(name, value));
    const versions: Record<string, unknown> = {};
    for (const [version, manifest] of Object.entries(value.versions)) {
      if (!visible.has(version)) continue;
      if (manifest.dist.integrity !== undefined) this.#announced.set(`${name}@${version}`, manifest.dist.integrity);
      versions[version] = { ...manifest, dist: { ...manifest.dist, tarball: `${insideUrl}/${name}/-/${name.split('/').at(-1)}-${version}.tgz` } };
    }
    const tags = Object.fromEntries(Object.entries(value['dist-tags']).filter(([, v]) => Object.hasOwn(versions, v)));
    return Buffer.from(JSON.stringify({ name, 'dist-tags': tags, versions }));
  }

  /** The whole tarball, checked before the first byte is handed on. */
  async #tarball(name: string, version: string): Promise<Buffer> {
    const integrity = this.#options.rules.integrity(name, version) ?? this.#announced.get(`${name}@${version}`);
    if (integrity === undefined) throw new Refusal('integrity', `No integrity is known for ${name}@${version}`);
    const body = await this.#get(`${name}/-/${name.split('/').at(-1)}-${version}.tgz`, MAX_TARBALL);
    if (!integrityHolds(body, integrity)) throw new Refusal('integrity', `${name}@${version} does not have the integrity ${integrity}`);
    this.#fetched.push({ name, version, integrity, bytes: body.length });
    return body;
  }

  #get(path: string, limit: number): Promise<Buffer> {
    return getBounded(this.#options, registryUrl(this.#options.registry, path), limit, this.#options.rules.metadata, this.#stop.signal);
  }

  #event(method: string, target: string, verdict: Verdict, status: number, bytes: number): Promise<void> {
    return this.#options.journal.record('egress.requested', { sandbox: this.#options.sandbox, method: method.slice(0, 20), target: target.slice(0, 1000), verdict: verdict.allow ? 'allow' : 'deny', rule: verdict.rule, status, bytes });
  }
}

/** `/name`, `/@scope%2fname`, `/name/-/name-1.2.3.tgz`; everything else is null. */
export function parseTarget(target: string): FrontRequest | null {
  if (target.includes('?') || target.includes('#') || target.includes('\\')) return null;
  let path: string;
  try {
    path = decodeURIComponent(target.slice(1));
  } catch {
    return null;
  }
  const tarball = /^((?:@[^/]+\/)?[^/@]+)\/-\/([^/]+)\.tgz$/.exec(path);
  const name = tarball?.[1] ?? path;
  if (!PACKAGE_NAME.test(name) || path.includes('..')) return null;
  if (tarball === null) return { kind: 'metadata', name };
  const prefix = `${name.split('/').at(-1)}-`;
  const file = tarball[2] as string;
  return file.startsWith(prefix) ? { kind: 'tarball', name, version: file.slice(prefix.length) } : null;
}

/** True when the strongest digest of a Subresource Integrity string (https://www.w3.org/TR/SRI/) is that of the body. */
export function integrityHolds(body: Buffer, integrity: string): boolean {
  const found = integrity.trim().split(/\s+/).map((part) => /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/]+={0,2})/.exec(part)).filter((m) => m !== null);
  const strongest = found.sort((a, b) => (b[1] as string).localeCompare(a[1] as string))[0];
  if (strongest === undefined) return false;
  return found.filter((m) => m[1] === strongest[1]).some((m) => createHash(m[1] as string).update(body).digest('base64') === m[2]);
}

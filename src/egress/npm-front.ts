import { createHash } from 'node:crypto';
import { chmod, chown, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Journal } from '../protocol/event.js';
import { type LockedPackage, PACKAGE_NAME } from './lockfile.js';

/** Where packages really come from. The credential is added here, outside every sandbox. */
export interface Registry {
  /** From the npm client's own configuration. */
  readonly url: string;
  /** Value of the Authorization header, or null. */
  readonly authorization: string | null;
}

export interface FrontOptions {
  readonly registry: Registry;
  /** What may be fetched; null = whatever the client resolves (an environment must allow that by name). */
  readonly locked: readonly LockedPackage[] | null;
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

const UPSTREAM_MS = 60_000;
const MAX_METADATA = 64 * 1024 * 1024;
const MAX_TARBALL = 256 * 1024 * 1024;

/** Why an answer of the registry is not handed on; `rule` stands on the log. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly rule: 'integrity' | 'redirect' | 'too-large' | 'upstream-failed';
  readonly status: 404 | 502;

  constructor(rule: Refusal['rule'], message: string, status: 404 | 502 = 502) {
    super(message);
    this.rule = rule;
    this.status = status;
  }
}

type Request = { readonly kind: 'metadata'; readonly name: string } | { readonly kind: 'tarball'; readonly name: string; readonly version: string };
interface Verdict { readonly allow: boolean; readonly rule: string }

const Packument = z.object({
  name: z.string(),
  'dist-tags': z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), z.looseObject({ dist: z.looseObject({ tarball: z.string(), integrity: z.string().optional(), shasum: z.string().optional() }) })),
});

/**
 * The npm registry as a sandbox in the fetch phase sees it: GET of package metadata and tarballs, nothing else. It speaks the
 * registry's own protocol, so that the rule "only what the lockfile names" can look at name, version and integrity.
 * Every request is an event with its verdict and rule, recorded before the answer.
 */
export async function startNpmFront(options: FrontOptions): Promise<Front> {
  const fetched: (LockedPackage & { bytes: number })[] = [];
  const front = new NpmFront(options, fetched);
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
  readonly #fetch: typeof globalThis.fetch;
  /** Integrity that the registry itself names, per name@version; used where no lockfile decides. */
  readonly #announced = new Map<string, string>();
  readonly #stop = new AbortController();

  constructor(options: FrontOptions, fetched: (LockedPackage & { bytes: number })[]) {
    this.#options = options;
    this.#fetched = fetched;
    this.#fetch = options.fetch ?? globalThis.fetch;
  }

  /** Ends what is still on its way from the registry. */
  stop(): void {
    this.#stop.abort();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const target = request.url ?? '';
    const parsed = method === 'GET' ? parseTarget(target) : null;
    const verdict = parsed === null ? { allow: false, rule: method === 'GET' ? 'not-a-package' : 'read-only' } : this.#judge(parsed);
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
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error: `Sallyport could not fetch this: ${rule}` }));
    }
  }

  #judge(request: Request): Verdict {
    const { locked } = this.#options;
    if (locked === null) return { allow: true, rule: 'resolution-allowed' };
    const named = locked.some((p) => p.name === request.name && (request.kind === 'metadata' || p.version === request.version));
    return named ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-in-lockfile' };
  }

  /** Metadata reduced to what the lockfile names, with addresses that lead back here. */
  async #metadata(name: string): Promise<Buffer> {
    const value = Packument.parse(JSON.parse((await this.#get(this.#url(name), MAX_METADATA)).toString('utf8')));
    const wanted = this.#options.locked?.filter((p) => p.name === name).map((p) => p.version) ?? null;
    const versions: Record<string, unknown> = {};
    for (const [version, manifest] of Object.entries(value.versions)) {
      if (wanted !== null && !wanted.includes(version)) continue;
      if (manifest.dist.integrity !== undefined) this.#announced.set(`${name}@${version}`, manifest.dist.integrity);
      versions[version] = { ...manifest, dist: { ...manifest.dist, tarball: `${this.#options.insideUrl}/${name}/-/${name.split('/').at(-1)}-${version}.tgz` } };
    }
    const tags = Object.fromEntries(Object.entries(value['dist-tags']).filter(([, v]) => Object.hasOwn(versions, v)));
    return Buffer.from(JSON.stringify({ name, 'dist-tags': tags, versions }));
  }

  /** The whole tarball, checked before the first byte is handed on. */
  async #tarball(name: string, version: string): Promise<Buffer> {
    const integrity = this.#options.locked?.find((p) => p.name === name && p.version === version)?.integrity ?? this.#announced.get(`${name}@${version}`);
    if (integrity === undefined) throw new Refusal('integrity', `No integrity is known for ${name}@${version}`);
    const body = await this.#get(this.#url(`${name}/-/${name.split('/').at(-1)}-${version}.tgz`), MAX_TARBALL);
    if (!integrityHolds(body, integrity)) throw new Refusal('integrity', `${name}@${version} does not have the integrity ${integrity}`);
    this.#fetched.push({ name, version, integrity, bytes: body.length });
    return body;
  }

  #url(path: string): string {
    return `${this.#options.registry.url.replace(/\/+$/, '')}/${path.replace(/^(@[^/]+)\/([^/]+)$/, '$1%2f$2')}`;
  }

  /** Follows no redirect to another host: the credential would go with it, and the rule was about this host. */
  async #get(url: string, limit: number): Promise<Buffer> {
    const { authorization } = this.#options.registry;
    let at = url;
    for (let hops = 0; hops < 4; hops++) {
      const response = await this.#fetch(at, {
        redirect: 'manual', signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.timeout ?? UPSTREAM_MS)]),
        headers: { accept: 'application/vnd.npm.install-v1+json, application/json, */*', ...(authorization === null ? {} : { authorization }) },
      });
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location !== null) {
        await response.body?.cancel();
        const next = new URL(location, at);
        if (next.host !== new URL(url).host || next.protocol !== new URL(url).protocol) throw new Refusal('redirect', 'The registry redirects to another host');
        at = next.href;
        continue;
      }
      if (!response.ok) {
        await response.body?.cancel();
        // 404 is passed on as it is: a client asks again after any 5xx, and waits before it does.
        throw new Refusal('upstream-failed', `The registry answered ${response.status}`, response.status === 404 ? 404 : 502);
      }
      return await bounded(response, limit);
    }
    throw new Refusal('redirect', 'The registry redirects without end');
  }

  #event(method: string, target: string, verdict: Verdict, status: number, bytes: number): Promise<void> {
    return this.#options.journal.record('egress.requested', { sandbox: this.#options.sandbox, method: method.slice(0, 20), target: target.slice(0, 1000), verdict: verdict.allow ? 'allow' : 'deny', rule: verdict.rule, status, bytes });
  }
}

async function bounded(response: Response, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > limit) throw new Refusal('too-large', `The registry sent more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `/name`, `/@scope%2fname`, `/name/-/name-1.2.3.tgz`; everything else is null. */
export function parseTarget(target: string): Request | null {
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
  const found = integrity.trim().split(/\s+/).map((part) => /^(sha512|sha384|sha256)-([A-Za-z0-9+/]+={0,2})/.exec(part)).filter((m) => m !== null);
  const strongest = found.sort((a, b) => (b[1] as string).localeCompare(a[1] as string))[0];
  if (strongest === undefined) return false;
  return found.filter((m) => m[1] === strongest[1]).some((m) => createHash(m[1] as string).update(body).digest('base64') === m[2]);
}

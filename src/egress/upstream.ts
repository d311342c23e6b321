import { setTimeout as sleep } from 'node:timers/promises';
import type { PackageVersion, Refused } from './package-rules.js';

/** Where packages really come from. The credential is added here, outside every sandbox. */
export interface Registry {
  /** From the client's own configuration, without a credential. */
  readonly url: string;
  /** Value of the Authorization header, or null. */
  readonly authorization: string | null;
  /** Patterns of names that the client's configuration never asks it for. */
  readonly withheld?: readonly string[];
}

/** Why an answer of the registry is not handed on; `rule` stands on the log. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly rule: Refused['rule'] | 'credential' | 'integrity' | 'private-address' | 'redirect' | 'refused' | 'too-large' | 'upstream-failed';
  readonly status: 403 | 404 | 502;
  /** True when the same request may be answered a moment later. */
  readonly passing: boolean;

  constructor(rule: Refusal['rule'], message: string, status: Refusal['status'] = 502, passing = false) {
    super(message);
    this.rule = rule;
    this.status = status;
    this.passing = passing;
  }
}

/** A version that the rules for packages keep out. */
export class PackageRefusal extends Refusal {
  readonly of: PackageVersion;

  constructor({ rule, why }: Refused, of: PackageVersion) {
    super(rule, why, 403); // a client asks again after any 5xx
    this.of = of;
  }
}

export interface Upstream {
  readonly registry: Registry;
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds for one answer of the registry. Default 60,000. */
  readonly timeout?: number;
  /** Milliseconds before it is asked again, one for each repetition. Default 500 and 2,000. */
  readonly pauses?: readonly number[];
}

const UPSTREAM_MS = 60_000;
const PAUSES_MS = [500, 2000];
const HOPS = 4;
export const MAX_METADATA = 64 * 1024 * 1024;
export const MAX_TARBALL = 256 * 1024 * 1024;

/** Address of a package's metadata, or of a tarball when `path` names one. */
export function registryUrl(registry: Registry, path: string): string {
  return `${registry.url.replace(/\/+$/, '')}/${path.replace(/^(@[^/]+)\/([^/]+)$/, '$1%2f$2')}`;
}

/**
 * GET from the registry with its credential, bounded in bytes and time. Follows no redirect to another host: the credential would go with
 * it, and the rule was about this host. What may pass (a broken connection, no answer in time, 429, 5xx) is tried again. Throws a `Refusal`.
 */
export async function getBounded(upstream: Upstream, url: string, limit: number, accept: string, signal: AbortSignal): Promise<Buffer> {
  const pauses = upstream.pauses ?? PAUSES_MS;
  for (let attempt = 0; ; attempt++) {
    try {
      return await getOnce(upstream, url, limit, accept, signal);
    } catch (error) {
      signal.throwIfAborted();
      const refusal = error instanceof Refusal ? error : unreachable(error);
      const pause = pauses[attempt];
      if (pause === undefined || !refusal.passing) throw refusal;
      await sleep(pause, undefined, { signal });
    }
  }
}

/** A certificate that is not trusted, or a name that nobody knows, stays so: asked again it would only take longer to say. */
const LASTING = /CERT|SIGNED|VERIFY|ERR_TLS|ERR_SSL|ENOTFOUND/;

/** The error of a connection, with its code: what a person needs to tell a proxy's certificate from a cable. */
function unreachable(error: unknown): Refusal {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = String((inner as { code?: unknown }).code ?? (inner instanceof Error ? inner.name : 'no reason given')).replace(/[^\w-]/g, '').slice(0, 60);
  return new Refusal('upstream-failed', `The registry cannot be reached (${code})`, 502, !LASTING.test(code));
}

async function getOnce(upstream: Upstream, url: string, limit: number, accept: string, signal: AbortSignal): Promise<Buffer> {
  const { authorization } = upstream.registry;
  const send = upstream.fetch ?? globalThis.fetch;
  let at = url;
  for (let hops = 0; hops < HOPS; hops++) {
    const response = await send(at, {
      redirect: 'manual', signal: AbortSignal.any([signal, AbortSignal.timeout(upstream.timeout ?? UPSTREAM_MS)]),
      headers: { accept, ...(authorization === null ? {} : { authorization }) },
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
      throw new Refusal('upstream-failed', `The registry answered ${response.status}`, response.status === 404 ? 404 : 502, response.status === 429 || response.status >= 500);
    }
    const body = await bounded(response, limit);
    if (holdsCredential(body, authorization)) throw new Refusal('credential', 'The registry sent the credential back');
    return body;
  }
  throw new Refusal('redirect', 'The registry redirects without end');
}

/** Shorter ones would be found in answers that do not mean them. */
const SHORTEST_SECRET = 8;

/** True where an answer has the credential in it as it was sent, or the password of one that is only encoded: it would be in the sandbox then. */
function holdsCredential(body: Buffer, authorization: string | null): boolean {
  const secret = /^\S+\s+(.*)$/s.exec(authorization ?? '')?.[1] ?? authorization ?? '';
  const decoded = Buffer.from(secret, 'base64').toString('utf8');
  const password = /^basic\s/i.test(authorization ?? '') ? decoded.slice(decoded.indexOf(':') + 1) : '';
  return [secret, password].some((word) => word.length >= SHORTEST_SECRET && body.includes(word));
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

/** What a registry sent as JSON; null where it is none, which no schema takes. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

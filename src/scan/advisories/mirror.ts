import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';
import { type AdvisorySet, fromFiles } from './source.js';

export interface MirrorOptions {
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Where copies are kept; made when it is missing. */
  readonly cacheFolder: string;
  /** Milliseconds for the whole answer. Default 120,000. */
  readonly timeout?: number;
  /** Milliseconds for which a copy is used without asking. Default 6 hours. */
  readonly maxAge?: number;
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
}

const TIMEOUT_MS = 120_000;
const MAX_AGE_MS = 6 * 3_600_000;
const MAX_BYTES = 512 * 1024 * 1024;
const HOPS = 4;

const Meta = z.object({ v: z.literal(1), etag: z.string().max(1000).nullable(), fetchedAt: z.iso.datetime(), sha256: z.string() });
type Meta = z.infer<typeof Meta>;
interface Copy {
  readonly meta: Meta;
  readonly body: Buffer;
}
type Fresh = { readonly changed: false } | { readonly changed: true; readonly etag: string | null; readonly body: Buffer };

/**
 * Advisories from an OSV mirror: the address of an `all.zip`, `.json` or `.jsonl` file itself, http or https, without credentials in it. A copy is
 * kept with its ETag. When the mirror cannot be reached, or sends nothing that is a record, the copy is used and `stale` says why; without
 * a copy this throws `advisories.unavailable`: no answer is never taken for "no advisories".
 */
export async function fromUrl(address: string, options: MirrorOptions): Promise<AdvisorySet> {
  const url = checked(address);
  const now = (options.now ?? (() => new Date()))();
  const shown = `${url.origin}${url.pathname}`; // a query may hold a token
  const path = /\.(json|jsonl|zip)$/.exec(url.pathname)?.[0] ?? '.json';
  const copy = await readCopy(options.cacheFolder, url.href);
  if (copy !== null && now.getTime() - Date.parse(copy.meta.fetchedAt) < (options.maxAge ?? MAX_AGE_MS) && Date.parse(copy.meta.fetchedAt) <= now.getTime()) {
    return await setOf(shown, path, copy.body, new Date(copy.meta.fetchedAt));
  }
  let fresh: Copy;
  let set: AdvisorySet;
  try {
    const answer = await ask(url, copy?.meta.etag ?? null, options);
    const body = answer.changed ? answer.body : copy?.body;
    if (body === undefined) throw new Error('the mirror says that nothing changed, and there is no copy');
    set = await setOf(shown, path, body, now);
    if (set.records.length === 0) throw new Error(`the mirror sent no record${set.malformed.names[0] === undefined ? '' : ` (${set.malformed.names[0]})`}`);
    fresh = { body, meta: { v: 1, etag: answer.changed ? answer.etag : (copy?.meta.etag ?? null), fetchedAt: now.toISOString(), sha256: digest(body) } };
  } catch (cause) {
    options.signal?.throwIfAborted();
    const why = reason(cause);
    if (copy === null) {
      throw new SallyportError('advisories.unavailable', `Cannot get advisories from ${shown}: ${why}`, { cause, hint: 'Give a folder of OSV records, or the address of a mirror that answers.' });
    }
    return { ...(await setOf(shown, path, copy.body, new Date(copy.meta.fetchedAt))), stale: `the copy of ${copy.meta.fetchedAt} is used: ${why}` };
  }
  await writeCopy(options.cacheFolder, url.href, fresh);
  return set;
}

function checked(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') {
    throw new SallyportError('input.invalid', 'Cannot use the address of the advisories: expected http or https, without a user or password in it', { hint: 'Give the address of an all.zip, .json or .jsonl file.' });
  }
  return url;
}

async function setOf(source: string, path: string, body: Buffer, at: Date): Promise<AdvisorySet> {
  return await fromFiles(source, [{ path: `advisories${path}`, body }], at);
}

/** Follows a redirect within the same origin only: another host was never agreed to. */
async function ask(url: URL, etag: string | null, options: MirrorOptions): Promise<Fresh> {
  const send = options.fetch ?? globalThis.fetch;
  const signal = AbortSignal.any([AbortSignal.timeout(options.timeout ?? TIMEOUT_MS), ...(options.signal === undefined ? [] : [options.signal])]);
  let at = url;
  for (let hop = 0; hop < HOPS; hop++) {
    const response = await send(at, { redirect: 'manual', signal, headers: { accept: 'application/zip, application/json, */*', ...(etag === null ? {} : { 'if-none-match': etag }) } });
    const location = response.headers.get('location');
    if (response.status === 304) return { changed: false };
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      at = new URL(location, at);
      if (at.origin !== url.origin) throw new Error('it redirects to another host');
      continue;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`it answered ${response.status}`);
    }
    return { changed: true, etag: response.headers.get('etag')?.slice(0, 1000) ?? null, body: await bounded(response) };
  }
  throw new Error('it redirects without end');
}

async function bounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error(`it sent more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function namesOf(folder: string, href: string): { readonly body: string; readonly meta: string } {
  const name = createHash('sha256').update(href).digest('hex').slice(0, 32);
  return { body: join(folder, `${name}.body`), meta: join(folder, `${name}.json`) };
}

/** Null when there is none, or when its two files do not belong together: a write was cut off. */
async function readCopy(folder: string, href: string): Promise<Copy | null> {
  const names = namesOf(folder, href);
  try {
    const meta = Meta.parse(JSON.parse(await readFile(names.meta, 'utf8')));
    const body = await readFile(names.body);
    return meta.sha256 === digest(body) ? { meta, body } : null;
  } catch {
    return null;
  }
}

async function writeCopy(folder: string, href: string, copy: Copy): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const names = namesOf(folder, href);
  for (const [path, content] of [[names.body, copy.body], [names.meta, JSON.stringify(copy.meta)]] as const) {
    const draft = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeFile(draft, content, { mode: 0o600 });
      await rename(draft, path);
    } finally {
      await rm(draft, { force: true });
    }
  }
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** `fetch failed` alone says nothing: the system's reason is its cause. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== '' ? `${error.message} (${error.cause.message})` : error.message;
}

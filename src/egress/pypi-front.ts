import { isIP } from 'node:net';
import type { Answer, Asked, Asking, Front } from './front.js';
import { digestHolds } from './pypi-digest.js';
import { ACCEPT_INDEX, type IndexFile, readIndex } from './pypi-index.js';
import { pinnedFetch } from './pinned-fetch.js';
import { readTime } from './packument.js';
import { namedFile, projectName } from './pypi-names.js';
import type { PypiRequest, PypiRules } from './pypi-rules.js';
import { getBounded, MAX_METADATA, Refusal, type Upstream } from './upstream.js';

export interface PypiFrontOptions extends Upstream {
  readonly rules: PypiRules;
  /** Base URL under which the client inside sees this front. */
  readonly insideUrl: string;
}

/** Wheels of machine learning are this large. */
const MAX_WHEEL = 1024 * 1024 * 1024;
const MAX_PROBLEMS = 20;
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

type Request = { readonly kind: 'index'; readonly name: string } | { readonly kind: 'file'; readonly name: string; readonly version: string; readonly written: string; readonly file: string };

/**
 * A simple index of Python packages (PEP 503, PEP 691) as a sandbox in the fetch phase sees it: `/simple/NAME/` and `/files/NAME/FILE`. Wheels
 * only: to install anything else means to run its build.
 */
export function pypiFront(options: PypiFrontOptions): Front {
  const front = new PypiFront(options);
  return { ecosystem: 'pypi', prefix: 'pypi', first: [], problems: front.problems, ask: (target, accept) => front.ask(target, accept) };
}

class PypiFront {
  readonly problems: string[] = [];
  readonly #options: PypiFrontOptions;
  /** Wheels that the index named, by project and file. */
  readonly #known = new Map<string, ReadonlyMap<string, IndexFile>>();

  constructor(options: PypiFrontOptions) {
    this.#options = options;
  }

  ask(target: string, accept: string): Asked | null {
    const parsed = parsePypiTarget(target);
    if (parsed === null) return null;
    const verdict = this.#options.rules.judge(parsed satisfies PypiRequest);
    return { verdict, file: parsed.kind === 'file' ? { name: parsed.name, version: parsed.written } : null, answer: (asking) => (parsed.kind === 'index' ? this.#index(parsed.name, accept, asking) : this.#file(parsed, asking)) };
  }

  /** The page of a project, reduced to the wheels that the rules let through, with addresses that lead back here. */
  async #index(name: string, accept: string, { signal, vetting }: Asking): Promise<Answer> {
    const { rules, registry, insideUrl } = this.#options;
    const keptOut: Refusal[] = [];
    const page = pageUrl(registry, name);
    const wheels = new Map<string, IndexFile>();
    const problems = new Map<string, string>();
    for (const entry of readIndex(await getBounded(this.#options, page, MAX_METADATA, ACCEPT_INDEX, signal), page)) {
      const named = namedFile(entry.file);
      // An index that names files of another project here, or an address that ends in another name, is not believed.
      if (named === null || named.name !== name || fileOf(entry.url) !== entry.file || !rules.visible(name, named.version) || !reachable(this.#options, entry.url)) continue;
      // Pinned files stay in sight, so that their refusal says why.
      const refusal = rules.resolves === true ? vetting.keptOut(name, named.written, readTime(entry.published)) : null;
      if (refusal !== null) {
        keptOut.push(refusal);
        continue;
      }
      const pinned = rules.digests(name, named.version);
      if (named.kind === 'source') problems.set(named.version, problems.get(named.version) ?? `${name} ${named.written} is there as source alone, and to install that would run its code while it is fetched: only wheels are`);
      else if (pinned === undefined ? entry.digest !== null : entry.digest === null || !comparable(pinned, entry.digest) || pinned.includes(entry.digest)) wheels.set(entry.file, entry);
      else problems.set(named.version, `${name} ${named.written} is there with other digests than the lockfile has`);
    }
    if (wheels.size === 0 && keptOut[0] !== undefined) throw keptOut[0];
    this.#note(name, problems, wheels);
    this.#known.set(name, wheels);
    return pageOf(name, [...wheels.values()], `${insideUrl}/files/${name}`, accept.includes(JSON_TYPE));
  }

  /** A version of which no wheel may be taken is named in the error of a client that fails. */
  #note(name: string, problems: ReadonlyMap<string, string>, wheels: ReadonlyMap<string, IndexFile>): void {
    const good = new Set([...wheels.keys()].map((file) => namedFile(file)?.version));
    for (const [version, problem] of problems) {
      // Under open rules pip may choose among many versions: one without a wheel says nothing.
      if (!good.has(version) && this.#options.rules.digests(name, version) !== undefined && this.problems.length < MAX_PROBLEMS && !this.problems.includes(problem)) this.problems.push(problem);
    }
  }

  /** The whole wheel, checked before the first byte is handed on. */
  async #file({ name, version, written, file }: Request & { kind: 'file' }, asking: Asking): Promise<Answer> {
    if (!this.#known.has(name)) await asking.learn(`/simple/${name}/`);
    const entry = this.#known.get(name)?.get(file);
    if (entry === undefined) throw new Refusal('refused', `The index names no wheel "${file}" that may be taken`, 404);
    const rule = asking.vetting.needsTime ? asking.vetting.admit(name, written, readTime(entry.published)) : null;
    const pinned = this.#options.rules.digests(name, version) ?? (entry.digest === null ? [] : [entry.digest]);
    const body = await getBounded(await upstreamOf(this.#options, entry.url, asking.reach), withoutFragment(entry.url), MAX_WHEEL, '*/*', asking.signal);
    const digest = pinned.find((one) => digestHolds(body, one));
    if (digest === undefined) throw new Refusal('integrity', `${file} has none of the digests that are pinned for ${name} ${written}`);
    return { type: 'application/octet-stream', body, fetched: { ecosystem: 'pypi', name, version: written, integrity: digest }, ...(rule === null ? {} : { rule }) };
  }
}

/**
 * Pages of an index commonly name files on a second host. They are taken from there because the index that the person configured names that
 * host, and because the digest decides what is handed on: the lockfile's, or under open rules the index's own. Never with less protection
 * on the way than the index has, never with a name or password in the address, and never from a bare address of a network, which is nobody's name.
 */
export function reachable({ registry }: Pick<Upstream, 'registry'>, url: URL): boolean {
  const index = new URL(registry.url);
  if (url.username !== '' || url.password !== '') return false;
  return url.host === index.host ? url.protocol === index.protocol || url.protocol === 'https:' : url.protocol === 'https:' && isIP(url.hostname.replace(/^\[|\]$/g, '')) === 0;
}

/** The one address of a host that was checked. Throws a `Refusal` where it is not public and not allowed by name. */
export type Reach = Asking['reach'];

/** The credential is the index's own: no other host gets it. A page could name a host of the inner network: its address is checked, and no other is asked. */
export async function upstreamOf<T extends Upstream>(options: T, url: URL, reach: Reach): Promise<T> {
  const { registry } = options;
  const { host, hostname, protocol } = new URL(registry.url);
  if (url.host === host && url.protocol === protocol) return options;
  const other = { ...options, registry: { url: url.origin, authorization: null } };
  if (url.hostname === hostname) return other;
  const address = await reach(url.hostname, Number(url.port === '' ? 443 : url.port));
  return { ...other, fetch: options.fetch ?? pinnedFetch(address) };
}

/** Address of a project's page. */
export function pageUrl(registry: Upstream['registry'], name: string): string {
  return `${registry.url.replace(/\/+$/, '')}/${name}/`;
}

/** A pinned digest of the same algorithm, against which that of the index can be held. */
function comparable(pinned: readonly string[], digest: string): boolean {
  return pinned.some((one) => one.split(':')[0] === digest.split(':')[0]);
}

export function fileOf(url: URL): string | null {
  try {
    return decodeURIComponent(url.pathname.slice(url.pathname.lastIndexOf('/') + 1));
  } catch {
    return null;
  }
}

export function withoutFragment(url: URL): string {
  const plain = new URL(url);
  plain.hash = '';
  return plain.href;
}

function pageOf(name: string, files: readonly IndexFile[], base: string, json: boolean): Answer {
  const url = (file: string): string => `${base}/${encodeURIComponent(file)}`;
  if (json) {
    const value = {
      meta: { 'api-version': '1.0' }, name,
      files: files.map(({ file, digest, requiresPython, yanked }) => ({ filename: file, url: url(file), hashes: digest === null ? {} : Object.fromEntries([digest.split(':')]), ...(requiresPython === null ? {} : { 'requires-python': requiresPython }), yanked })),
    };
    return { type: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) };
  }
  const links = files.map(({ file, digest, requiresPython, yanked }) =>
    `<a href="${url(file)}${digest === null ? '' : `#${digest.replace(':', '=')}`}"${requiresPython === null ? '' : ` data-requires-python="${escaped(requiresPython)}"`}${yanked ? ' data-yanked=""' : ''}>${escaped(file)}</a><br>`);
  return { type: 'text/html; charset=utf-8', body: Buffer.from(`<!DOCTYPE html>\n<html><head><meta name="pypi:repository-version" content="1.0"><title>${name}</title></head><body>\n${links.join('\n')}\n</body></html>\n`) };
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** `/simple/NAME/` and `/files/NAME/FILE.whl`, names as an index writes them; everything else is null. */
export function parsePypiTarget(target: string): Request | null {
  const [, indexName] = /^\/simple\/([^/?#]+)\/$/.exec(target) ?? [];
  if (indexName !== undefined) return projectName(indexName) === indexName ? { kind: 'index', name: indexName } : null;
  const [, name, encoded] = /^\/files\/([^/?#]+)\/([^/?#]+)$/.exec(target) ?? [];
  if (name === undefined || encoded === undefined) return null;
  const file = fileOf(new URL(`http://x/${encoded}`));
  const named = file === null ? null : namedFile(file);
  return file === null || named === null || named.kind !== 'wheel' || named.name !== name ? null : { kind: 'file', name, version: named.version, written: named.written, file };
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Answer, Asked, Asking, Front, Verdict } from './front.js';
import { isCrateName, isCrateVersion, type LockedCrate } from './locks/cargo.js';
import { readTime } from './packument.js';
import { reachable, upstreamOf } from './pypi-front.js';
import { getBounded, jsonOf, MAX_METADATA, MAX_TARBALL, Refusal, type Upstream } from './upstream.js';

export interface CargoFrontOptions extends Upstream {
  /** All that may be fetched. */
  readonly locked: readonly LockedCrate[];
  /** Base URL under which the client inside sees this front. */
  readonly insideUrl: string;
}

const MAX_CONFIG = 100_000;
const MAX_PROBLEMS = 20;
const Config = z.object({ dl: z.string().min(1).max(2000) });
/** A line of the index; other keys are handed on as they are. */
const Line = z.looseObject({ name: z.string(), vers: z.string(), cksum: z.string(), pubtime: z.unknown().optional() });

type Request = { readonly kind: 'config' } | { readonly kind: 'index'; readonly name: string } | { readonly kind: 'crate'; readonly name: string; readonly version: string };

/** A sparse registry of cargo (https://doc.rust-lang.org/cargo/reference/registry-index.html#sparse-protocol) as a sandbox in the fetch phase sees it: the crates that Cargo.lock names, and no other. */
export function cargoFront(options: CargoFrontOptions): Front {
  const front = new CargoFront(options);
  return { ecosystem: 'cargo', prefix: 'cargo', first: [], problems: front.problems, ask: (target) => front.ask(target) };
}

class CargoFront {
  readonly problems: string[] = [];
  readonly #options: CargoFrontOptions;
  readonly #locked: ReadonlyMap<string, LockedCrate>;
  /** Names in lower case, as the index has them. */
  readonly #names: ReadonlySet<string>;
  /** When versions were published, by name in lower case, of the crates whose index was seen. */
  readonly #published = new Map<string, ReadonlyMap<string, Date | null>>();
  #template: Promise<string> | undefined;

  constructor(options: CargoFrontOptions) {
    this.#options = options;
    this.#locked = new Map(options.locked.map((crate) => [`${crate.name}@${crate.version}`, crate]));
    this.#names = new Set(options.locked.map(({ name }) => name.toLowerCase()));
  }

  ask(target: string): Asked | null {
    const request = parseCargoTarget(target);
    if (request === null) return null;
    return { verdict: this.#judge(request), file: request.kind === 'crate' ? request : null, answer: (asking) => this.#answer(request, asking) };
  }

  #judge(request: Request): Verdict {
    const named = request.kind === 'config' || (request.kind === 'index' ? this.#names.has(request.name) : this.#locked.has(`${request.name}@${request.version}`));
    return named ? { allow: true, rule: 'lockfile' } : { allow: false, rule: 'not-in-lockfile' };
  }

  async #answer(request: Request, asking: Asking): Promise<Answer> {
    if (request.kind === 'config') return { type: 'application/json', body: Buffer.from(JSON.stringify({ dl: `${this.#options.insideUrl}/dl` })) };
    return request.kind === 'index' ? await this.#index(request.name, asking) : await this.#crate(this.#locked.get(`${request.name}@${request.version}`), asking);
  }

  /** The lines of a crate, reduced to the locked versions with the digests that the lockfile has of them. */
  async #index(name: string, { signal }: Asking): Promise<Answer> {
    const text = (await getBounded(this.#options, `${this.#base()}${indexPath(name)}`, MAX_METADATA, 'text/plain, */*', signal)).toString('utf8');
    const lines: string[] = [];
    const published = new Map<string, Date | null>();
    for (const line of text.split('\n')) {
      const entry = line.trim() === '' ? undefined : Line.safeParse(jsonOf(line)).data;
      const locked = entry === undefined ? undefined : this.#locked.get(`${entry.name}@${entry.vers}`);
      if (entry === undefined || locked === undefined || entry.name.toLowerCase() !== name) continue;
      if (entry.cksum !== locked.checksum) {
        this.#note(`${entry.name} ${entry.vers} is in the registry with another digest than Cargo.lock has`);
        continue;
      }
      published.set(entry.vers, readTime(entry.pubtime));
      lines.push(`${JSON.stringify(entry)}\n`);
    }
    this.#published.set(name, published);
    return { type: 'text/plain; charset=utf-8', body: Buffer.from(lines.join('')) };
  }

  /** The whole file, checked before the first byte is handed on. */
  async #crate(locked: LockedCrate | undefined, asking: Asking): Promise<Answer> {
    if (locked === undefined) throw new Refusal('refused', 'Cargo.lock does not name it');
    const { name, version, checksum } = locked;
    const { signal, vetting, learn, reach } = asking;
    const known = name.toLowerCase();
    if (vetting.needsTime && !this.#published.has(known)) await learn(`/${indexPath(known)}`);
    const rule = vetting.needsTime ? vetting.admit(name, version, this.#published.get(known)?.get(version) ?? null) : null;
    this.#template ??= this.#readTemplate(signal);
    const url = new URL(filledIn(await this.#template, locked));
    // The registry of the person's configuration names this host; no other one is asked, and the digest decides.
    if (!reachable(this.#options, url)) throw new Refusal('refused', 'The registry names a place for its files that is not asked: another host without TLS, with a credential, or without a name');
    const body = await getBounded(await upstreamOf(this.#options, url, reach), url.href, MAX_TARBALL, '*/*', signal);
    if (createHash('sha256').update(body).digest('hex') !== checksum) {
      this.#note(`${name} ${version} does not have the digest of Cargo.lock`);
      throw new Refusal('integrity', `${name}@${version} does not have the digest of Cargo.lock`);
    }
    return { type: 'application/octet-stream', body, fetched: { ecosystem: 'cargo', name, version, integrity: `sha256:${checksum}` }, ...(rule === null ? {} : { rule }) };
  }

  async #readTemplate(signal: AbortSignal): Promise<string> {
    try {
      const config = Config.safeParse(jsonOf((await getBounded(this.#options, `${this.#base()}config.json`, MAX_CONFIG, 'application/json', signal)).toString('utf8')));
      if (!config.success || !URL.canParse(filledIn(config.data.dl, PROBE))) throw new Refusal('refused', 'config.json of the registry does not say where its files are');
      return config.data.dl;
    } catch (error) {
      this.#template = undefined; // asked again with the next file
      throw error;
    }
  }

  #base(): string {
    return this.#options.registry.url.replace(/\/*$/, '/');
  }

  #note(problem: string): void {
    if (this.problems.length < MAX_PROBLEMS && !this.problems.includes(problem)) this.problems.push(problem);
  }
}

const PROBE: LockedCrate = { name: 'crate', version: '1.0.0', checksum: '0'.repeat(64) };

/** https://doc.rust-lang.org/cargo/reference/registry-index.html#index-configuration: without a marker the usual path is added. */
function filledIn(dl: string, { name, version, checksum }: LockedCrate): string {
  const values: Readonly<Record<string, string>> = { crate: name, version, prefix: prefixOf(name), lowerprefix: prefixOf(name.toLowerCase()), 'sha256-checksum': checksum };
  const marker = /\{(crate|version|prefix|lowerprefix|sha256-checksum)\}/g;
  return (dl.search(marker) === -1 ? `${dl.replace(/\/+$/, '')}/{crate}/{version}/download` : dl).replace(marker, (_, key: string) => values[key] ?? '');
}

function prefixOf(name: string): string {
  return name.length <= 2 ? String(name.length) : name.length === 3 ? `3/${name[0]}` : `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}

/** Where the index has a name that is in lower case. */
function indexPath(name: string): string {
  return `${prefixOf(name)}/${name}`;
}

/** `/config.json`, `/se/rd/serde`, `/dl/NAME/VERSION/download`; everything else is null. */
export function parseCargoTarget(target: string): Request | null {
  if (target === '/config.json') return { kind: 'config' };
  const [, crate, written] = /^\/dl\/([^/?#]+)\/([^/?#]+)\/download$/.exec(target) ?? [];
  if (crate !== undefined && written !== undefined) {
    const version = written.replace(/%2b/gi, '+');
    return isCrateName(crate) && isCrateVersion(version) ? { kind: 'crate', name: crate, version } : null;
  }
  const name = target.slice(target.lastIndexOf('/') + 1);
  return isCrateName(name) && name === name.toLowerCase() && target === `/${indexPath(name)}` ? { kind: 'index', name } : null;
}

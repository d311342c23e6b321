import semver from 'semver';
import { type LockedPackage, PACKAGE_NAME } from './lockfile.js';
import type { Answer, Asked, Asking, Front, Vetting } from './front.js';
import { integrityHolds, sriOfHex } from './integrity.js';
import { ACCEPT, type Manifest, type Metadata, type Packument, publishedAt, readPackument } from './packument.js';
import type { FrontRequest, FrontRules } from './rules.js';
import { getBounded, MAX_METADATA, MAX_TARBALL, Refusal, registryUrl, type Upstream } from './upstream.js';

export interface NpmFrontOptions extends Upstream {
  /** What may be fetched. */
  readonly rules: FrontRules;
  /** Base URL under which the client inside sees this front. */
  readonly insideUrl: string;
}

/**
 * The npm registry as a sandbox in the fetch phase sees it: package metadata and tarballs, nothing else. It speaks the
 * registry's own protocol, so that the rule "only what the lockfile names" can look at name, version and integrity.
 */
export function npmFront(options: NpmFrontOptions): Front {
  const front = new NpmFront(options);
  return { ecosystem: 'npm', prefix: 'npm', first: options.rules.first.map(metadataTarget), problems: [], ask: (target) => front.ask(target) };
}

class NpmFront {
  readonly #options: NpmFrontOptions;
  /** Integrity that the registry itself names, per name@version; used where no lockfile decides. */
  readonly #announced = new Map<string, string>();
  /** When versions were published, per name, of the packages whose full metadata was seen. */
  readonly #published = new Map<string, ReadonlyMap<string, Date | null>>();

  constructor(options: NpmFrontOptions) {
    this.#options = options;
  }

  ask(target: string): Asked | null {
    const parsed = parseTarget(target);
    if (parsed === null) return null;
    return { verdict: this.#options.rules.judge(parsed), file: parsed.kind === 'tarball' ? parsed : null, answer: (asking) => (parsed.kind === 'metadata' ? this.#metadata(parsed.name, asking) : this.#tarball(parsed.name, parsed.version, asking)) };
  }

  /** Metadata reduced to what the rules let through, with addresses that lead back here. */
  async #metadata(name: string, { signal, vetting }: Asking): Promise<Answer> {
    const { rules, insideUrl } = this.#options;
    // The short form has no times.
    const value = readPackument(await this.#get(name, MAX_METADATA, signal, vetting.needsTime ? 'full' : rules.metadata));
    const wanted = rules.visible(name, value);
    const visible = this.#offered(name, value, wanted, vetting);
    if (vetting.needsTime) this.#published.set(name, new Map(Object.keys(value.versions).map((version) => [version, publishedAt(value, version)])));
    const versions: Record<string, unknown> = {};
    for (const [version, manifest] of Object.entries(value.versions)) {
      if (!visible.has(version)) continue;
      const announced = announcedBy(manifest);
      if (announced !== undefined) this.#announced.set(`${name}@${version}`, announced);
      versions[version] = { ...manifest, dist: { ...manifest.dist, tarball: tarballUrl(insideUrl, name, version) } };
    }
    const tags = Object.fromEntries(Object.entries(value['dist-tags']).filter(([, v]) => Object.hasOwn(versions, v)));
    const latest = keptOutLatest(value, wanted, visible);
    if (latest !== null) tags['latest'] = latest;
    return { type: 'application/json', body: Buffer.from(JSON.stringify({ name, 'dist-tags': tags, versions })) };
  }

  /** What a client may choose from. Pinned versions stay in sight, so that the refusal of their file says why. */
  #offered(name: string, value: Packument, visible: readonly string[], vetting: Vetting): ReadonlySet<string> {
    if (this.#options.rules.resolves !== true) return new Set(visible);
    const refusals = new Map(visible.map((version) => [version, vetting.keptOut(name, version, vetting.needsTime ? publishedAt(value, version) : null)]));
    const offered = visible.filter((version) => refusals.get(version) === null);
    const first = [...refusals.values()].find((refusal) => refusal !== null);
    if (offered.length === 0 && first !== undefined) throw first;
    return new Set(offered);
  }

  /** The rule by which a version that is young is handed on; null where it is old enough. */
  async #admit(name: string, version: string, { vetting, learn }: Asking): Promise<string | null> {
    if (!vetting.needsTime) return null;
    if (!this.#published.has(name)) await learn(metadataTarget(name));
    return vetting.admit(name, version, this.#published.get(name)?.get(version) ?? null);
  }

  /** The whole tarball, checked before the first byte is handed on. */
  async #tarball(name: string, version: string, asking: Asking): Promise<Answer> {
    const rule = await this.#admit(name, version, asking);
    const integrity = this.#options.rules.integrity(name, version) ?? (await this.#announcedFor(name, version, asking));
    if (integrity === undefined) throw new Refusal('integrity', `No integrity is known for ${name}@${version}`);
    const body = await this.#get(tarballPath(name, version), MAX_TARBALL, asking.signal, this.#options.rules.metadata);
    if (!integrityHolds(body, integrity)) throw new Refusal('integrity', `${name}@${version} does not have the integrity ${integrity}`);
    return { type: 'application/octet-stream', body, fetched: { ecosystem: 'npm', name, version, integrity }, ...(rule === null ? {} : { rule }) };
  }

  /** Where no lockfile pins the tarball itself, the registry's metadata is asked for it, once a package. */
  async #announcedFor(name: string, version: string, asking: Asking): Promise<string | undefined> {
    if (!this.#announced.has(`${name}@${version}`)) await asking.learn(metadataTarget(name));
    return this.#announced.get(`${name}@${version}`);
  }

  #get(path: string, limit: number, signal: AbortSignal, form: Metadata): Promise<Buffer> {
    return getBounded(this.#options, registryUrl(this.#options.registry, path), limit, ACCEPT[form], signal);
  }
}

/** What `latest` means where the version of that name is kept out: the highest stable one that is offered. Null where it is not kept out. */
function keptOutLatest(value: Packument, wanted: readonly string[], offered: ReadonlySet<string>): string | null {
  const latest = value['dist-tags']['latest'];
  return latest === undefined || !wanted.includes(latest) || offered.has(latest) ? null : semver.maxSatisfying([...offered], '*');
}

/** Registries name SHA-1 alone for versions of before 2017. */
function announcedBy({ dist }: Manifest): string | undefined {
  return dist.integrity ?? (dist.shasum === undefined ? undefined : (sriOfHex('sha1', dist.shasum) ?? undefined));
}

function metadataTarget(name: string): string {
  return `/${name.replace('/', '%2f')}`;
}

function tarballPath(name: string, version: string): string {
  return `${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
}

/** Where the front below `insideUrl` hands out a tarball: for lockfiles that carry addresses. */
export function tarballUrl(insideUrl: string, name: LockedPackage['name'], version: string): string {
  return `${insideUrl}/${tarballPath(name, version)}`;
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

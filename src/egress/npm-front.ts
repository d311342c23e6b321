import { type LockedPackage, PACKAGE_NAME } from './lockfile.js';
import type { Answer, Asked, Asking, Front } from './front.js';
import { integrityHolds, sriOfHex } from './integrity.js';
import { ACCEPT, type Manifest, readPackument } from './packument.js';
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

  constructor(options: NpmFrontOptions) {
    this.#options = options;
  }

  ask(target: string): Asked | null {
    const parsed = parseTarget(target);
    if (parsed === null) return null;
    return { verdict: this.#options.rules.judge(parsed), answer: (asking) => (parsed.kind === 'metadata' ? this.#metadata(parsed.name, asking) : this.#tarball(parsed.name, parsed.version, asking)) };
  }

  /** Metadata reduced to what the rules let through, with addresses that lead back here. */
  async #metadata(name: string, { signal }: Asking): Promise<Answer> {
    const { rules, insideUrl } = this.#options;
    const value = readPackument(await this.#get(name, MAX_METADATA, signal));
    const visible = new Set(rules.visible(name, value));
    const versions: Record<string, unknown> = {};
    for (const [version, manifest] of Object.entries(value.versions)) {
      if (!visible.has(version)) continue;
      const announced = announcedBy(manifest);
      if (announced !== undefined) this.#announced.set(`${name}@${version}`, announced);
      versions[version] = { ...manifest, dist: { ...manifest.dist, tarball: tarballUrl(insideUrl, name, version) } };
    }
    const tags = Object.fromEntries(Object.entries(value['dist-tags']).filter(([, v]) => Object.hasOwn(versions, v)));
    return { type: 'application/json', body: Buffer.from(JSON.stringify({ name, 'dist-tags': tags, versions })) };
  }

  /** The whole tarball, checked before the first byte is handed on. */
  async #tarball(name: string, version: string, asking: Asking): Promise<Answer> {
    const integrity = this.#options.rules.integrity(name, version) ?? (await this.#announcedFor(name, version, asking));
    if (integrity === undefined) throw new Refusal('integrity', `No integrity is known for ${name}@${version}`);
    const body = await this.#get(tarballPath(name, version), MAX_TARBALL, asking.signal);
    if (!integrityHolds(body, integrity)) throw new Refusal('integrity', `${name}@${version} does not have the integrity ${integrity}`);
    return { type: 'application/octet-stream', body, fetched: { ecosystem: 'npm', name, version, integrity } };
  }

  /** Where no lockfile pins the tarball itself, the registry's metadata is asked for it, once a package. */
  async #announcedFor(name: string, version: string, asking: Asking): Promise<string | undefined> {
    if (!this.#announced.has(`${name}@${version}`)) await asking.learn(metadataTarget(name));
    return this.#announced.get(`${name}@${version}`);
  }

  #get(path: string, limit: number, signal: AbortSignal): Promise<Buffer> {
    return getBounded(this.#options, registryUrl(this.#options.registry, path), limit, ACCEPT[this.#options.rules.metadata], signal);
  }
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

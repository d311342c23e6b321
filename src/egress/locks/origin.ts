import type { NamedPackage } from '../lockfile.js';

/** Where a lockfile says that a package comes from, and what it says of it. Nothing is refused here: it is told, for a change to be judged by. */
export interface Origin {
  readonly name: string;
  readonly version: string;
  /** `unlocked`: a manifest asks for it, and no lockfile says which one it is. */
  readonly source: 'registry' | 'git' | 'url' | 'file' | 'unlocked';
  /** As it stands there; null where the lockfile keeps none. */
  readonly address: string | null;
  /** Single digests as clients write them: `sha512-BASE64`, `sha256:HEX`, `h1:…`. */
  readonly digests: readonly string[];
  /** False where such a lockfile keeps no digest of this entry, so that none can be missing. */
  readonly pinned: boolean;
  /** Null: the lockfile does not say. */
  readonly scripts: boolean | null;
  readonly licence: string | null;
}

/** What a lockfile says of a package when it says no more than that it is one of a registry. */
export function registryOrigin({ name, version }: Pick<NamedPackage, 'name' | 'version'>, more: Partial<Origin> = {}): Origin {
  return { name, version, source: 'registry', address: null, digests: [], pinned: true, scripts: null, licence: null, ...more };
}

/** A Subresource Integrity string as single digests. What is none of an algorithm that counts is left out. */
export function sriDigests(integrity: string | undefined): string[] {
  return (integrity ?? '').trim().split(/\s+/).slice(0, 20).flatMap((part) => {
    const [, algorithm, value] = /^(sha(?:1|256|384|512))-([A-Za-z0-9+/]{27,88}={0,2})/.exec(part) ?? [];
    return algorithm === undefined || value === undefined ? [] : [`${algorithm}-${value}`];
  });
}

/** `https://host/…` and the forms by which clients name what does not come from a registry. */
export function sourceOf(address: string): Origin['source'] {
  if (/^(?:file|link|portal):|^\.{0,2}\//.test(address)) return 'file';
  if (/^(?:git[+:@]|ssh:|github:|gitlab:|bitbucket:|gist:)/.test(address) || /^https?:\/\/[^?#]*\.git(?:[?#]|$)/.test(address) || /^https?:\/\/codeload\./.test(address) || /^[\w.-]+\/[\w.-]+(?:#.*)?$/.test(address)) return 'git';
  return /^https?:\/\//.test(address) ? 'url' : 'registry';
}

/** The host of an address, with its port where one stands; null for what has none. */
export function hostOf(address: string): string | null {
  try {
    return new URL(address.replace(/^(?:registry|sparse)\+/, '')).host || null;
  } catch {
    return null;
  }
}

/** `/NAME/-/FILE.tgz`, as registries of npm name tarballs: the name in it. Null for addresses of another form. */
export function tarballName(address: string): string | null {
  const [, path] = /^https?:\/\/[^/?#]+(\/[^?#]*)/.exec(address) ?? [];
  const at = path?.indexOf('/-/') ?? -1;
  if (path === undefined || at < 1) return null;
  const parts = path.slice(1, at).split('/').map(decoded);
  const [scope = '', name = ''] = [parts.at(-2), parts.at(-1)];
  return name.startsWith('@') ? name : scope.startsWith('@') ? `${scope}/${name}` : name;
}

/** Percent-encoding undone, where it is one. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a digest was made by. */
export function algorithmOf(digest: string): string {
  return /^[a-z0-9]+/.exec(digest)?.[0] ?? '';
}

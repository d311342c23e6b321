import { type LockEntry, packageName } from './lock-entry.js';

/** How a lockfile names the address of its tarballs. */
export interface ResolvedStyle {
  /** An entry that npm made, naming its address as the old ones do; without one where they have none. */
  apply(path: string, entry: LockEntry): LockEntry;
}

/**
 * Reads the style from the entries of a lockfile: the folder of the registry that stands before `/name/-/name-1.0.0.tgz`, from the package's
 * own entry where there was one, otherwise the one that most entries have. `insideUrl`, the registry as npm saw it, is replaced.
 */
export function resolvedStyle(entries: Readonly<Record<string, LockEntry>>, insideUrl: string): ResolvedStyle {
  const own = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const [path, entry] of Object.entries(entries)) {
    const base = baseOf(path, entry);
    if (base === null) continue;
    own.set(packageName(path, entry), base);
    counts.set(base, (counts.get(base) ?? 0) + 1);
  }
  const most = [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
  return {
    apply: (path, entry) => {
      if (entry.resolved !== undefined && !entry.resolved.startsWith(`${insideUrl}/`)) return entry;
      const name = packageName(path, entry);
      const base = own.get(name) ?? most;
      const resolved = base === undefined || entry.version === undefined ? undefined : base + suffixOf(name, entry.version);
      // Where it stands in an entry: after the version, which npm puts first.
      const pairs = Object.entries(entry).filter(([key]) => key !== 'resolved').flatMap(([key, value]): [string, unknown][] => [[key, value], ...(key === 'version' && resolved !== undefined ? [['resolved', resolved] as [string, unknown]] : [])]);
      return Object.fromEntries(pairs) as LockEntry;
    },
  };
}

function baseOf(path: string, entry: LockEntry): string | null {
  if (entry.version === undefined || entry.resolved === undefined || !/^https?:\/\//.test(entry.resolved)) return null;
  const suffix = suffixOf(packageName(path, entry), entry.version);
  return entry.resolved.endsWith(suffix) ? entry.resolved.slice(0, -suffix.length) : null;
}

function suffixOf(name: string, version: string): string {
  return `/${name}/-/${name.split('/').at(-1)}-${version}.tgz`;
}

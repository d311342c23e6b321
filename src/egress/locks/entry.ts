import { SallyportError } from '../../protocol/errors.js';
import type { InstalledPackage, Inventory, Requirement } from '../inventory.js';
import { type NamedPackage, PACKAGE_NAME, VERSION } from '../lockfile.js';

/** More than any project has; a lockfile with more is refused rather than worked on without end. */
export const MAX_LOCKED = 200_000;

/** A package of a lockfile that pnpm or yarn wrote, checked to be one of the registry. */
export function registryPackage(file: string, name: string, version: string, integrity?: string): NamedPackage {
  if (!VERSION.test(version) || version.length > 256 || !PACKAGE_NAME.test(name) || name.length > 214) throw notFetched(file, `${name}@${version}`, 'its name or version is not one of the registry');
  if (integrity !== undefined && !/^sha(1|256|384|512)-/.test(integrity)) throw notFetched(file, `${name}@${version}`, 'its integrity is of an unknown form');
  return { name, version, ...(integrity === undefined ? {} : { integrity }) };
}

export function notFetched(file: string, entry: string, why: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot fetch "${entry.slice(0, 200)}": ${why}`, { hint: `Only packages of the registry are fetched, by what ${file} pins of them.` });
}

export function unreadable(file: string, why: string, cause?: unknown): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot read ${file}: ${why}`, cause === undefined ? {} : { cause });
}

export function bounded<T>(file: string, entries: readonly T[]): readonly T[] {
  if (entries.length > MAX_LOCKED) throw unreadable(file, `it names ${entries.length} packages, more than ${MAX_LOCKED}`);
  return entries;
}

/** A package of a lockfile whose entries stand below the patterns `name@range` by which they are asked for. */
export interface PatternEntry {
  readonly name: string;
  readonly version: string;
  readonly patterns: readonly string[];
  /** What it asks for: name and range. */
  readonly needs: readonly (readonly [string, string])[];
}

/** The inventory of such a lockfile; its keys are `name@version`. `asked` is what the project itself asks for. */
export function inventoryOf(entries: readonly PatternEntry[], asked: Iterable<readonly [string, string]>, lockfileVersion: number, workspaces = false): Inventory {
  const byPattern = new Map(entries.flatMap((entry) => entry.patterns.map((pattern) => [pattern, entry] as const)));
  const pathOf = (entry: PatternEntry): string => `${entry.name}@${entry.version}`;
  const requirements = new Map<string, Requirement[]>();
  const ask = (by: string, needs: Iterable<readonly [string, string]>): void => {
    for (const [as, range] of needs) {
      const target = byPattern.get(`${as}@${range}`);
      if (target === undefined) continue;
      const known = requirements.get(pathOf(target)) ?? [];
      known.push({ by, as, range, group: 'dependencies' });
      requirements.set(pathOf(target), known);
    }
  };
  ask('', asked);
  for (const entry of entries) ask(pathOf(entry), entry.needs);
  // Two entries of one version are one package.
  const packages = new Map<string, InstalledPackage>();
  for (const entry of entries) {
    const path = pathOf(entry);
    const requiredBy = requirements.get(path) ?? [];
    packages.set(path, { path, name: entry.name, version: entry.version, dev: false, optional: false, bundled: false, direct: requiredBy.some((r) => r.by === ''), requiredBy });
  }
  return { lockfileVersion, packages: [...packages.values()], workspaces };
}

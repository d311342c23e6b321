import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';
import { PACKAGE_NAME } from './lockfile.js';

const GROUPS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;
export type DependencyGroup = (typeof GROUPS)[number];

/** Somebody who asks for a package. */
export interface Requirement {
  /** Path in the lockfile of who asks; empty: the project itself. */
  readonly by: string;
  /** Name by which it is asked for: an alias, or the package's own. */
  readonly as: string;
  /** As it stands in the lockfile: a range, a tag, `npm:other@^1`, an address. */
  readonly range: string;
  readonly group: DependencyGroup;
}

export interface InstalledPackage {
  /** Key in the lockfile, such as `node_modules/a/node_modules/b`. */
  readonly path: string;
  /** Name as the registry knows it; an alias is in the path. */
  readonly name: string;
  readonly version: string;
  /** Only development needs it. */
  readonly dev: boolean;
  readonly optional: boolean;
  /** It comes inside the tarball of a package above it, and cannot be exchanged by itself. */
  readonly bundled: boolean;
  /** The project itself asks for it. */
  readonly direct: boolean;
  readonly requiredBy: readonly Requirement[];
}

export interface Inventory {
  readonly lockfileVersion: number;
  /** In the order of the lockfile. */
  readonly packages: readonly InstalledPackage[];
  /** The project consists of several packages. */
  readonly workspaces: boolean;
}

const MAX_PACKAGES = 200_000;
const Ranges = z.record(z.string(), z.string()).nullish().catch(null);
const Entry = z.object({
  name: z.string().optional(), version: z.string().optional(), link: z.boolean().optional(), resolved: z.union([z.string(), z.boolean()]).optional(), inBundle: z.boolean().optional(),
  dev: z.boolean().optional(), devOptional: z.boolean().optional(), optional: z.boolean().optional(),
  dependencies: Ranges, devDependencies: Ranges, optionalDependencies: Ranges, peerDependencies: Ranges,
});
type Entry = z.infer<typeof Entry>;
const Lockfile = z.object({ lockfileVersion: z.int(), packages: z.record(z.string(), Entry).optional() });

/**
 * Every package that package-lock.json or npm-shrinkwrap.json (version 2 or 3) says is installed, and who asks for it. Who gets which
 * instance follows from where it lies, as Node resolves it: the nearest `node_modules` on the way up. Throws `setup.fetch_failed` when
 * the text is not such a lockfile.
 */
export function readInventory(text: string): Inventory {
  const { lockfileVersion, packages } = parse(text);
  const entries = new Map(Object.entries(packages));
  if (entries.size > MAX_PACKAGES) throw refuse(`it names ${entries.size} packages, more than ${MAX_PACKAGES}`);
  const asked = new Map<string, Requirement[]>();
  for (const [path, entry] of entries) {
    if (entry.link === true) continue;
    for (const requirement of requirementsOf(path, entry)) {
      const target = resolve(entries, path, requirement.as, requirement.group === 'peerDependencies');
      if (target === null) continue;
      const known = asked.get(target);
      if (known === undefined) asked.set(target, [requirement]);
      else known.push(requirement);
    }
  }
  const found: InstalledPackage[] = [];
  for (const [path, entry] of entries) {
    const at = path.lastIndexOf('node_modules/');
    const name = entry.name ?? path.slice(at + 'node_modules/'.length);
    if (at === -1 || entry.link === true || entry.version === undefined || !PACKAGE_NAME.test(name)) continue;
    const requiredBy = asked.get(path) ?? [];
    found.push({
      path, name, version: entry.version, dev: entry.dev === true, optional: entry.optional === true || entry.devOptional === true,
      bundled: entry.inBundle === true, direct: requiredBy.some((r) => r.by === ''), requiredBy,
    });
  }
  return { lockfileVersion, packages: found, workspaces: [...entries].some(([path, entry]) => entry.link === true || (path !== '' && !path.includes('node_modules/'))) };
}

function parse(text: string): { lockfileVersion: number; packages: Readonly<Record<string, Entry>> } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read the lockfile: it is not JSON', { cause });
  }
  const parsed = Lockfile.safeParse(value);
  const { lockfileVersion, packages } = parsed.success ? parsed.data : {};
  if (lockfileVersion === undefined || packages === undefined || (lockfileVersion !== 2 && lockfileVersion !== 3)) throw refuse('expected lockfileVersion 2 or 3 with "packages"');
  return { lockfileVersion, packages };
}

/** What an entry asks for. npm lists an optional dependency under `dependencies` too in some versions: it counts once. */
function requirementsOf(path: string, entry: Entry): Requirement[] {
  const seen = new Set<string>();
  // Development dependencies are installed for the project alone.
  const groups = path.includes('node_modules/') ? GROUPS.filter((g) => g !== 'devDependencies') : GROUPS;
  return groups.flatMap((group) => Object.entries(entry[group] ?? {}).flatMap(([as, range]) => {
    if (seen.has(as) && group === 'optionalDependencies') return [];
    seen.add(as);
    return [{ by: path, as, range, group }];
  }));
}

/** The entry that `name` leads to from `path`. A peer lies beside the one that asks for it, never below. */
function resolve(entries: ReadonlyMap<string, Entry>, path: string, name: string, peer: boolean): string | null {
  let at: string | null = peer && path !== '' ? above(path) : path;
  while (at !== null) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (entries.has(candidate)) return candidate;
    at = at === '' ? null : above(at);
  }
  return null;
}

/** The folder in which the `node_modules` of `path` lies: `a/node_modules/b` is in `a`. */
function above(path: string): string {
  const at = path.lastIndexOf('/node_modules/');
  if (at !== -1) return path.slice(0, at);
  if (path.startsWith('node_modules/')) return '';
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

function refuse(why: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot read the lockfile: ${why}`, { hint: 'Write it anew with npm 7 or later: npm install --package-lock-only' });
}

import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';
import type { InstalledPackage, Inventory, Requirement } from '../inventory.js';
import { type NamedPackage, VERSION } from '../lockfile.js';
import { bounded, notFetched, registryPackage, unreadable } from './entry.js';
import { type Origin, registryOrigin, sourceOf, sriDigests } from './origin.js';

const FILE = 'pnpm-lock.yaml';
/** Of who is asked for: `version` stands there resolved, with the peers it was resolved with. */
const Refs = z.record(z.string(), z.union([z.string(), z.looseObject({ specifier: z.string().optional(), version: z.string() })])).nullish();
const Asking = { dependencies: Refs, devDependencies: Refs, optionalDependencies: Refs };
const Importer = z.looseObject({ ...Asking, specifiers: z.record(z.string(), z.string()).nullish() });
const Entry = z.looseObject({
  name: z.string().optional(), version: z.union([z.string(), z.number()]).optional(), dependencies: Refs, optionalDependencies: Refs,
  resolution: z.object({ integrity: z.string().optional(), tarball: z.string().optional(), type: z.string().optional(), directory: z.string().optional() }),
});
const Lock = z.looseObject({
  lockfileVersion: z.union([z.string(), z.number()]), packages: z.record(z.string(), Entry).nullish(), ...Importer.shape,
  snapshots: z.record(z.string(), z.looseObject({ dependencies: Refs, optionalDependencies: Refs })).nullish(), importers: z.record(z.string(), Importer).nullish(),
});
type Lock = z.infer<typeof Lock>;
type Importer = z.infer<typeof Importer>;

export interface PnpmLock {
  /** 5, 6 or 9: releases between them wrote none of their own. */
  readonly version: 5 | 6 | 9;
  readonly packages: readonly NamedPackage[];
  /** The same text without addresses of tarballs, which pnpm would follow instead of asking its registry. */
  readonly text: string;
}

/** The packages that pnpm-lock.yaml names. What does not come from the registry by an integrity is an error that names it; folders of the tree need no fetch. */
export function parsePnpmLock(text: string): PnpmLock {
  const { lock, version } = readLock(text);
  const packages = bounded(FILE, Object.entries(lock.packages ?? {})).flatMap(([key, entry]) => {
    const { integrity, tarball, type, directory } = entry.resolution;
    if (type === 'directory' || directory !== undefined) return [];
    if (integrity === undefined) throw notFetched(FILE, key, tarball === undefined ? 'it has no integrity' : 'it comes from an address of its own without an integrity');
    const found = nameAndVersion(key, version);
    if (found === null) throw notFetched(FILE, key, 'it does not come from the registry');
    return [registryPackage(FILE, found.name, found.version, integrity)];
  });
  return { version, packages, text: text.replace(/^(\s+resolution: \{integrity: [^,{}\n]+), tarball: [^,{}\n]+\}/gm, '$1}') };
}

/** pnpm 11 and later put a document about the client itself before the one about the project. */
function readLock(text: string): { readonly lock: Lock; readonly version: PnpmLock['version'] } {
  const lock = lastDocument(text);
  const version = ([9, 6, 5] as const).find((v) => Number.parseInt(String(lock.lockfileVersion), 10) === v);
  if (version === undefined) throw unreadable(FILE, `lockfileVersion ${String(lock.lockfileVersion).slice(0, 20)} is not one of 5, 6 and 9`);
  return { lock, version };
}

function lastDocument(text: string): Lock {
  try {
    const documents = parseAllDocuments(text, { logLevel: 'error', uniqueKeys: true });
    const last = Array.isArray(documents) ? documents.at(-1) : undefined;
    const problem = last?.errors[0];
    if (last === undefined || problem !== undefined) throw problem ?? new Error('it is empty');
    return Lock.parse(last.toJS({ maxAliasCount: 0 }));
  } catch (cause) {
    throw unreadable(FILE, 'it is not a lockfile of pnpm', cause);
  }
}

/** `name@1.0.0` since 9, `/name@1.0.0(peer@1.0.0)` in 6, `/name/1.0.0_peer@1.0.0` before. */
function nameAndVersion(key: string, version: PnpmLock['version']): { readonly name: string; readonly version: string } | null {
  const form = version === 9 ? /^((?:@[^@/]+\/)?[^@/]+)@([^@/()]+)(?:\(.*\))?$/ : version === 6 ? /^\/((?:@[^@/]+\/)?[^@/]+)@([^@/()]+)(?:\(.*\))?$/ : /^\/((?:@[^@/]+\/)?[^@/]+)\/([^/_]+)(?:_.*)?$/;
  const match = form.exec(key);
  return match === null ? null : { name: match[1] as string, version: match[2] as string };
}

type Named = NonNullable<ReturnType<typeof nameAndVersion>>;

/** What a reference leads to: `1.0.0(peer@1)`, or a whole key where it is an alias. Null: a folder, or an address. */
function referred(as: string, reference: string, version: PnpmLock['version']): Named | null {
  const whole = nameAndVersion(reference, version);
  if (whole !== null) return whole;
  const plain = reference.replace(version === 5 ? /_.*$/s : /\(.*$/s, '');
  return VERSION.test(plain) ? { name: as, version: plain } : null;
}

const GROUPS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;

function importersOf(lock: Lock): readonly (readonly [string, Importer])[] {
  return lock.importers === null || lock.importers === undefined ? [['.', lock]] : Object.entries(lock.importers);
}

/**
 * Every package that pnpm-lock.yaml says is installed, and who asks for it, one entry for a version whatever peers it was resolved with. Its key is `name@version`. The
 * ranges by which packages ask stand nowhere in this lockfile: `range` is that of the project's own, empty for all others.
 */
export function pnpmInventory(text: string): Inventory {
  const { lock, version } = readLock(text);
  const found = new Map<string, Named>();
  for (const [key] of bounded(FILE, Object.entries(lock.packages ?? {}))) {
    const one = nameAndVersion(key, version);
    if (one !== null && VERSION.test(one.version)) found.set(keyOf(one), one);
  }
  const asked = new Map<string, Map<string, Requirement>>();
  const ask = (by: string, importer: Partial<Importer>, groups: readonly (typeof GROUPS)[number][]): void => {
    for (const group of groups) {
      for (const [as, reference] of Object.entries(importer[group] ?? {})) {
        const target = referred(as, typeof reference === 'string' ? reference : reference.version, version);
        if (target === null) continue;
        const range = by !== '' ? '' : typeof reference === 'string' ? (importer.specifiers?.[as] ?? '') : (reference.specifier ?? '');
        const known = asked.get(keyOf(target)) ?? new Map<string, Requirement>();
        asked.set(keyOf(target), known.set(JSON.stringify([by, as, group]), { by, as, range, group }));
      }
    }
  };
  const importers = importersOf(lock);
  for (const [, importer] of importers) ask('', importer, GROUPS);
  for (const [key, entry] of Object.entries((version === 9 ? lock.snapshots : lock.packages) ?? {})) {
    const one = nameAndVersion(key, version);
    if (one !== null) ask(keyOf(one), entry, ['dependencies', 'optionalDependencies']);
  }
  const packages = [...found].map(([path, one]): InstalledPackage => {
    const requiredBy = [...(asked.get(path)?.values() ?? [])];
    return { path, ...one, dev: false, optional: false, bundled: false, direct: requiredBy.some((r) => r.by === ''), requiredBy };
  });
  return { lockfileVersion: version, packages, workspaces: importers.length > 1 };
}

/** The same lockfile for pnpm to read, without what is to be resolved anew and without who refers to it: everything that is left keeps its version. */
export function prunePnpmLock(text: string, gone: (name: string, version: string) => boolean): string {
  const { lock, version } = readLock(text);
  const away = (one: Named | null): boolean => one !== null && gone(one.name, one.version);
  const without = (asker: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(asker).map(([group, refs]) => {
    if (!(GROUPS as readonly string[]).includes(group) || typeof refs !== 'object' || refs === null) return [group, refs];
    return [group, Object.fromEntries(Object.entries(refs as NonNullable<z.infer<typeof Refs>>).filter(([as, reference]) => !away(referred(as, typeof reference === 'string' ? reference : reference.version, version))))];
  }));
  const entries = (table: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null | undefined): Record<string, unknown> =>
    Object.fromEntries(Object.entries(table ?? {}).filter(([key]) => !away(nameAndVersion(key, version))).map(([key, entry]) => [key, without(entry)]));
  const importers = lock.importers === null || lock.importers === undefined ? {} : { importers: Object.fromEntries(Object.entries(lock.importers).map(([at, importer]) => [at, without(importer)])) };
  return stringify({ ...without(lock), ...importers, packages: entries(lock.packages), ...(version === 9 ? { snapshots: entries(lock.snapshots) } : {}) }, { lineWidth: 0 });
}

function keyOf({ name, version }: Named): string {
  return `${name}@${version}`;
}

/** What pnpm-lock.yaml says of every package that is no folder of the tree. Only forms before 9 say which ones have install scripts. */
export function pnpmOrigins(text: string): Origin[] {
  const { lock, version } = readLock(text);
  return bounded(FILE, Object.entries(lock.packages ?? {})).flatMap(([key, entry]) => {
    const { integrity, tarball, type, directory } = entry.resolution;
    if (type === 'directory' || directory !== undefined) return [];
    const found = nameAndVersion(key, version) ?? { name: entry.name ?? key.replace(/(?<=.)@.*$/s, ''), version: String(entry.version ?? '') };
    const source = type === 'git' ? 'git' : nameAndVersion(key, version) !== null && (tarball === undefined || sourceOf(tarball) === 'url') ? 'registry' : tarball === undefined ? 'url' : sourceOf(tarball);
    return [registryOrigin(found, { source, address: tarball ?? null, digests: sriDigests(integrity), scripts: version === 9 ? null : entry['requiresBuild'] === true })];
  });
}

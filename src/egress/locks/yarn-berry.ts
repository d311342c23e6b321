import { parse, stringify } from 'yaml';
import { z } from 'zod';
import type { Inventory } from '../inventory.js';
import { type NamedPackage, PACKAGE_NAME, VERSION } from '../lockfile.js';
import { bounded, inventoryOf, notFetched, type PatternEntry, registryPackage, unreadable } from './entry.js';
import { decoded, type Origin, registryOrigin, sourceOf } from './origin.js';

const FILE = 'yarn.lock';
const Metadata = z.object({ version: z.coerce.number().int() });
const Entry = z.object({ version: z.union([z.string(), z.number()]), resolution: z.string().max(10_000), checksum: z.string().max(300).nullish().catch(null), dependencies: z.record(z.string(), z.union([z.string(), z.number()])).nullish().catch(null) });

export interface BerryLock {
  /** Version of the lockfile's form: 4 of yarn 2, 5 and 6 of yarn 3, 8 and more of yarn 4. */
  readonly version: number;
  readonly packages: readonly NamedPackage[];
}

/**
 * The packages that a yarn.lock of yarn 2 and later names, by name and version. Its checksum is that of the archive that yarn itself makes of a
 * tarball, so nothing here can be held against what the registry sends: the front takes the integrity that the registry announces, and
 * yarn compares its checksum afterwards, before it unpacks anything.
 */
export function parseBerryLock(text: string): BerryLock {
  const { __metadata: metadata, ...entries } = readLock(text);
  const { data: head } = Metadata.safeParse(metadata);
  if (head === undefined) throw unreadable(FILE, 'it has no __metadata.version');
  const found = new Map<string, NamedPackage>();
  for (const [key, value] of bounded(FILE, Object.entries(entries))) {
    const { data: entry } = Entry.safeParse(value);
    if (entry === undefined) throw unreadable(FILE, `its entry "${key.slice(0, 200)}" has no version and resolution`);
    const one = packageOf(entry.resolution);
    if (one !== null) found.set(`${one.name}@${one.version}`, one);
  }
  return { version: head.version, packages: [...found.values()] };
}

/**
 * Every package that a yarn.lock of yarn 2 and later says is installed, and who asks for it, by the key `name@version`. Ranges are as in package.json: without the
 * protocol that later forms put before them.
 */
export function berryInventory(text: string): Inventory {
  const { __metadata: metadata, ...entries } = readLock(text);
  const packages: PatternEntry[] = [];
  const asked: (readonly [string, string])[] = [];
  let trees = 0;
  for (const [key, value] of bounded(FILE, Object.entries(entries))) {
    const { data: entry } = Entry.safeParse(value);
    if (entry === undefined) throw unreadable(FILE, `its entry "${key.slice(0, 200)}" has no version and resolution`);
    const needs = Object.entries(entry.dependencies ?? {}).map(([as, range]) => [as, plain(String(range))] as const);
    const [, name = '', protocol, rest = ''] = RESOLUTION.exec(entry.resolution) ?? [];
    if (protocol === 'workspace') {
      trees++;
      asked.push(...needs);
    } else if (protocol === 'npm' && VERSION.test(rest) && PACKAGE_NAME.test(name)) packages.push({ name, version: rest, patterns: key.split(', ').map(plainPattern), needs });
  }
  return inventoryOf(packages, asked, Metadata.safeParse(metadata).data?.version ?? 0, trees > 1);
}

/** The same lockfile without what is to be resolved anew, nor what is made of it. */
export function pruneBerryLock(text: string, gone: (name: string, version: string) => boolean): string {
  const kept = Object.entries(readLock(text)).filter(([, value]) => {
    const { data: entry } = Entry.safeParse(value);
    const [, name = '', protocol] = RESOLUTION.exec(entry?.resolution ?? '') ?? [];
    return entry === undefined || protocol === 'workspace' || !gone(name, String(entry.version));
  });
  return stringify(Object.fromEntries(kept), { lineWidth: 0 });
}

const RESOLUTION = /^((?:@[^/]+\/)?[^@/]+)@([a-z+]+):(.*)$/s;

/** `npm:^1.0.0` → `^1.0.0`; an alias keeps its name. */
function plain(range: string): string {
  return range.replace(/^npm:(?!(?:@[^/]+\/)?[A-Za-z][^@]*@)/, '');
}

function plainPattern(pattern: string): string {
  const [, name, range] = /^((?:@[^/]+\/)?[^@]+)@(.*)$/s.exec(pattern) ?? [];
  return name === undefined || range === undefined ? pattern : `${name}@${plain(range)}`;
}

function readLock(text: string): Readonly<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(parse(text, { maxAliasCount: 0, logLevel: 'error' }));
  } catch (cause) {
    throw unreadable(FILE, 'it is not a lockfile of yarn', cause);
  }
}

/** `name@npm:1.0.0`, also as `alias@npm:name@1.0.0` of a patch's source. Null: lies in the tree, or is made of another entry. */
function packageOf(resolution: string): NamedPackage | null {
  const [, , protocol, rest] = RESOLUTION.exec(resolution) ?? [];
  if (protocol === 'workspace' || protocol === 'patch' || protocol === 'link' || protocol === 'portal') return null;
  if (protocol !== 'npm' || rest === undefined) throw notFetched(FILE, resolution, 'it does not come from the registry');
  const name = /^((?:@[^/]+\/)?[^@/]+)@npm:/.exec(resolution)?.[1] as string;
  if (rest.includes('::')) throw notFetched(FILE, resolution, 'its tarball has an address of its own');
  return registryPackage(FILE, name, rest);
}

/** What a yarn.lock of yarn 2 and later says of every package that is no folder of the tree. Its checksum is of yarn's own archive, and may be missing for what is optional. */
export function berryOrigins(text: string): Origin[] {
  const { __metadata: _, ...entries } = readLock(text);
  return bounded(FILE, Object.entries(entries)).flatMap(([key, value]) => {
    const { data: entry } = Entry.safeParse(value);
    if (entry === undefined) throw unreadable(FILE, `its entry "${key.slice(0, 200)}" has no version and resolution`);
    const [, name = entry.resolution, protocol = '', rest = ''] = RESOLUTION.exec(entry.resolution) ?? [];
    if (['workspace', 'patch', 'link', 'portal'].includes(protocol)) return [];
    const own = rest.split('__archiveUrl=')[1]?.split('&')[0];
    const address = protocol !== 'npm' ? `${protocol}:${rest}` : own === undefined ? null : decoded(own);
    const [, form, checksum] = /^(?:([0-9a-z]{1,20})\/)?([0-9a-f]{64,128})$/.exec(entry.checksum ?? '') ?? [];
    const source = protocol === 'npm' ? 'registry' : sourceOf(`${protocol}:${rest}`);
    return [registryOrigin({ name, version: String(entry.version) }, { source: source === 'registry' && protocol !== 'npm' ? 'url' : source, address, digests: checksum === undefined ? [] : [`yarn${form ?? ''}:${checksum}`], pinned: false })];
  });
}

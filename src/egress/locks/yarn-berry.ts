import { parse } from 'yaml';
import { z } from 'zod';
import type { NamedPackage } from '../lockfile.js';
import { bounded, notFetched, registryPackage, unreadable } from './entry.js';

const FILE = 'yarn.lock';
const Metadata = z.object({ version: z.coerce.number().int() });
const Entry = z.object({ version: z.union([z.string(), z.number()]), resolution: z.string().max(10_000) });

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

function readLock(text: string): Readonly<Record<string, unknown>> {
  try {
    return z.record(z.string(), z.unknown()).parse(parse(text, { maxAliasCount: 0, logLevel: 'error' }));
  } catch (cause) {
    throw unreadable(FILE, 'it is not a lockfile of yarn', cause);
  }
}

/** `name@npm:1.0.0`, also as `alias@npm:name@1.0.0` of a patch's source. Null: lies in the tree, or is made of another entry. */
function packageOf(resolution: string): NamedPackage | null {
  const [, , protocol, rest] = /^((?:@[^/]+\/)?[^@/]+)@([a-z+]+):(.*)$/s.exec(resolution) ?? [];
  if (protocol === 'workspace' || protocol === 'patch' || protocol === 'link' || protocol === 'portal') return null;
  if (protocol !== 'npm' || rest === undefined) throw notFetched(FILE, resolution, 'it does not come from the registry');
  const name = /^((?:@[^/]+\/)?[^@/]+)@npm:/.exec(resolution)?.[1] as string;
  if (rest.includes('::')) throw notFetched(FILE, resolution, 'its tarball has an address of its own');
  return registryPackage(FILE, name, rest);
}

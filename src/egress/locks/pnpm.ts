import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { NamedPackage } from '../lockfile.js';
import { bounded, notFetched, registryPackage, unreadable } from './entry.js';

const FILE = 'pnpm-lock.yaml';
const Entry = z.object({
  name: z.string().optional(), version: z.union([z.string(), z.number()]).optional(),
  resolution: z.object({ integrity: z.string().optional(), tarball: z.string().optional(), type: z.string().optional(), directory: z.string().optional() }),
});
const Lock = z.object({ lockfileVersion: z.union([z.string(), z.number()]), packages: z.record(z.string(), Entry).nullish() });

export interface PnpmLock {
  /** 5, 6 or 9: releases between them wrote none of their own. */
  readonly version: 5 | 6 | 9;
  readonly packages: readonly NamedPackage[];
  /** The same text without addresses of tarballs, which pnpm would follow instead of asking its registry. */
  readonly text: string;
}

/** The packages that pnpm-lock.yaml names. What does not come from the registry by an integrity is an error that names it; folders of the tree need no fetch. */
export function parsePnpmLock(text: string): PnpmLock {
  const lock = readLock(text);
  const version = ([9, 6, 5] as const).find((v) => Number.parseInt(String(lock.lockfileVersion), 10) === v);
  if (version === undefined) throw unreadable(FILE, `lockfileVersion ${String(lock.lockfileVersion).slice(0, 20)} is not one of 5, 6 and 9`);
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
function readLock(text: string): z.infer<typeof Lock> {
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

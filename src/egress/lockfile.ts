import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';

/** One package that a lockfile names. Without `integrity` the lockfile pins no digest of the tarball: what the registry announces counts. */
export interface NamedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity?: string;
}

/** One package that a lockfile names. `integrity` is a Subresource Integrity string; the strongest digest of it counts. */
export interface LockedPackage extends NamedPackage {
  readonly integrity: string;
}

const Lockfile = z.object({
  lockfileVersion: z.int(),
  packages: z.record(z.string(), z.object({
    name: z.string().optional(), version: z.string().optional(), resolved: z.string().optional(), integrity: z.string().optional(), link: z.boolean().optional(), inBundle: z.boolean().optional(),
  })).optional(),
});

/** Name as the registry knows it: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
export const PACKAGE_NAME = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[A-Za-z0-9-~][A-Za-z0-9-._~]*$/;
export const VERSION = /^\d+\.\d+\.\d+[0-9A-Za-z.+-]*$/;

/**
 * The packages that package-lock.json (version 2 or 3) names. What cannot be fetched under the rules (git and tarball URLs, no
 * integrity) is an error that names the entry; links into the workspace and bundled packages need no fetch.
 */
export function parseLockfile(text: string): LockedPackage[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read package-lock.json: it is not JSON', { cause });
  }
  const parsed = Lockfile.safeParse(value);
  if (!parsed.success || parsed.data.packages === undefined) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read package-lock.json: expected lockfileVersion 2 or 3 with "packages"', { hint: 'Write it anew with npm 7 or later: npm install --package-lock-only' });
  }
  const found: LockedPackage[] = [];
  for (const [path, entry] of Object.entries(parsed.data.packages)) {
    const at = path.lastIndexOf('node_modules/');
    if (at === -1 || entry.link === true || entry.inBundle === true) continue;
    const name = entry.name ?? path.slice(at + 'node_modules/'.length);
    if (entry.resolved !== undefined && !/^https?:\/\//.test(entry.resolved)) throw refuse(name, `it comes from ${entry.resolved.split(':')[0]}`);
    if (entry.version === undefined || !VERSION.test(entry.version) || !PACKAGE_NAME.test(name)) throw refuse(name, 'its name or version is not one of the registry');
    if (entry.integrity === undefined || !/sha(1|256|384|512)-/.test(entry.integrity)) throw refuse(name, 'it has no integrity');
    found.push({ name, version: entry.version, integrity: entry.integrity });
  }
  return found;
}

/** The same lockfile with every address of a registry exchanged, so that no client follows one that somebody else wrote. For texts that `parseLockfile` took. */
export function relocateLockfile(text: string, urlOf: (name: string, version: string) => string): string {
  const value = z.looseObject({ packages: z.record(z.string(), z.looseObject({ name: z.string().optional(), version: z.string().optional(), resolved: z.union([z.string(), z.boolean()]).optional() })) }).parse(JSON.parse(text));
  for (const [path, entry] of Object.entries(value.packages)) {
    const name = entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (entry.version !== undefined && /^https?:\/\//.test(String(entry.resolved))) entry.resolved = urlOf(name, entry.version);
  }
  return JSON.stringify(value);
}

function refuse(name: string, why: string): SallyportError {
  return new SallyportError('setup.fetch_failed', `Cannot fetch "${name.slice(0, 200)}": ${why}`, { hint: 'Only packages of the registry with an integrity in package-lock.json are fetched.' });
}

/**
 * How many packages a lockfile pins by SHA-1 alone, as those do that npm wrote before 2017. Nobody can make a second file with a given SHA-1,
 * but a publisher could make two with the same one: it is taken, and said in every proof. 0 for what is no lockfile.
 */
export function weaklyLocked(text: string): number {
  try {
    return parseLockfile(text).filter((p) => !/sha(256|384|512)-/.test(p.integrity)).length;
  } catch (error) {
    if (error instanceof SallyportError) return 0; // the fetch phase says what is wrong with it
    throw error;
  }
}

import { z } from 'zod';
import type { Denial } from '../egress/denials.js';
import { PACKAGE_NAME } from '../egress/lockfile.js';

const Lockfile = z.object({ packages: z.record(z.string(), z.object({ name: z.string().optional(), version: z.string().max(200).optional(), hasInstallScript: z.boolean().optional() })) });
const FILES = ['npm-shrinkwrap.json', 'package-lock.json'] as const;

/**
 * Packages whose install scripts did not run because the environment does not list them, as npm's lockfile says which have one. Whether one was needed nobody
 * knows before: it is told where the build fails. Other lockfiles do not say it.
 */
export function unlistedScripts(manifests: ReadonlyMap<string, Buffer>, listed: readonly string[]): Denial[] {
  const path = FILES.find((name) => manifests.has(name));
  const parsed = path === undefined ? null : Lockfile.safeParse(readJson(manifests.get(path)?.toString('utf8') ?? ''));
  if (path === undefined || parsed?.data === undefined) return [];
  const found = Object.entries(parsed.data.packages).flatMap(([at, entry]) => {
    const name = entry.name ?? at.slice(at.lastIndexOf('node_modules/') + 'node_modules/'.length);
    return entry.hasInstallScript === true && at.includes('node_modules/') && PACKAGE_NAME.test(name) && name.length <= 214 && !listed.includes(name) ? [{ name, version: entry.version ?? '' }] : [];
  });
  return found.map(({ name, version }) => ({ rule: 'install-script-not-listed', why: `the install script of ${name}@${version} did not run`, line: { key: 'setup.install_scripts', value: name }, by: path }));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the fetch phase says what is wrong with it
  }
}

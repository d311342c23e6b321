import { z } from 'zod';
import { type Origin, registryOrigin, sourceOf, sriDigests } from './origin.js';
import { bounded, unreadable } from './entry.js';

const Licence = z.union([z.string(), z.looseObject({ type: z.string() }).transform((l) => l.type)]).nullish().catch(null);
const Entry = z.looseObject({
  name: z.string().nullish().catch(null), version: z.string().nullish().catch(null), resolved: z.string().nullish().catch(null), integrity: z.string().nullish().catch(null),
  link: z.boolean().nullish().catch(null), inBundle: z.boolean().nullish().catch(null), hasInstallScript: z.boolean().nullish().catch(null), license: Licence,
});
const Lock = z.object({ lockfileVersion: z.union([z.literal(2), z.literal(3)]), packages: z.record(z.string(), Entry) });

/** What package-lock.json or npm-shrinkwrap.json (version 2 or 3) says of every package that is no folder of the tree. */
export function npmOrigins(file: string, text: string): Origin[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, 'it is not JSON', cause);
  }
  const parsed = Lock.safeParse(value);
  if (!parsed.success) throw unreadable(file, 'expected lockfileVersion 2 or 3 with "packages"');
  return bounded(file, Object.entries(parsed.data.packages)).flatMap(([path, entry]) => {
    const at = path.lastIndexOf('node_modules/');
    if (at === -1 || entry.link === true) return [];
    const [name, address] = [entry.name ?? path.slice(at + 'node_modules/'.length), entry.resolved ?? null];
    // npm leaves the address out for a registry's tarball with omit-lockfile-registry-resolved; what is bundled comes in the tarball above it.
    const bundled = entry.inBundle === true;
    const source = address === null ? 'registry' : npmSource(name, address);
    return [registryOrigin({ name, version: entry.version ?? '' }, { source, address, digests: sriDigests(entry.integrity ?? undefined), pinned: !bundled, scripts: entry.hasInstallScript === true, licence: entry.license ?? null })];
  });
}

/** A tarball of a registry is told by the form of its address; its host is judged apart. */
function npmSource(name: string, address: string): Origin['source'] {
  const source = sourceOf(address);
  return source === 'url' && (/\/-\/[^/?#]+\.tgz(?:[?#]|$)/.test(address) || address.includes(`/download/${name}/`)) ? 'registry' : source;
}

import { z } from 'zod';

const Ranges = z.record(z.string(), z.string()).nullish().catch(null);

/** One version as the registry describes it. Unknown keys stay: the client gets them. */
const Manifest = z.looseObject({
  dist: z.looseObject({ tarball: z.string(), integrity: z.string().optional(), shasum: z.string().optional() }),
  /** A message; registries also write `true`, or an empty message for "no longer". */
  deprecated: z.union([z.string(), z.boolean()]).nullish().catch(null),
  dependencies: Ranges,
  optionalDependencies: Ranges,
  peerDependencies: Ranges,
});
export type Manifest = z.infer<typeof Manifest>;

/** `full` has the licence and everything else that npm writes into a lockfile; `short` is what an installation needs. */
export type Metadata = 'full' | 'short';
/** The header that asks for it. */
export const ACCEPT: Readonly<Record<Metadata, string>> = { full: 'application/json, */*', short: 'application/vnd.npm.install-v1+json, application/json, */*' };

/** Metadata of a package: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md */
export const Packument = z.object({
  name: z.string(),
  'dist-tags': z.record(z.string(), z.string()).default({}),
  versions: z.record(z.string(), Manifest),
  /** When each version was published; only in the full form. */
  time: z.record(z.string(), z.unknown()).nullish().catch(null),
});
export type Packument = z.infer<typeof Packument>;

/** Throws when the body is not the metadata of a package. */
export function readPackument(body: Buffer): Packument {
  return Packument.parse(JSON.parse(body.toString('utf8')));
}

/** When the registry says that a version was published; null where it does not. */
export function publishedAt({ time }: Packument, version: string): Date | null {
  const text = time !== null && time !== undefined && Object.hasOwn(time, version) ? time[version] : undefined;
  return readTime(text);
}

/** A point in time as registries write it (ISO 8601); null for everything else. */
export function readTime(text: unknown): Date | null {
  const date = typeof text === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:?\d\d)?$/.test(text) ? new Date(text) : null;
  return date === null || Number.isNaN(date.getTime()) ? null : date;
}

export function isDeprecated(manifest: Manifest): boolean {
  return manifest.deprecated !== undefined && manifest.deprecated !== null && manifest.deprecated !== false && manifest.deprecated !== '';
}

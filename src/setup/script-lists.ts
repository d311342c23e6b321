import { parse } from 'yaml';
import { z } from 'zod';

const Names = z.array(z.string().max(300)).max(1000).nullish().catch(null);
const Built = z.record(z.string(), z.unknown()).nullish().catch(null);
const Lists = z.object({ onlyBuiltDependencies: Names, allowBuilds: Built }).catch({ onlyBuiltDependencies: null, allowBuilds: null });
const Manifest = z.object({ pnpm: Lists.nullish().catch(null), trustedDependencies: Names, dependenciesMeta: z.record(z.string(), z.looseObject({ built: z.boolean().nullish().catch(null) })).nullish().catch(null) });

/** Packages whose install scripts clients of this tree would run by its own files at the root: here none of them ever does. What cannot be read lists nothing. */
export function scriptsListedBy(manifests: ReadonlyMap<string, Buffer>): string[] {
  const { data: manifest } = Manifest.safeParse(readBy(manifests.get('package.json'), JSON.parse));
  const { data: workspace } = Lists.safeParse(readBy(manifests.get('pnpm-workspace.yaml'), (text) => parse(text, { maxAliasCount: 0, logLevel: 'error' })));
  const built = Object.entries(manifest?.dependenciesMeta ?? {}).flatMap(([name, { built: on }]) => (on === true ? [name] : []));
  return [...new Set([...(manifest?.trustedDependencies ?? []), ...built, ...[manifest?.pnpm, workspace].flatMap((lists) => [...(lists?.onlyBuiltDependencies ?? []), ...allowed(lists?.allowBuilds)])].map(plain))];
}

function allowed(builds: Readonly<Record<string, unknown>> | null | undefined): string[] {
  return Object.entries(builds ?? {}).flatMap(([name, on]) => (on === true ? [name] : []));
}

/** `name@1.0.0 || 1.0.1` says the versions too. */
function plain(name: string): string {
  return /^(@?[^@]+)/.exec(name)?.[1] ?? name;
}

function readBy(body: Buffer | undefined, read: (text: string) => unknown): unknown {
  try {
    return body === undefined ? {} : read(body.toString('utf8'));
  } catch {
    return {};
  }
}

import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';

/**
 * Keys of a repository's .yarnrc.yml that say how a tree is laid out, or what the checksums of its lockfile are made of. All others are dropped: they
 * name registries, credentials, programs and plug-ins, which are code.
 */
const KEPT = new Set(['compressionLevel', 'packageExtensions', 'catalog', 'catalogs', 'supportedArchitectures', 'nmHoistingLimits', 'nmSelfReferences', 'enableTransparentWorkspaces', 'defaultProtocol', 'defaultSemverRangePrefix']);

/** The part of a .yarnrc.yml that the fetch phase obeys. */
export function siftYarnrc(text: string): string {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 20, logLevel: 'error' });
  } catch (cause) {
    throw new SallyportError('setup.fetch_failed', 'Cannot read .yarnrc.yml: it is not YAML', { cause });
  }
  const parsed = z.record(z.string(), z.unknown()).nullable().safeParse(value);
  if (!parsed.success) throw new SallyportError('setup.fetch_failed', 'Cannot read .yarnrc.yml: expected keys with values');
  return stringify(Object.fromEntries(Object.entries(parsed.data ?? {}).filter(([key]) => KEPT.has(key))));
}

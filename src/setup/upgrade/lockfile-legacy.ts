import { z } from 'zod';
import type { JsonNode, JsonText, Piece } from './json-text.js';
import type { LockEntry } from './lock-entry.js';
import type { ResolvedStyle } from './resolved-style.js';

/** An entry of `dependencies`, which a lockfile of version 2 has beside `packages` for npm 6: nested as it lies on disk. */
interface LegacyEntry {
  readonly version?: string | undefined;
  readonly resolved?: string | undefined;
  readonly integrity?: string | undefined;
  readonly dependencies?: Readonly<Record<string, LegacyEntry>> | undefined;
}
const Legacy: z.ZodType<LegacyEntry> = z.lazy(() => z.looseObject({ version: z.string().optional(), resolved: z.string().optional(), integrity: z.string().optional(), dependencies: z.record(z.string(), Legacy).optional() }));

/** The text of `dependencies`: a package of the top level that is the same, with all that lies below it, keeps its text. */
export function legacyText(old: JsonText, node: JsonNode, made: unknown, style: ResolvedStyle): string {
  const now = z.record(z.string(), Legacy).parse(made ?? {});
  const was = z.record(z.string(), Legacy).parse(old.value(node));
  const pieces = Object.entries(now).map(([name, entry]): Piece => {
    const keep = old.member(node, name);
    if (keep === undefined) return { key: name, value: restyled(name, entry, style) };
    return Object.hasOwn(was, name) && shape(was[name] as LegacyEntry) === shape(entry) ? { keep } : { keep, text: old.write(restyled(name, entry, style), 2) };
  });
  return old.object(node, 1, pieces);
}

function restyled(name: string, entry: LegacyEntry, style: ResolvedStyle): unknown {
  const styled = style.apply(`node_modules/${name}`, entry as LockEntry);
  if (entry.dependencies === undefined) return styled;
  return { ...styled, dependencies: Object.fromEntries(Object.entries(entry.dependencies).map(([inner, value]) => [inner, restyled(inner, value, style)])) };
}

/** Equal for the same packages in the same places. */
function shape(entry: LegacyEntry): string {
  const below = Object.entries(entry.dependencies ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => [name, shape(value)]);
  return JSON.stringify([entry.version ?? null, entry.integrity ?? null, below]);
}

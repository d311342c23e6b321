import { z } from 'zod';
import { inOrder } from './edits.js';
import type { Fix } from './model.js';

const Offset = z.int().min(0).max(2 ** 31);
const Replacement = z.object({
  deletedRegion: z.object({ charOffset: Offset, charLength: Offset.optional() }),
  insertedContent: z.object({ text: z.string().max(20_000) }).optional(),
});
const SarifFix = z.object({
  description: z.object({ text: z.string().max(1000) }),
  artifactChanges: z.array(z.object({
    artifactLocation: z.object({ uri: z.string().max(10_000) }),
    replacements: z.array(Replacement).min(1).max(50),
  })).length(1),
});

/**
 * The first of a result's `fixes` (section 3.27.30) where it is one that we can apply: one file, which `isHere` says is the result's own; at
 * most 50 replacements by character offset, in order and not overlapping. Null for anything else: many tools write other forms, and a
 * result counts without its fix.
 */
export function parseFix(fixes: unknown, isHere: (uri: string) => boolean): Fix | null {
  const parsed = SarifFix.safeParse(Array.isArray(fixes) ? fixes[0] : null);
  const [change] = parsed.data?.artifactChanges ?? [];
  if (parsed.data === undefined || change === undefined || !isHere(change.artifactLocation.uri)) return null;
  const edits = change.replacements.map(({ deletedRegion: { charOffset, charLength = 0 }, insertedContent }) => ({
    start: charOffset, end: charOffset + charLength, text: insertedContent?.text ?? '',
  }));
  return inOrder(edits) ? { title: parsed.data.description.text.slice(0, 200), edits } : null;
}

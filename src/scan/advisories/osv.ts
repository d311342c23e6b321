import { z } from 'zod';

/**
 * What is needed of a record in the Open Source Vulnerability format (https://ossf.github.io/osv-schema/, version 1.7). Other keys are
 * dropped, lengths are bounded: a record comes from a file or a mirror that anybody may have written.
 */
const Version = z.string().max(200);

const Event = z.object({ introduced: Version.optional(), fixed: Version.optional(), last_affected: Version.optional(), limit: Version.optional() });
export type OsvEvent = z.infer<typeof Event>;

const Range = z.object({ type: z.string().max(20), events: z.array(Event).max(10_000) });
export type OsvRange = z.infer<typeof Range>;

const Affected = z.object({
  /** Absent where a record speaks of a git repository only. */
  package: z.object({ ecosystem: z.string().max(100), name: z.string().max(500) }).nullish(),
  ranges: list(Range, 10_000),
  versions: list(Version, 100_000),
});
export type OsvAffected = z.infer<typeof Affected>;

const Time = z.string().max(40).refine((t) => !Number.isNaN(Date.parse(t)), 'expected a date');

const Osv = z.object({
  id: z.string().regex(/^[A-Za-z0-9][\w.:+-]{0,127}$/),
  modified: Time,
  published: Time.nullish(),
  withdrawn: Time.nullish(),
  aliases: list(z.string().max(128), 1000),
  summary: z.string().nullish().transform((s) => (s ?? '').slice(0, 300)),
  affected: list(Affected, 10_000),
  severity: list(z.object({ type: z.string().max(30), score: z.string().max(300) }), 20),
  database_specific: z.object({ severity: z.string().max(30).nullish().catch(null) }).nullish().catch(null),
});
export type OsvRecord = z.infer<typeof Osv>;

/** One record, or what is wrong with it. */
export function readOsv(value: unknown): { readonly record: OsvRecord } | { readonly problem: string } {
  const parsed = Osv.safeParse(value);
  if (parsed.success) return { record: parsed.data };
  const issue = parsed.error.issues[0];
  return { problem: `${issue?.path.map(String).join('.').slice(0, 100) || 'the record'}: ${issue?.message.slice(0, 200) ?? 'not a record'}` };
}

/** A list that may be left out or null, as exporters write it. */
function list<T extends z.ZodType>(item: T, most: number) {
  return z.array(item).max(most).nullish().transform((values) => values ?? []);
}

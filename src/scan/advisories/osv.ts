import { z } from 'zod';

/**
 * What is needed of a record in the OSV format (https://ossf.github.io/osv-schema/). Unknown fields are kept out, lists are bounded:
 * records come from a repository or a mirror.
 */
const Word = z.string().max(300);
const Event = z.looseObject({ introduced: Word.optional(), fixed: Word.optional(), last_affected: Word.optional() });
const Affected = z.object({
  package: z.object({ ecosystem: Word, name: Word }).optional(),
  ranges: z.array(z.object({ type: Word, events: z.array(Event).max(1000) })).max(200).default([]),
  versions: z.array(Word).max(20_000).default([]),
});
export type Affected = z.infer<typeof Affected>;

export const OsvRecord = z.object({
  id: z.string().min(1).max(200),
  modified: z.iso.datetime({ offset: true }),
  withdrawn: z.iso.datetime({ offset: true }).optional(),
  aliases: z.array(z.string().max(200)).max(50).default([]),
  summary: z.string().max(2000).default(''),
  affected: z.array(Affected).max(500).default([]),
  severity: z.array(z.object({ type: Word, score: Word })).max(20).default([]),
  database_specific: z.looseObject({ severity: z.unknown().optional() }).optional(),
});
export type OsvRecord = z.infer<typeof OsvRecord>;

export type Severity = 'critical' | 'high' | 'moderate' | 'low';
const NAMES: Readonly<Record<string, Severity>> = { critical: 'critical', high: 'high', moderate: 'moderate', medium: 'moderate', low: 'low' };

/** The database's own word where it has one, else the CVSS 3 base score's; null when neither is there. */
export function severityOf(record: OsvRecord): Severity | null {
  const word = record.database_specific?.severity;
  if (typeof word === 'string' && Object.hasOwn(NAMES, word.toLowerCase())) return NAMES[word.toLowerCase()] ?? null;
  const score = record.severity.map((s) => (s.type === 'CVSS_V3' ? cvss3(s.score) : null)).find((s) => s !== null);
  if (score === undefined || score === null) return null;
  return score >= 9 ? 'critical' : score >= 7 ? 'high' : score >= 4 ? 'moderate' : 'low';
}

const METRICS = {
  AV: { N: 0.85, A: 0.62, L: 0.55, P: 0.2 }, AC: { L: 0.77, H: 0.44 }, UI: { N: 0.85, R: 0.62 },
  C: { H: 0.56, L: 0.22, N: 0 }, I: { H: 0.56, L: 0.22, N: 0 }, A: { H: 0.56, L: 0.22, N: 0 },
} as const;
const PRIVILEGES = { U: { N: 0.85, L: 0.62, H: 0.27 }, C: { N: 0.85, L: 0.68, H: 0.5 } } as const;

/** Base score (0 to 10) of a CVSS 3.0 or 3.1 vector, null when it is none (FIRST, CVSS v3.1 specification, section 7.1). */
export function cvss3(vector: string): number | null {
  if (!/^CVSS:3\.[01]\//.test(vector)) return null;
  const given = new Map(vector.split('/').slice(1).map((part) => part.split(':') as [string, string]));
  const value = (table: Readonly<Record<string, number>>, key: string): number => table[given.get(key) ?? ''] ?? Number.NaN;
  const scope = given.get('S');
  if (scope !== 'U' && scope !== 'C') return null;
  const impactBase = 1 - (1 - value(METRICS.C, 'C')) * (1 - value(METRICS.I, 'I')) * (1 - value(METRICS.A, 'A'));
  const impact = scope === 'U' ? 6.42 * impactBase : 7.52 * (impactBase - 0.029) - 3.25 * (impactBase - 0.02) ** 15;
  const exploitability = 8.22 * value(METRICS.AV, 'AV') * value(METRICS.AC, 'AC') * value(PRIVILEGES[scope], 'PR') * value(METRICS.UI, 'UI');
  if (Number.isNaN(impact) || Number.isNaN(exploitability)) return null;
  if (impact <= 0) return 0;
  return roundUp(Math.min((scope === 'U' ? 1 : 1.08) * (impact + exploitability), 10));
}

/** Appendix A of the same: up to one decimal, without the traps of binary fractions. */
function roundUp(score: number): number {
  const whole = Math.round(score * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}

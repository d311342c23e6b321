const AV: Weights = { N: 0.85, A: 0.62, L: 0.55, P: 0.2 };
const AC: Weights = { L: 0.77, H: 0.44 };
const PR_UNCHANGED: Weights = { N: 0.85, L: 0.62, H: 0.27 };
const PR_CHANGED: Weights = { N: 0.85, L: 0.68, H: 0.5 };
const UI: Weights = { N: 0.85, R: 0.62 };
const CIA: Weights = { H: 0.56, L: 0.22, N: 0 };
type Weights = Readonly<Record<string, number>>;

export type Severity = 'critical' | 'high' | 'moderate' | 'low';

/**
 * Base score of a CVSS 3.0 or 3.1 vector, 0 to 10 (https://www.first.org/cvss/v3.1/specification-document, section 7.1). Temporal and
 * environmental metrics are left aside. Null when the vector is not one: a base metric missing, given twice or unknown. For 3.0 the rounding
 * of 3.1 is used, which gives what 3.0 meant without the errors of floating point.
 */
export function baseScore(vector: string): number | null {
  const match = /^CVSS:3\.[01]\/(.{1,290})$/.exec(vector);
  if (match === null) return null;
  const metrics = new Map<string, string>();
  for (const part of (match[1] as string).split('/')) {
    const [name, value, ...more] = part.split(':');
    if (name === undefined || value === undefined || more.length > 0 || metrics.has(name)) return null;
    metrics.set(name, value);
  }
  const weight = (name: string, weights: Weights): number => {
    const value = metrics.get(name) ?? '';
    return Object.hasOwn(weights, value) ? (weights[value] as number) : Number.NaN;
  };
  const scope = metrics.get('S');
  if (scope !== 'U' && scope !== 'C') return null;
  const exploitability = 8.22 * weight('AV', AV) * weight('AC', AC) * weight('PR', scope === 'C' ? PR_CHANGED : PR_UNCHANGED) * weight('UI', UI);
  const iss = 1 - (1 - weight('C', CIA)) * (1 - weight('I', CIA)) * (1 - weight('A', CIA));
  const impact = scope === 'U' ? 6.42 * iss : 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02) ** 15;
  if (Number.isNaN(exploitability) || Number.isNaN(impact)) return null;
  if (impact <= 0) return 0;
  return roundUp(Math.min((scope === 'C' ? 1.08 : 1) * (impact + exploitability), 10));
}

/** Smallest number with one decimal that is not below the input (appendix A of the specification). */
function roundUp(input: number): number {
  const whole = Math.round(input * 100_000);
  return whole % 10_000 === 0 ? whole / 100_000 : (Math.floor(whole / 10_000) + 1) / 10;
}

/** The rating of a score (section 5 of the specification; its "medium" is the registries' "moderate"). Null for 0, which means none. */
export function ratingOf(score: number): Severity | null {
  return score >= 9 ? 'critical' : score >= 7 ? 'high' : score >= 4 ? 'moderate' : score > 0 ? 'low' : null;
}

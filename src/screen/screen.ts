import { FEATURES, fold, vectorOf } from './features.js';
import { BIAS, WEIGHTS } from './weights.js';

/** Version of features, weights and thresholds, for the log. */
export const SCREEN = { name: 'sallyport-screen', version: '1' } as const;
/** From here on a person must say what it is for; from there on it is refused. Probabilities. */
const ASK = 0.5;
const REFUSE = 0.85;

export interface Screened {
  readonly outcome: 'allow' | 'ask' | 'refuse';
  /** 0 to 1. */
  readonly score: number;
  /** What speaks against it, the heaviest first. */
  readonly reasons: readonly string[];
}

/**
 * Judges the purpose of a request by its text alone: logistic regression over named features (`scripts/screening.mjs` fits and reports it).
 * It errs on the side of asking a person. What it does not see it cannot stop: docs/threat-model.md.
 */
export function screen(text: string): Screened {
  const vector = vectorOf(fold(text));
  const held = FEATURES.filter((_, i) => vector[i] === 1);
  const score = 1 / (1 + Math.exp(-held.reduce((sum, f) => sum + weight(f.id), BIAS)));
  const reasons = held.filter((f) => weight(f.id) > 0).sort((a, b) => weight(b.id) - weight(a.id)).map((f) => f.reason);
  return { outcome: outcomeOf(score, reasons.length), score: Math.round(score * 1000) / 1000, reasons: reasons.slice(0, 5) };
}

/** One reason alone is a doubt, never a refusal: a word can stand anywhere. */
export function outcomeOf(score: number, reasons: number): Screened['outcome'] {
  return score >= REFUSE && reasons >= 2 ? 'refuse' : score >= ASK ? 'ask' : 'allow';
}

function weight(id: string): number {
  return WEIGHTS[id] ?? 0;
}

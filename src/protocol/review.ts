import { z } from 'zod';
import { BodyRef } from './body.js';

/** What a reviewing model says that it found. All of it is the model's word: advice, until its proof was tried. */
export const ReviewFinding = z.strictObject({
  title: z.string().min(1).max(300),
  severity: z.enum(['critical', 'high', 'medium', 'low', 'note']),
  cwe: z.string().regex(/^CWE-\d{1,5}$/, 'expected CWE- and a number').nullish(),
  place: z.string().min(1).max(500).describe('path:line'),
  why: z.string().min(1).max(4000),
  remedy: z.string().min(1).max(2000),
  proof: z.string().min(1).max(8000).nullish().describe('shell script that exits 0 only where the fault can be exploited'),
});
export type ReviewFinding = z.infer<typeof ReviewFinding>;

/**
 * What became of its proof: `reproduced` it succeeds on what was reviewed, and not on the base where there is one; `not_reproduced` it does not succeed; `also_on_base` it succeeds on both, so that it tells
 * nothing of the change; `not_tried` there is none, or there were too many.
 */
export const Reproduced = z.enum(['reproduced', 'not_reproduced', 'also_on_base', 'not_tried']);
export type Reproduced = z.infer<typeof Reproduced>;

export const ReviewedFinding = z.strictObject({
  ...ReviewFinding.shape,
  cwe: z.string().nullable(),
  proof: z.string().nullable(),
  /** Whether the place is one of the tree that was reviewed. */
  exists: z.boolean(),
  reproduced: Reproduced,
  /** What the proof printed on the tree that was reviewed. */
  output: BodyRef.nullable(),
});
export type ReviewedFinding = z.infer<typeof ReviewedFinding>;

/** Findings that one review may have. */
export const MAX_REVIEW_FINDINGS = 50;

import { z } from 'zod';
import { MOST_CASES, MOST_MARKS } from './model.js';

const Marks = z.array(z.strictObject({ what: z.string().max(100), text: z.string().max(500), line: z.int().min(1) })).max(MOST_MARKS).readonly();
const Case = z.strictObject({ name: z.string().max(1000), line: z.int().min(1), strong: z.int().min(0), weak: z.int().min(0), skipped: z.boolean() });

/** The facts about one file as a report and a stored body hold them, the path aside. */
export const FileFactsProperties = z.strictObject({
  content: z.enum(['text', 'binary', 'program', 'generated']),
  suppressions: Marks,
  hidden: Marks,
  tests: z.strictObject({ cases: z.array(Case).max(MOST_CASES).readonly(), marks: Marks }).nullable(),
});
export const FileFactsBody = z.strictObject({ path: z.string(), ...FileFactsProperties.shape });

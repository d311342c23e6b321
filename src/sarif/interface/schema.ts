import { z } from 'zod';
import { MOST_NAME, MOST_OFFERED, MOST_PARAMETERS, OFFERED_KINDS } from './model.js';

/** One entry as a report and a stored body hold it, its file aside. */
export const EntryProperties = z.strictObject({
  entry: z.string().max(2 * MOST_NAME),
  offered: z.array(z.strictObject({ name: z.string().max(MOST_NAME), kind: z.enum(OFFERED_KINDS), parameters: z.string().max(MOST_PARAMETERS).nullable() })).max(MOST_OFFERED).readonly(),
  unclear: z.string().max(500).nullable(),
});
export const EntryBody = z.strictObject({ path: z.string(), ...EntryProperties.shape });

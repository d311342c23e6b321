import { z } from 'zod';

const Text = z.string().max(1000);

/** One thing that a package offers to others and that base and head tell differently. `before` and `after` as `function (a, b)`; null where it is not there. */
export const InterfaceChange = z.strictObject({ state: z.enum(['removed', 'changed', 'added']), entry: Text, name: Text, before: Text.nullable(), after: Text.nullable(), path: z.string() });
export type InterfaceChange = z.infer<typeof InterfaceChange>;

/** What the packages of a repository offer to others, base against head. */
export const PublicInterface = z.strictObject({
  /** Ways into packages, and names behind them, at the head. */
  entries: z.int().min(0),
  names: z.int().min(0),
  counts: z.strictObject({ removed: z.int().min(0), changed: z.int().min(0), added: z.int().min(0) }),
  /** Those that matter most first; the counts tell how many there are. */
  changes: z.array(InterfaceChange).max(500),
  /** Why not all of it can be told. */
  unclear: z.array(z.string().max(2000)).max(50),
});
export type PublicInterface = z.infer<typeof PublicInterface>;

import { z } from 'zod';

/** An entry of `packages`; every other key stays as it is. The order of the keys is npm's: it is the order in which they come out. https://docs.npmjs.com/cli/configuring-npm/package-lock-json#packages */
export const LockEntry = z.looseObject({
  name: z.string().optional(), version: z.string().optional(), resolved: z.string().optional(), integrity: z.string().optional(), link: z.boolean().optional(),
});
export type LockEntry = z.infer<typeof LockEntry>;

/** The name as the registry knows it: an alias names it, otherwise it is the folder's. */
export function packageName(path: string, entry: LockEntry): string {
  return entry.name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

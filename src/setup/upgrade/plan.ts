import { z } from 'zod';
export const Upgrade = z.strictObject({ id: z.string(), package: z.string(), from: z.array(z.string()), to: z.string(), advisories: z.array(z.string()), how: z.enum(['direct', 'lock', 'override']), note: z.string().nullable() });
export type Upgrade = z.infer<typeof Upgrade>;
export interface Impossible { readonly package: string; readonly version: string; readonly advisories: string[]; readonly reason: string }
export function planUpgrades(_: unknown): { upgrades: Upgrade[]; impossible: Impossible[] } { return { upgrades: [], impossible: [] }; }
export function upgradeNames(_: unknown): string[] { return []; }

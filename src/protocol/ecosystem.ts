import { z } from 'zod';

/** Where packages come from, by the name that registries and advisories know. */
export const Ecosystem = z.enum(['npm', 'pypi', 'go', 'cargo']);
export type Ecosystem = z.infer<typeof Ecosystem>;

import { z } from 'zod';

export const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
export type Digest = z.infer<typeof Digest>;

/** A stored body. `blind` bodies are kept as nonce ‖ body, so that the digest tells nothing once the body is erased. `bytes` is the body's length. */
export const BodyRef = z.strictObject({ digest: Digest, bytes: z.int().min(0), blind: z.boolean(), media: z.string().max(100) });
export type BodyRef = z.infer<typeof BodyRef>;

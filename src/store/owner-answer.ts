import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../protocol/errors.js';

/** The one line that the owner says to each client. The socket stays open afterwards: it is the client's share in the database. */
export const OwnerAnswer = z.discriminatedUnion('ok', [
  z.strictObject({ v: z.literal(1), ok: z.literal(true), url: z.string(), owner: z.int() }),
  z.strictObject({ v: z.literal(1), ok: z.literal(false), code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]), message: z.string(), hint: z.string().nullable() }),
]);
export type OwnerAnswer = z.infer<typeof OwnerAnswer>;

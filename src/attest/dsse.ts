import { type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';

/**
 * Dead Simple Signing Envelope v1.0.2: bytes with their type and Ed25519 signatures over both.
 * https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
 */
export const Envelope = z.strictObject({
  payloadType: z.string().min(1).max(200),
  payload: z.base64(),
  signatures: z.array(z.strictObject({ keyid: z.string().max(200).optional(), sig: z.base64() })).min(1).max(10),
});
export type Envelope = z.infer<typeof Envelope>;

export function signEnvelope(payloadType: string, payload: Buffer, key: KeyObject): Envelope {
  return { payloadType, payload: payload.toString('base64'), signatures: [{ sig: sign(null, encoded(payloadType, payload), key).toString('base64') }] };
}

/** The payload, when the envelope has the type and one of its signatures is the key's; null otherwise. */
export function verifyEnvelope(envelope: Envelope, payloadType: string, key: KeyObject): Buffer | null {
  const payload = Buffer.from(envelope.payload, 'base64');
  const holds = envelope.payloadType === payloadType && envelope.signatures.some(({ sig }) => verify(null, encoded(payloadType, payload), key, Buffer.from(sig, 'base64')));
  return holds ? payload : null;
}

/** Pre-authentication encoding, so that no type can be read as part of a payload. */
function encoded(type: string, payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

import type { BodyRef } from '../protocol/evidence.js';

/** `altered`: something is stored under the digest, but it does not have it. */
export type BodyCheck = 'ok' | 'missing' | 'altered';

/** Content-addressed bodies. An implementation MUST make a body durable before `put` returns and MUST verify the digest in `get`. */
export interface Artifacts {
  /**
   * Stores a body and returns what to write on the log. Idempotent for bodies that are not blind. `blind` keeps a fresh 32-byte nonce in
   * front of the body and takes the digest over both, so that the digest tells nothing about a body that was erased.
   * Throws `disk.full`.
   */
  put(body: Buffer | string, options: { readonly blind: boolean; readonly media: string }): Promise<BodyRef>;
  /** The body without its nonce. Throws `artifact.missing` when it is gone or has another digest. */
  get(ref: BodyRef): Promise<Buffer>;
  /** Like `get`, as data. */
  check(ref: BodyRef): Promise<BodyCheck>;
  /** Removes the body (and its nonce). No error when it is gone already. */
  erase(ref: BodyRef): Promise<void>;
}

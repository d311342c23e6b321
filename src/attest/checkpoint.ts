import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import type { ChainHead } from './chain.js';

/**
 * Signed head of a task's chain, as a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint): origin line, size, hash in
 * base64, empty line, signature line. The hash is that of the last entry of the chain, not of a Merkle tree, and the origin says so.
 * The key name is the origin, as tlog-checkpoint asks; so a checkpoint of one task cannot pass for one of another.
 */
export interface Checkpoint {
  readonly task: string;
  readonly head: ChainHead;
}

/** What a note turned out to be. `wrong_key`: signed, but not by this key. */
export type CheckpointResult =
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly problem: 'malformed' | 'wrong_key' | 'bad_signature'; readonly detail: string };

const ORIGIN = 'sallyport/task-chain/v1/';
const NOTE = /^(?<text>(?<origin>[^\s+]+)\n(?<size>0|[1-9][0-9]{0,8})\n(?<root>[A-Za-z0-9+/]{43}=)\n)\n\u2014 (?<name>[^\s+]+) (?<signature>[A-Za-z0-9+/]+={0,2})\n$/;
const ALGORITHM_ED25519 = 0x01;

/** Makes the note. `privateKey` is an Ed25519 key. */
export function signCheckpoint(task: string, head: ChainHead, privateKey: KeyObject): string {
  const origin = ORIGIN + task;
  const text = `${origin}\n${head.size}\n${Buffer.from(head.hash, 'hex').toString('base64')}\n`;
  const signature = Buffer.concat([keyId(origin, createPublicKey(privateKey)), sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n\u2014 ${origin} ${signature.toString('base64')}\n`;
}

/** Reads and verifies a note. Never throws on what the note holds: it may come from anybody. */
export function openCheckpoint(note: string, publicKey: KeyObject): CheckpointResult {
  const groups = NOTE.exec(note)?.groups;
  const { text, origin, size, root, name, signature } = groups ?? {};
  if (text === undefined || origin === undefined || size === undefined || root === undefined || signature === undefined || !origin.startsWith(ORIGIN)) {
    return { ok: false, problem: 'malformed', detail: 'it is not a checkpoint of a task chain' };
  }
  const signed = Buffer.from(signature, 'base64');
  if (name !== origin || signed.length !== 4 + 64) return { ok: false, problem: 'malformed', detail: 'its signature line does not have the expected form' };
  const id = keyId(origin, publicKey);
  if (!signed.subarray(0, 4).equals(id)) {
    return { ok: false, problem: 'wrong_key', detail: `it names key ${signed.subarray(0, 4).toString('hex')}, expected ${id.toString('hex')}` };
  }
  if (!verify(null, Buffer.from(text), publicKey, signed.subarray(4))) {
    return { ok: false, problem: 'bad_signature', detail: 'its signature does not fit its text' };
  }
  return {
    ok: true,
    checkpoint: { task: origin.slice(ORIGIN.length), head: { size: Number(size), hash: Buffer.from(root, 'base64').toString('hex') } },
  };
}

/** The verifier key of signed-note for one task, to give to other tools: `<origin>+<id>+<base64(0x01 ‖ key)>`. */
export function verifierKey(task: string, publicKey: KeyObject): string {
  const origin = ORIGIN + task;
  return `${origin}+${keyId(origin, publicKey).toString('hex')}+${Buffer.concat([Buffer.of(ALGORITHM_ED25519), rawKey(publicKey)]).toString('base64')}`;
}

/** Key ID of signed-note: first 4 bytes of SHA-256(name ‖ 0x0A ‖ algorithm ‖ key). */
function keyId(name: string, publicKey: KeyObject): Buffer {
  return createHash('sha256').update(name).update(Buffer.of(0x0a, ALGORITHM_ED25519)).update(rawKey(publicKey)).digest().subarray(0, 4);
}

function rawKey(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
}

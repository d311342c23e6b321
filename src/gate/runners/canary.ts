import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * What one verdict run is held to, drawn on the host for that run alone: names of a case that must fail and one that must pass, and the key that the report is signed with.
 * The program that reports gets it on its standard input, which is empty before code of the tree is loaded; it stands in no file, no argument and no variable.
 */
export interface Canary {
  /** 32 bytes in hex. */
  readonly key: string;
  readonly pass: string;
  readonly fail: string;
}

export function drawCanary(): Canary {
  const word = (bytes: number): string => randomBytes(bytes).toString('hex');
  return { key: word(32), pass: `c${word(8)}`, fail: `c${word(8)}` };
}

/** As it is handed in. */
export function canaryInput(canary: Canary): Buffer {
  return Buffer.from(`${JSON.stringify(canary)}\n`);
}

const SIGNED = /\{"mac":"([0-9a-f]{64})"\}\n$/;

/** What a report says, without its last line, which signs all bytes before it. Null: nobody who was given the key wrote this, or somebody wrote into it. */
export function signedText(report: string, { key }: Canary): string | null {
  const mac = SIGNED.exec(report);
  if (mac?.[1] === undefined) return null;
  const text = report.slice(0, mac.index);
  const made = createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest();
  return timingSafeEqual(made, Buffer.from(mac[1], 'hex')) ? text : null;
}

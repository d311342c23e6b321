import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { type ChainReport, type ChainRow, verifyChain } from '../attest/verify.js';
import { SallyportError } from '../protocol/errors.js';

/** One line of an export (JSONL). `bytes` is base64 of exactly what was hashed; `hash` hex; `note` a signed checkpoint. */
const Line = z.union([
  z.strictObject({ v: z.literal(1), task: z.string(), seq: z.int(), hash: z.string(), bytes: z.base64() }),
  z.strictObject({ v: z.literal(1), task: z.string(), note: z.string() }),
]);
type Line = z.infer<typeof Line>;

/** What was verified. `ok` is true only when every task is. */
export interface LogReport {
  readonly ok: boolean;
  readonly tasks: readonly ChainReport[];
}

export function eventLine(task: string, { seq, bytes, hash }: { readonly seq: number; readonly bytes: Buffer; readonly hash: string }): string {
  return JSON.stringify({ v: 1, task, seq, hash, bytes: bytes.toString('base64') } satisfies Line);
}

export function checkpointLine(task: string, note: string): string {
  return JSON.stringify({ v: 1, task, note } satisfies Line);
}

/**
 * Verifies an export offline. Pure. A task that was left out of the export as a whole cannot be missed here: compare the list of tasks
 * with what you know. Throws `input.invalid` for a line that is none of an export.
 */
export function verifyExport(lines: Iterable<string>, publicKey: KeyObject): LogReport {
  const tasks = new Map<string, { rows: ChainRow[]; notes: string[] }>();
  let number = 0;
  for (const text of lines) {
    number += 1;
    if (text === '') continue;
    const line = readLine(text, number);
    const of = tasks.get(line.task) ?? { rows: [], notes: [] };
    tasks.set(line.task, of);
    if ('note' in line) of.notes.push(line.note);
    else of.rows.push({ seq: line.seq, hash: line.hash, bytes: Buffer.from(line.bytes, 'base64') });
  }
  const reports = [...tasks].map(([task, { rows, notes }]) => {
    // An export always ends a task with a checkpoint of its head, so a chain without one was cut.
    const report = verifyChain(rows, { task, checkpoints: notes, publicKey });
    if (!report.ok || report.signedUpTo === report.head.size) return report;
    const message = `Log of "${task}" does not verify: its export has ${report.head.size} entries, signed are ${report.signedUpTo}`;
    return { ok: false, task, seq: report.signedUpTo, problem: 'bad_checkpoint', message } as const;
  });
  return { ok: reports.every((r) => r.ok), tasks: reports };
}

function readLine(text: string, number: number): Line {
  try {
    return Line.parse(JSON.parse(text));
  } catch (cause) {
    throw new SallyportError('input.invalid', `Cannot read the export: line ${number} is not a line of one`, { cause });
  }
}

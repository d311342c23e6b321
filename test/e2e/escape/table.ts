import type { RowResult } from './row.js';
import { visible } from '../../../src/redact/visible.js';

export interface Summary {
  readonly driver: string;
  readonly rows: readonly RowResult[];
  readonly escapes: number;
  readonly void: number;
  readonly passed: boolean;
  readonly ms: number;
}

/** One line a row; what did not hold also says why. */
export function printTable({ driver, rows, escapes, void: voids, ms }: Summary): string {
  const width = Math.max(...rows.map((r) => r.id.length));
  const lines = rows.map((r) => `${r.verdict.padEnd(10)} ${r.id.padEnd(width)} ${String(r.ms).padStart(6)} ms  ${r.control}${r.verdict === 'held' ? '' : `\n           ${visible(r.detail)}`}`);
  const held = rows.filter((r) => r.verdict === 'held').length;
  return `\n${driver}\n${lines.join('\n')}\n\n${driver}: ${rows.length} rows, ${held} held, ${escapes} escapes, ${voids} void, ${rows.length - held - escapes - voids} other, ${(ms / 1000).toFixed(1)} s\n`;
}

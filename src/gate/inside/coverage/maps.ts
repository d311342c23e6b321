import { fileURLToPath } from 'node:url';
import type { Hit } from './units.js';

/** The source map of one script (https://tc39.es/ecma426/), as Node leaves it beside coverage: where the pieces of each source came to stand. */
export interface ScriptMap {
  /** By absolute path of the source and line from 1. */
  readonly sources: ReadonlyMap<string, ReadonlyMap<number, readonly Segment[]>>;
}
interface Segment {
  readonly column: number;
  /** In the script, in UTF-16 units. */
  readonly offset: number;
}

const MAX_MAPPINGS = 16 * 1024 * 1024;
const MAX_SEGMENTS = 1_000_000;
const DIGITS = new Map([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].map((letter, i) => [letter, i]));

/** An entry of `source-map-cache`; null where it tells nothing that can be used. */
export function readMap(scriptUrl: string, entry: unknown): ScriptMap | null {
  if (!isObject(entry) || !Array.isArray(entry['lineLengths']) || !entry['lineLengths'].every(isCount) || !isObject(entry['data'])) return null;
  const { sources, mappings, sourceRoot } = entry['data'];
  if (!Array.isArray(sources) || typeof mappings !== 'string' || mappings.length > MAX_MAPPINGS) return null;
  const base = typeof entry['url'] === 'string' && entry['url'].startsWith('file:') ? entry['url'] : scriptUrl;
  const paths = sources.map((one) => (typeof one === 'string' ? resolved(one, typeof sourceRoot === 'string' ? sourceRoot : '', base) : null));
  const starts: number[] = [];
  entry['lineLengths'].reduce((at: number, length: number) => {
    starts.push(at);
    return at + length + 1;
  }, 0);
  return decode(mappings, paths, starts);
}

function decode(mappings: string, paths: readonly (string | null)[], starts: readonly number[]): ScriptMap | null {
  const found = new Map<string, Map<number, Segment[]>>();
  let [source, line, column, segments] = [0, 0, 0, 0];
  for (const [row, text] of mappings.split(';').entries()) {
    let generated = 0;
    for (const part of text.split(',')) {
      const fields = numbers(part);
      if (fields === null || ++segments > MAX_SEGMENTS) return null;
      generated += fields[0] ?? 0;
      if (fields.length < 4) continue;
      source += fields[1] ?? 0;
      line += fields[2] ?? 0;
      column += fields[3] ?? 0;
      const [path, start] = [paths[source], starts[row]];
      if (path === undefined || path === null || start === undefined) continue;
      const lines = found.get(path) ?? new Map<number, Segment[]>();
      found.set(path, lines);
      const here = lines.get(line + 1) ?? [];
      lines.set(line + 1, here);
      here.push({ column, offset: start + generated });
    }
  }
  return { sources: found };
}

/** Numbers of base 64, five bits a letter, the lowest of all the sign. */
function numbers(text: string): number[] | null {
  const values: number[] = [];
  let [value, shift] = [0, 0];
  for (const letter of text) {
    const digit = DIGITS.get(letter);
    if (digit === undefined || shift > 30) return null;
    value += (digit & 31) * 2 ** shift;
    shift += 5;
    if ((digit & 32) !== 0) continue;
    values.push(value % 2 === 1 ? -Math.floor(value / 2) : value / 2);
    [value, shift] = [0, 0];
  }
  return values;
}

/** A unit was executed where the first of its pieces came to stand; null where none is told. `at` = the count at an offset of the script. */
export function hitByMap(lines: ReadonlyMap<number, readonly Segment[]>, at: (offset: number) => number): Hit {
  return (unit) => {
    const ends = unit.last > unit.line ? Number.POSITIVE_INFINITY : unit.column + (unit.end - unit.start);
    const inside = (lines.get(unit.line) ?? []).filter((one) => one.column >= unit.column && one.column < ends).sort((a, b) => a.column - b.column || a.offset - b.offset)[0];
    return inside === undefined ? null : at(inside.offset) > 0;
  };
}

function resolved(source: string, root: string, base: string): string | null {
  try {
    const url = new URL(root === '' || /^[a-z]+:|^\//i.test(source) ? source : `${root.replace(/\/?$/, '/')}${source}`, base);
    return url.protocol === 'file:' ? fileURLToPath(url) : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

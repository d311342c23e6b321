import { readMap, type ScriptMap } from './maps.js';
import type { Hit } from './units.js';

/** https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-ScriptCoverage, as far as it is used. */
export interface V8Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}
export interface V8Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly V8Range[] }[];
}
/** One file that NODE_V8_COVERAGE made: a process, or a part of its life. */
export interface V8File {
  readonly result: readonly V8Script[];
  /** Scripts that name a source map: what ran is not what stands in the file. Null where it cannot be used. */
  readonly maps: ReadonlyMap<string, ScriptMap | null>;
}

const MAX_RANGES = 500_000;
/** Node writes the file's name below TypeScript whose types it took out. */
const MAX_SOURCE_URL = 5000;

/** What a file of coverage says, or null where it is not of the form. */
export function readV8(value: unknown, isWanted: (url: string) => boolean = () => true): V8File | null {
  if (!isObject(value) || !Array.isArray(value['result'])) return null;
  const result: V8Script[] = [];
  for (const script of value['result'] as readonly unknown[]) {
    if (!isObject(script) || typeof script['url'] !== 'string' || !Array.isArray(script['functions'])) return null;
    const functions: { ranges: V8Range[] }[] = [];
    let ranges = 0;
    for (const one of script['functions'] as readonly unknown[]) {
      if (!isObject(one) || !Array.isArray(one['ranges']) || !one['ranges'].every(isRange)) return null;
      ranges += one['ranges'].length;
      if (ranges > MAX_RANGES) return null;
      functions.push({ ranges: one['ranges'] });
    }
    result.push({ url: script['url'], functions });
  }
  const maps = value['source-map-cache'];
  return { result, maps: new Map(isObject(maps) ? Object.entries(maps).filter(([url]) => isWanted(url)).map(([url, entry]) => [url, readMap(url, entry)]) : []) };
}

/** True when what V8 ran has the positions of the file: its own text, or TypeScript with blanks where types stood. */
export function isAsWritten(script: V8Script, source: string, typed: boolean): boolean {
  const end = Math.max(0, ...script.functions.map((one) => one.ranges[0]?.endOffset ?? 0));
  return typed ? end >= source.length && end <= source.length + MAX_SOURCE_URL : end === source.length;
}

/** A unit was executed when the smallest range around its beginning was. */
export function hitByV8(script: V8Script): Hit {
  const at = countsOf(script);
  return ({ start }) => at(start) > 0;
}

/** Several processes, or several forms of one file: what one of them executed was executed. */
export function hitByAny(hits: readonly Hit[]): Hit {
  return (unit) => {
    const said = hits.map((hit) => hit(unit)).filter((one) => one !== null);
    return said.length === 0 && hits.length > 0 ? null : said.some((one) => one);
  };
}

/** Ranges of one script lie inside one another. Sorted by where they begin, the longer first, the last that has begun and not ended is the smallest. */
export function countsOf(script: V8Script): (offset: number) => number {
  const ranges = script.functions.flatMap((one) => one.ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const edges: { at: number; count: number }[] = [];
  const open: V8Range[] = [];
  const close = (until: number): void => {
    for (let last = open.at(-1); last !== undefined && last.endOffset <= until; last = open.at(-1)) {
      open.pop();
      edges.push({ at: last.endOffset, count: open.at(-1)?.count ?? 0 });
    }
  };
  for (const range of ranges) {
    close(range.startOffset);
    open.push(range);
    edges.push({ at: range.startOffset, count: range.count });
  }
  close(Number.POSITIVE_INFINITY);
  return (offset) => {
    let [low, high] = [0, edges.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edges[middle]?.at ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return edges[low - 1]?.count ?? 0;
  };
}

function isRange(value: unknown): value is V8Range {
  return isObject(value) && [value['startOffset'], value['endOffset'], value['count']].every((one) => Number.isSafeInteger(one) && (one as number) >= 0);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

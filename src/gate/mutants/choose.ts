import { z } from 'zod';
import { Operator } from '../../protocol/mutants.js';

/** A fault as the program in the sandbox names it: the text from `start` to `end` (UTF-16) becomes `text`. Hostile: it read files of the change. */
const Candidate = z.strictObject({ path: z.string().max(1000), line: z.int().min(1), operator: Operator, start: z.int().min(0), end: z.int().min(0), text: z.string().max(20_000) });
export type Candidate = z.infer<typeof Candidate>;
const Report = z.strictObject({ candidates: z.array(Candidate).max(20_000) });

/** Characters of the report that are read. */
export const MAX_CANDIDATES_TEXT = 16 * 1024 * 1024;

export function readCandidates(text: string): Candidate[] | null {
  try {
    return Report.parse(JSON.parse(text)).candidates;
  } catch {
    return null;
  }
}

/** Which faults are tried, at most `most`: removed guards first, up to a third; the others spread over the lines, one in a line before a second one there. The same candidates give the same choice. */
export function choose(candidates: readonly Candidate[], most: number): Candidate[] {
  const sorted = [...new Map(candidates.map((one) => [JSON.stringify([one.path, one.start, one.end, one.text]), one])).values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.start - b.start || a.end - b.end || (a.text < b.text ? -1 : 1)));
  const guards = spread(sorted.filter((one) => one.operator === 'removed-guard'), Math.ceil(most / 3));
  const others = sorted.filter((one) => one.operator !== 'removed-guard');
  const lines = new Map<string, Candidate[]>();
  for (const one of others) lines.set(`${one.path}:${one.line}`, [...(lines.get(`${one.path}:${one.line}`) ?? []), one]);
  // Another of a line's faults each time, so that not only the outermost kind is tried.
  const first = spread([...lines.values()].map((all, i) => all[i % all.length] as Candidate), most - guards.length);
  const second = spread(others.filter((one) => !first.includes(one)), most - guards.length - first.length);
  return [...guards, ...first, ...second];
}

function spread<T>(all: readonly T[], most: number): T[] {
  return all.length <= most ? [...all] : Array.from({ length: Math.max(0, most) }, (_, i) => all[Math.floor((i * all.length) / most)] as T);
}

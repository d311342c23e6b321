import type { SarifResult } from '../parse.js';
import type { FileFacts, Mark, TestFacts } from './model.js';
import { tamperResult } from './result.js';

/** A file of the change, by what the mirror says of it. */
export interface Changed {
  readonly path: string;
  readonly status: 'added' | 'modified' | 'deleted';
  readonly mode: string;
}
interface Placed<T> {
  readonly path: string;
  readonly one: T;
}

export interface Compared {
  readonly files: readonly Changed[];
  readonly base: readonly FileFacts[];
  readonly head: readonly FileFacts[];
  /** Test files whose cases a run listed: what is gone of these is found by comparing the runs. */
  readonly listed: ReadonlySet<string>;
  /** False where the head was not scanned whole: what is not in its facts need not be gone. */
  readonly complete: boolean;
}

/**
 * What a change takes from its tests and hides from tools and readers: what the head has and the base has not, in files that the change touches. What moved
 * between such files, or within one, is the same; a test file that gains cases and assertions gives nothing.
 */
export function contentTampering({ files, base, head, listed, complete }: Compared): SarifResult[] {
  const touched = (facts: readonly FileFacts[], status: Changed['status']): FileFacts[] => {
    const paths = new Set(files.filter((file) => file.status !== status).map((file) => file.path));
    return facts.filter((one) => paths.has(one.path));
  };
  const [before, after] = [touched(base, 'added'), touched(head, 'deleted')];
  const fresh = (marks: (facts: FileFacts) => readonly Mark[]): Placed<Mark>[] => unmatched(placed(after, marks), placed(before, marks), MARK_KEYS).rest;
  return [
    ...testChanges(before, after, (path) => complete && !listed.has(path)),
    ...fresh((facts) => facts.tests?.marks ?? []).map(testMark),
    ...files.filter((file) => file.status !== 'added' && file.path.endsWith('.snap')).map((file) => tamperResult('snapshot', file.path, 1, file.status === 'deleted' ? 'The snapshot is gone.' : 'The snapshot was rewritten.')),
    ...fresh((facts) => facts.suppressions).map(({ path, one }) => tamperResult('suppression', path, one.line, `The change brings \`${one.text}\`.`, { key: one.text, ...(one.what === 'ts-expect-error' && after.some((facts) => facts.path === path && facts.tests !== null) ? { level: 'note' as const } : {}) })),
    ...fresh((facts) => facts.hidden).map(({ path, one }) => tamperResult(one.what === 'homoglyph' ? 'homoglyph' : 'hidden-unicode', path, one.line, one.what === 'homoglyph' ? `A name mixes scripts: ${one.text}.` : `The line holds ${one.what} (${one.text}).`)),
    ...contents(before, after),
  ];
}

const MARKS: Readonly<Record<string, readonly [rule: string, say: (text: string) => string]>> = {
  only: ['only-test', (text) => `"${text}" is told to run alone.`],
  exit: ['process-exit', (text) => `The test file calls \`${text}\`.`],
  swallowed: ['swallowed-assertion', (text) => `In "${text}" what an assertion throws is caught and dropped.`],
  replaced: ['replaced-judge', (text) => `The test file replaces what judges it: \`${text}\`.`],
};

function testMark({ path, one }: Placed<Mark>): SarifResult {
  const [rule, say] = Object.hasOwn(MARKS, one.what) ? (MARKS[one.what] as (typeof MARKS)[string]) : ['replaced-judge', (text: string) => text] as const;
  return tamperResult(rule, path, one.line, say(one.text));
}

function testChanges(before: readonly FileFacts[], after: readonly FileFacts[], counts: (path: string) => boolean): SarifResult[] {
  const { pairs, lost } = unmatched(placed(after, (facts) => facts.tests?.cases ?? []), placed(before, (facts) => facts.tests?.cases ?? []), CASE_KEYS);
  return [
    ...pairs.flatMap(([was, now]) => caseChange(was.one, now)),
    ...lost.filter(({ path, one }) => !one.skipped && counts(path)).map(({ path, one }) => tamperResult('removed-test', path, one.line, `The test "${one.name}" is gone.`)),
  ];
}

function caseChange(was: TestFacts, { path, one: now }: Placed<TestFacts>): SarifResult[] {
  const [before, after] = [was.strong + was.weak, now.strong + now.weak];
  const skipped = now.skipped && !was.skipped ? [tamperResult('skipped-test', path, now.line, `The test "${now.name}" is skipped, or expected to fail, now.`)] : [];
  if (was.skipped || now.skipped) return skipped;
  if (before > 0 && after === 0) return [tamperResult('emptied-test', path, now.line, `The test "${now.name}" made ${before} ${before === 1 ? 'assertion' : 'assertions'} and makes none now that can fail.`)];
  if (now.strong < was.strong && now.weak > was.weak) return [tamperResult('loosened-assertion', path, now.line, `The test "${now.name}" compares with ${was.strong - now.strong} fewer exact ${was.strong - now.strong === 1 ? 'value' : 'values'}, and asks instead whether something is there.`)];
  return after < before ? [tamperResult('fewer-assertions', path, now.line, `The test "${now.name}" made ${before} assertions and makes ${after} now.`)] : [];
}

/** What is shown in a diff as bytes, or as one long line. */
function contents(before: readonly FileFacts[], after: readonly FileFacts[]): SarifResult[] {
  const was = new Map(before.map((facts) => [facts.path, facts.content]));
  return after.flatMap(({ path, content }) => {
    if (content === 'program') return [tamperResult('program', path, 1, was.get(path) === 'program' ? 'A program in machine code was changed.' : 'A program in machine code was added.')];
    if (content === 'binary') return [tamperResult('binary', path, 1, 'The file is not text.')];
    return content === 'generated' ? [tamperResult('generated', path, 1, 'The file is code that a tool made or that nobody can read.', was.get(path) === 'generated' ? { level: 'note' } : {})] : [];
  });
}

function placed<T>(facts: readonly FileFacts[], of: (facts: FileFacts) => readonly T[]): Placed<T>[] {
  return facts.flatMap((one) => of(one).map((item) => ({ path: one.path, one: item })));
}

type Key<T> = (item: Placed<T>) => string;
const MARK_KEYS: readonly Key<Mark>[] = [({ path, one }) => JSON.stringify([path, one.what, one.text]), ({ one }) => JSON.stringify([one.what, one.text])];
const own = (name: string): string => name.split(' > ').at(-1) ?? name;
const CASE_KEYS: readonly Key<TestFacts>[] = [({ path, one }) => JSON.stringify([path, one.name]), ({ one }) => one.name, ({ path, one }) => JSON.stringify([path, own(one.name)]), ({ one }) => own(one.name)];

/** Pairs of before and after, by the first key that agrees, each thing once; what is left over of both. */
function unmatched<T>(after: readonly Placed<T>[], before: readonly Placed<T>[], keys: readonly Key<T>[]): { readonly pairs: readonly (readonly [was: Placed<T>, now: Placed<T>])[]; readonly rest: Placed<T>[]; readonly lost: readonly Placed<T>[] } {
  const pairs: [Placed<T>, Placed<T>][] = [];
  let [rest, lost] = [[...after], [...before]];
  for (const key of keys) {
    const there = new Map<string, Placed<T>[]>();
    for (const item of lost) (there.get(key(item)) ?? there.set(key(item), []).get(key(item)))?.push(item);
    rest = rest.filter((now) => {
      const was = there.get(key(now))?.shift();
      if (was !== undefined) pairs.push([was, now]);
      return was === undefined;
    });
    lost = [...there.values()].flat();
  }
  return { pairs, rest, lost };
}

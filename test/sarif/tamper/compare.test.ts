import { describe, expect, it } from 'vitest';
import { type Changed, contentTampering } from '../../../src/sarif/tamper/compare.js';
import type { FileFacts, Mark, TestFacts } from '../../../src/sarif/tamper/model.js';
import { bounded, tamperResult } from '../../../src/sarif/tamper/result.js';

const T = 'test/a.test.js';
const one = (name: string, strong = 1, more: Partial<TestFacts> = {}): TestFacts => ({ name, line: 1, strong, weak: 0, skipped: false, ...more });
const file = (cases: readonly TestFacts[], more: Partial<FileFacts> & { readonly marks?: readonly Mark[] } = {}): FileFacts => ({ path: more.path ?? T, content: more.content ?? 'text', suppressions: more.suppressions ?? [], hidden: more.hidden ?? [], tests: { cases, marks: more.marks ?? [] } });
const mark = (what: string, text: string, line = 1): Mark => ({ what, text, line });
const edited = (path: string, status: Changed['status'] = 'modified'): Changed => ({ path, status, mode: '100644' });
const told = (base: readonly FileFacts[], head: readonly FileFacts[], files: readonly Changed[] = [edited(T)], listed: readonly string[] = []): string[] =>
  contentTampering({ files, base, head, listed: new Set(listed), complete: true }).map((result) => `${result.level} ${result.rule.slice('tamper/'.length)} ${result.path}:${result.line}`);

describe('what a change takes from its tests', () => {
  it.each<[string, readonly TestFacts[], readonly TestFacts[], readonly string[]]>([
    ['nothing, where it stays', [one('a')], [one('a')], []],
    ['nothing, where it gains', [one('a')], [one('a', 3), one('b')], []],
    ['nothing, where the group has another name', [one('old > a', 2)], [one('new > a', 2, { line: 9 })], []],
    ['all assertions', [one('a', 2)], [one('a', 0, { line: 7 })], ['warning emptied-test test/a.test.js:7']],
    ['some assertions', [one('a', 3)], [one('a', 2)], ['note fewer-assertions test/a.test.js:1']],
    ['exactness', [one('a', 2)], [one('a', 1, { weak: 1 })], ['warning loosened-assertion test/a.test.js:1']],
    ['exactness, with more words', [one('a', 2)], [one('a', 1, { weak: 5 })], ['warning loosened-assertion test/a.test.js:1']],
    ['the run', [one('a')], [one('a', 1, { skipped: true })], ['warning skipped-test test/a.test.js:1']],
    ['nothing, where it is run again', [one('a', 2, { skipped: true })], [one('a', 1)], []],
    ['the case', [one('a'), one('b', 1, { line: 5 })], [one('a')], ['warning removed-test test/a.test.js:5']],
    ['nothing, where the case that goes did not run', [one('a', 1, { skipped: true })], [], []],
    ['one of two of one name', [one('a', 2), one('a', 3)], [one('a', 2)], ['warning removed-test test/a.test.js:1']],
    ['assertions, although another case has more', [one('a', 2)], [one('a', 1), one('b', 9)], ['note fewer-assertions test/a.test.js:1']],
  ])('%s', (_what, base, head, expected) => {
    expect(told([file(base)], [file(head)])).toEqual(expected);
  });

  it('leaves cases that go to the comparison of runs where a run lists them', () => {
    expect(told([file([one('a')])], [], [edited(T, 'deleted')])).toEqual(['warning removed-test test/a.test.js:1']);
    expect(told([file([one('a')])], [], [edited(T, 'deleted')], [T])).toEqual([]);
  });

  it('takes nothing for gone where the head was not scanned whole, and still names what it saw', () => {
    const found = contentTampering({ files: [edited(T), edited('test/b.test.js')], base: [file([one('a')]), file([one('b')], { path: 'test/b.test.js' })], head: [file([one('b', 0)], { path: 'test/b.test.js' })], listed: new Set(), complete: false });
    expect(found.map((result) => `${result.rule} ${result.path}`)).toEqual(['tamper/emptied-test test/b.test.js']);
  });

  it('is nothing in files that the change does not touch, and nothing that only moved', () => {
    const moved = file([one('x > a', 2)], { path: 'test/b.test.js', marks: [mark('only', 'a')], suppressions: [mark('nosec', 'nosec', 9)] });
    const from = file([one('a', 2)], { marks: [mark('only', 'a')], suppressions: [mark('nosec', 'nosec', 2)] });
    expect(told([file([one('a', 2)])], [file([])], [edited('src/a.js')])).toEqual([]);
    expect(told([from], [moved], [edited(T, 'deleted'), edited('test/b.test.js', 'added')])).toEqual([]);
  });

  it('names each mark that is new, as often as it came', () => {
    const base = file([one('a')], { marks: [mark('only', 'a')], suppressions: [mark('nosec', '# nosec')] });
    const head = file([one('a')], { marks: [mark('only', 'a', 4), mark('only', 'b', 5), mark('exit', 'process.exit(0)', 6), mark('swallowed', 'a', 7), mark('replaced', 'assert.ok = f', 8)], suppressions: [mark('nosec', '# nosec', 1), mark('nosec', '# nosec', 2), mark('ts-expect-error', '@ts-expect-error', 3)], hidden: [mark('a bidirectional control', 'U+202E', 9), mark('homoglyph', 'a', 10)] });
    expect(told([base], [head])).toEqual([
      'warning only-test test/a.test.js:5', 'warning process-exit test/a.test.js:6', 'warning swallowed-assertion test/a.test.js:7', 'error replaced-judge test/a.test.js:8',
      'warning suppression test/a.test.js:2', 'note suppression test/a.test.js:3', 'error hidden-unicode test/a.test.js:9', 'error homoglyph test/a.test.js:10',
    ]);
  });

  it('has hostile names of marks and paths for what they are', () => {
    const head = file([one('__proto__'), one('constructor')], { path: '__proto__', marks: [mark('constructor', 'x')] });
    expect(told([], [head], [edited('__proto__', 'added')])).toEqual(['error replaced-judge __proto__:1']);
  });

  it('is bounded without dropping what blocks for what does not', () => {
    const many = Array.from({ length: 200 }, (_, i) => tamperResult('generated', `a${i}.js`, 1, 'x', { level: i === 199 ? 'warning' : 'note' }));
    const kept = bounded(many);
    expect([kept.length, kept[0]?.path, kept[0]?.level]).toEqual([50, 'a199.js', 'warning']);
  });
});

import { describe, expect, it } from 'vitest';
import { applyEdits, mergeEdits } from '../../src/sarif/edits.js';
import { buildSarif } from '../../src/sarif/build.js';
import type { Fix, Found } from '../../src/sarif/model.js';
import { parseSarif } from '../../src/sarif/parse.js';

const FIX: Fix = { title: 'Do it', edits: [{ start: 0, end: 0, text: 'a\n' }, { start: 4, end: 9, text: '' }, { start: 9, end: 10, text: '`"\u{1F600}' }] };
const FOUND: Found = { rule: 'js/x', message: 'm', path: 'src/a b.js', line: 1, column: 1, endLine: 1, endColumn: 2, snippet: 's', fix: FIX };
// biome-ignore lint/suspicious/noExplicitAny: a log is taken apart and broken here
function log(change: (result: any, run: any) => void = () => undefined): string {
  const built = JSON.parse(JSON.stringify(buildSarif({ tool: { name: 't', version: '1' }, rules: [], results: [FOUND], notices: [] })));
  change(built.runs[0].results[0], built.runs[0]);
  return JSON.stringify(built);
}
const fixIn = (text: string) => parseSarif(text).results.map((r) => r.fix);

describe('applying edits', () => {
  it('counts UTF-16 code units, keeps what is between, and takes any order', () => {
    expect(applyEdits('\uFEFF\u{1F600}abc\r\n', [{ start: 4, end: 5, text: 'X' }, { start: 3, end: 3, text: '-' }, { start: 6, end: 8, text: '' }])).toBe('\uFEFF\u{1F600}-aXc');
  });
  it('puts insertions at one place in the order given, before what begins there', () => {
    expect(applyEdits('ab', [{ start: 1, end: 2, text: 'B' }, { start: 1, end: 1, text: '1' }, { start: 1, end: 1, text: '2' }])).toBe('a12B');
  });
  it.each([
    ['overlap', [{ start: 0, end: 2, text: '' }, { start: 1, end: 3, text: '' }]], ['lie outside', [{ start: 0, end: 99, text: '' }]],
    ['run backwards', [{ start: 2, end: 1, text: '' }]], ['cut a pair in two', [{ start: 4, end: 5, text: '' }]],
  ])('refuses edits that %s', (_what, edits) => {
    expect(() => applyEdits('abc\u{1F600}', edits)).toThrow(RangeError);
  });
});

describe('merging fixes', () => {
  it('makes an insertion once that two fixes ask for, and keeps both that differ', () => {
    const helper = { start: 0, end: 0, text: 'helper' };
    expect(mergeEdits([[helper, { start: 5, end: 6, text: 'x' }], [{ start: 0, end: 0, text: 'other' }, { start: 1, end: 2, text: 'y' }], [helper, { start: 8, end: 9, text: 'z' }]])).toEqual({
      edits: [helper, { start: 0, end: 0, text: 'other' }, { start: 1, end: 2, text: 'y' }, { start: 5, end: 6, text: 'x' }, { start: 8, end: 9, text: 'z' }], dropped: [],
    });
  });
  it('drops the later of two that change the same, with all its edits', () => {
    const first = [{ start: 3, end: 8, text: 'a' }];
    expect(mergeEdits([first, [{ start: 0, end: 0, text: 'import' }, { start: 5, end: 5, text: 'b' }], [{ start: 8, end: 9, text: 'c' }], [{ start: 4, end: 2, text: '' }]]))
      .toEqual({ edits: [...first, { start: 8, end: 9, text: 'c' }], dropped: [1, 3] });
  });
  it('makes a replacement once that two fixes ask for alike', () => {
    const one = [{ start: 3, end: 8, text: 'a' }];
    expect(mergeEdits([one, one])).toEqual({ edits: one, dropped: [] });
  });
});

describe('a fix in a log', () => {
  it('has the form of SARIF 2.1.0 and is read back', () => {
    expect(JSON.parse(log()).runs[0].results[0].fixes).toEqual([{
      description: { text: 'Do it' },
      artifactChanges: [{
        artifactLocation: { uri: 'src/a%20b.js', uriBaseId: 'SRCROOT' },
        replacements: [
          { deletedRegion: { charOffset: 0, charLength: 0 }, insertedContent: { text: 'a\n' } }, { deletedRegion: { charOffset: 4, charLength: 5 } },
          { deletedRegion: { charOffset: 9, charLength: 1 }, insertedContent: { text: '`"\u{1F600}' } },
        ],
      }],
    }]);
    expect(fixIn(log())).toEqual([FIX]);
  });
  it.each([
    ['no list', (r) => (r.fixes = { 0: r.fixes[0] })], ['an empty list', (r) => (r.fixes = [])], ['no description', (r) => delete r.fixes[0].description],
    ['another file', (r) => (r.fixes[0].artifactChanges[0].artifactLocation.uri = 'src/b.js')], ['a place outside', (r) => (r.fixes[0].artifactChanges[0].artifactLocation.uri = '../src/a%20b.js')],
    ['two files', (r) => r.fixes[0].artifactChanges.push(r.fixes[0].artifactChanges[0])], ['no replacement', (r) => (r.fixes[0].artifactChanges[0].replacements = [])],
    ['lines instead of offsets', (r) => (r.fixes[0].artifactChanges[0].replacements = [{ deletedRegion: { startLine: 1 } }])],
    ['an offset that is no integer', (r) => (r.fixes[0].artifactChanges[0].replacements[0].deletedRegion.charOffset = 0.5)],
    ['a negative length', (r) => (r.fixes[0].artifactChanges[0].replacements[0].deletedRegion.charLength = -1)],
    ['text that is none', (r) => (r.fixes[0].artifactChanges[0].replacements[0].insertedContent.text = ['x'])],
    ['text without end', (r) => (r.fixes[0].artifactChanges[0].replacements[0].insertedContent.text = 'x'.repeat(20_001))],
    ['overlapping replacements', (r) => r.fixes[0].artifactChanges[0].replacements.reverse()],
    ['too many replacements', (r) => (r.fixes[0].artifactChanges[0].replacements = Array.from({ length: 51 }, () => ({ deletedRegion: { charOffset: 0 } })))],
    ['offsets in code points', (_r, run) => (run.columnKind = 'unicodeCodePoints')], ['offsets in nobody knows what', (_r, run) => delete run.columnKind],
    // biome-ignore lint/suspicious/noExplicitAny: the same
  ] as [string, (result: any, run: any) => void][])('with %s is dropped, and its result stays', (_what, change) => {
    expect(fixIn(log(change))).toEqual([null]);
  });
});

import { describe, expect, it } from 'vitest';
import { applyHunks, parsePatch, PatchError } from '../../../src/agent/loop/patch.js';

const patch = (...lines: string[]): string => ['*** Begin Patch', ...lines, '*** End Patch'].join('\n');
/** The text after an update with these hunk lines. */
function updated(text: string, ...lines: string[]): string {
  const [file] = parsePatch(patch('*** Update File: f', ...lines));
  if (file?.kind !== 'update') throw new Error('expected an update');
  return applyHunks('f', text, file.hunks);
}

describe('a patch', () => {
  it('names files to add, delete and update', () => {
    expect(parsePatch(patch('*** Add File: ./a/b.txt', '+one', '+', '+three', '', '*** Add File: empty', '', '', '*** Delete File: /workspace/gone', '', '*** Update File: u', '@@ function x', ' keep', '-old', '+new', ''))).toEqual([
      { kind: 'add', path: 'a/b.txt', content: 'one\n\nthree\n' }, { kind: 'add', path: 'empty', content: '' }, { kind: 'delete', path: 'gone' },
      { kind: 'update', path: 'u', hunks: [{ anchor: 'function x', lines: [{ sign: ' ', text: 'keep' }, { sign: '-', text: 'old' }, { sign: '+', text: 'new' }] }] },
    ]);
  });

  it('may come with CRLF and white space around it', () => {
    expect(parsePatch(`\n  \n${patch('*** Add File: a', '+x').replaceAll('\n', '\r\n')}\r\n\r\n`)).toEqual([{ kind: 'add', path: 'a', content: 'x\n' }]);
  });

  it.each<[string, string]>([
    ['', 'Begin Patch'], ['*** Begin Patch', 'End Patch'], [patch(), 'names no file'], ['*** Begin Patch\n*** Add File: a\n+x', 'End Patch'],
    [patch('--- a/f', '+++ b/f'), 'line 2'], [patch('*** Add File: a', 'x'), 'line 3'], [patch('*** Delete File: a', '-x'), 'nothing may follow'],
    [patch('*** Update File: a'), 'no hunk'], [patch('*** Update File: a', '@@ x'), 'no hunk'], [patch('*** Update File: a', '-x', 'y'), 'line 4'],
    [patch('*** Add File: a', '+x', '*** Delete File: ./a'), 'named twice'], [patch('*** Move File: a'), 'line 2'],
    ...['../x', '/etc/passwd', 'a/../../x', 'a//b', 'a/./b', '..', '.', '/workspace/../x', '/workspace//etc', 'a/'].map((path): [string, string] => [patch(`*** Add File: ${path}`, '+x'), 'not a path inside']),
  ])('is refused with the place of the mistake: %j', (text, part) => {
    expect(() => parsePatch(text)).toThrow(expect.objectContaining({ name: 'PatchError', message: expect.stringContaining(part) }));
  });
});

describe('hunks', () => {
  it.each<[string, string, string[], string]>([
    ['replace a line', 'a\nb\nc\n', [' a', '-b', '+B'], 'a\nB\nc\n'],
    ['insert between', 'a\nc\n', [' a', '+b', ' c'], 'a\nb\nc\n'],
    ['delete every line', 'a\nb\n', ['-a', '-b'], ''],
    ['append to a file', 'a\n', ['@@', '+b'], 'a\nb\n'],
    ['append to a file without final newline', 'a', ['+b'], 'a\nb'],
    ['fill an empty file', '', ['+a', '+b'], 'a\nb\n'],
    ['keep a missing final newline', 'a\nb', ['-b', '+B'], 'a\nB'],
    ['keep CRLF', 'a\r\nb\r\nc\r\n', [' a', '-b', '+B', '+BB'], 'a\r\nB\r\nBB\r\nc\r\n'],
    ['keep CRLF and a missing final newline', 'a\r\nb\r\nc', ['-c', '+C'], 'a\r\nb\r\nC'],
    ['keep each line\'s end in a mixed file', 'a\r\nb\nc\nd\r\ne\n', ['-c', '+C'], 'a\r\nb\nC\nd\r\ne\n'],
    ['find lines without trailing white space and leave the shown ones as they are', 'a  \nb\t\nc\n', [' a', '-b', '+B', ' c'], 'a  \nB\nc\n'],
    ['prefer what is equal to the letter', 'b  \nb\n', ['-b', '+B'], 'b  \nB\n'],
    ['use an anchor to choose', 'f() {\n  x\n}\ng() {\n  x\n}\n', ['@@ g() {', '-  x', '+  y'], 'f() {\n  x\n}\ng() {\n  y\n}\n'],
    ['prefer an anchor that is a whole line', 'foobar\nx\nfoo\nx\n', ['@@ foo', '-x', '+y'], 'foobar\nx\nfoo\ny\n'],
    ['take an anchor that is part of one line', 'class A {\nx\n}\nclass B {\nx\n}\n', ['@@ class B', '-x', '+y'], 'class A {\nx\n}\nclass B {\ny\n}\n'],
    ['insert after an anchor', 'a\nb\n', ['@@ a', '+new'], 'a\nnew\nb\n'],
    ['take the anchor as context too', 'a\nb\n', ['@@ a', ' a', '-b', '+B'], 'a\nB\n'],
    ['ignore positions of a unified diff', 'a\nb\n', ['@@ -1,2 +1,2 @@', '-a', '+A'], 'A\nb\n'],
    ['apply two in order', 'a\nb\na\nb\n', [' a', '-b', '+1', ' a', '@@', '-b', '+2'], 'a\n1\na\n2\n'],
    ['take an empty line as context', 'a\n\nb\n', [' a', '', '-b', '+B'], 'a\n\nB\n'],
    ['pass over the marks of other formats', 'a', ['-a', '\\ No newline at end of file', '+b', '*** End of File'], 'b'],
    ['know text that looks like a header', 'x\n', ['-x', '+*** Add File: y'], '*** Add File: y\n'],
    ['change lines of dollar signs and the like literally', '$& $1\n', ['-$& $1', '+$$ $2'], '$$ $2\n'],
  ])('%s', (_, text, lines, expected) => {
    expect(updated(text, ...lines)).toBe(expected);
  });

  it.each<[string, string, string[], string]>([
    ['stand nowhere', 'a\n', ['-b', '+c'], 'are not in the file'],
    ['stand at two places', 'a\na\n', ['-a', '+b'], 'stand at 1, 2'],
    ['have an anchor that is nowhere', 'a\n', ['@@ b', '-a', '+c'], 'is not there'],
    ['have an anchor that is part of two lines', 'foo1\nx\nfoo2\nx\n', ['@@ foo', '-x', '+y'], 'give the whole line'],
    ['come in the wrong order', 'a\nb\n', ['-b', '+B', '@@', '-a', '+A'], 'from line 3 on'],
    ['are longer than the file', 'a', [' a', ' b'], 'are not in the file'],
  ])('are refused when they %s', (_, text, lines, part) => {
    expect(() => updated(text, ...lines)).toThrow(PatchError);
    expect(() => updated(text, ...lines)).toThrow(part);
  });
});

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readHunks } from '../../src/git/lines.js';

const patch = (...lines: readonly string[]): string => `${lines.join('\n')}\n`;

it('reads the lines that a patch adds or edits, by path', () => {
  const text = patch('diff --git a/a.js b/a.js', 'index 1..2 100644', '--- a/a.js', '+++ b/a.js', '@@ -1 +1,2 @@ function x() {', '-old', '+new', '+more', '@@ -9,2 +10,0 @@', '-gone', '-gone', '@@ -20,0 +20 @@', '+in', '\\ No newline at end of file',
    'diff --git a/gone.js b/gone.js', '--- a/gone.js', '+++ /dev/null', '@@ -1 +0,0 @@', '-x', 'diff --git a/img.png b/img.png', 'Binary files a/img.png and b/img.png differ', `diff --git a/${join('lib', 'new file.js')} b/lib/new file.js`, '--- /dev/null', '+++ b/lib/new file.js\t', '@@ -0,0 +1,3 @@', '+1', '+2', '+3');
  expect([...readHunks(text)]).toEqual([['a.js', [[1, 2], [20, 20]]], ['lib/new file.js', [[1, 3]]]]);
});

it('takes no line of a file for a header', () => {
  const text = patch('diff --git a/a.js b/a.js', '--- a/a.js', '+++ b/a.js', '@@ -1,2 +1,3 @@', '--- a/b.js', '-diff --git a/b.js b/b.js', '+++ b/b.js', '+@@ -1 +1,99 @@', '+x');
  expect([...readHunks(text)]).toEqual([['a.js', [[1, 3]]]]);
});

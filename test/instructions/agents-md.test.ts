import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findSource, locatorOf, openMirror, updateMirror } from '../../src/git/mirror.js';
import { INSTRUCTION_LIMIT, type Instructions, readInstructions } from '../../src/instructions/agents-md.js';
import { commitAll, makeRepo, write } from '../support/repo.js';
import { remove, scratch } from '../support/sandbox.js';

let folder: string;
let n = 0;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => remove(folder));

async function read(files: Record<string, string>, after: (repo: string) => void = () => undefined): Promise<Instructions> {
  const repo = join(folder, `repo-${n++}`);
  const commit = makeRepo(repo, { 'x.txt': 'x', ...files });
  after(repo);
  const source = await findSource(repo, '/', []);
  const mirror = await openMirror(join(folder, 'mirrors'), locatorOf(source));
  await updateMirror(mirror, source);
  return await readInstructions(mirror, commit);
}
const digest = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const file = (path: string, text: string, used = text.length): object => ({ path, bytes: text.length, used, digest: digest(text) });

it('reads the root first and nearer ones after it, each with its scope and its digest', async () => {
  expect(await read({ 'b/AGENTS.md': 'B\n', 'AGENTS.md': 'root\n', 'a/deep/AGENTS.md': 'deep\n', 'a/AGENTS.md': 'A\n', 'a/NOT-AGENTS.md': 'no', 'agents.md': 'no' })).toEqual({
    text: '## AGENTS.md (for the whole repository)\n\nroot\n\n\n## a/AGENTS.md (for files below a/)\n\nA\n\n\n## b/AGENTS.md (for files below b/)\n\nB\n\n\n## a/deep/AGENTS.md (for files below a/deep/)\n\ndeep\n',
    files: [file('AGENTS.md', 'root\n'), file('a/AGENTS.md', 'A\n'), file('b/AGENTS.md', 'B\n'), file('a/deep/AGENTS.md', 'deep\n')],
  });
});

it('reads the commit it is given: not the working tree and not a later commit', async () => {
  const { text, files } = await read({ 'AGENTS.md': 'protected\n' }, (repo) => {
    write(repo, { 'AGENTS.md': 'from a task branch\n', 'sub/AGENTS.md': 'new\n' });
    commitAll(repo, 'later');
    write(repo, { 'AGENTS.md': 'working tree\n' });
  });
  expect([text, files.length]).toEqual(['## AGENTS.md (for the whole repository)\n\nprotected\n', 1]);
});

it('ignores what dependencies bring and no folder that is only named alike', async () => {
  expect((await read({ 'node_modules/x/AGENTS.md': 'evil', 'a/node_modules/AGENTS.md': 'evil', 'my_node_modules/AGENTS.md': 'fine' })).files.map((f) => f.path)).toEqual(['my_node_modules/AGENTS.md']);
});

it('cuts at 32 KiB in all, says so to the model and in the numbers, also for a very large file', async () => {
  const big = 'x'.repeat(INSTRUCTION_LIMIT - 2);
  const cut = await read({ 'AGENTS.md': big, 'a/AGENTS.md': 'abcdef', 'b/AGENTS.md': 'none of it' });
  expect(cut.files).toEqual([file('AGENTS.md', big), file('a/AGENTS.md', 'abcdef', 2), file('b/AGENTS.md', 'none of it', 0)]);
  expect(cut.text).toContain('\n\nab\n[cut: 2 of 6 bytes shown]\n\n## b/AGENTS.md (for files below b/)\n\n\n[cut: 0 of 10 bytes shown]');
  const huge = 'y'.repeat(2 * 1024 * 1024);
  expect((await read({ 'AGENTS.md': huge })).files).toEqual([file('AGENTS.md', huge, INSTRUCTION_LIMIT)]);
});

import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';

let home: Home;
let repo: string;
beforeEach(() => {
  home = openHome();
  repo = join(home.folder, 'repo');
});
afterEach(() => home[Symbol.asyncDispose]());

const FILES = {
  'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }),
  'src/add.js': 'exports.add = (a, b) => a - b;\n',
  'test/add.test.js': "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../src/add.js');\ntest('adds', () => assert.strictEqual(add(1, 2), 3));\n",
};
const evidence = async (): Promise<Evidence> => JSON.parse((await home.sally(['evidence', 'last', '--json'])).stdout) as Evidence;

/** A patch as git writes it: what `body` does to a copy of the base. */
function patchOf(body: () => void): string {
  body();
  personGit(repo, 'add', '-A', '-f', '.');
  const file = join(home.folder, 'change.patch');
  personGit(repo, 'diff', '--cached', '--binary', '--output', file);
  personGit(repo, 'reset', '--quiet', '--hard');
  return file;
}

const check = (...args: readonly string[]): Promise<Ran> => home.sally(['check', '--repo', repo, ...args]);

describe('sallyport check --patch', () => {
  it('judges exactly what the patch says: bytes, modes, links, names and ignored files, whatever the attributes of the tree would convert', async () => {
    makeRepo(repo, { ...FILES, '.gitattributes': '* text eol=crlf\n*.up filter=up ident\n', '.gitignore': 'dist\n', 'old name.txt': 'one\ntwo\nthree\nfour\n', 'gone.txt': 'x\n', 'id.up': '$Id$\n' });
    const file = patchOf(() => {
      write(repo, { 'src/add.js': 'exports.add = (a, b) => a + b;\n', 'new name.txt': 'one\ntwo\nthree\nfour!\n', 'dist/made.js': '// made\n', 'id.up': '$Id$ more\n', 'raw.bin': Buffer.from([0, 1, 2, 13, 10, 255]), 'run.sh': 'echo\n', 'ümlaut.txt': 'ü\n' });
      chmodSync(join(repo, 'run.sh'), 0o755);
      symlinkSync('src/add.js', join(repo, 'link.js'));
      personGit(repo, 'rm', '--quiet', 'gone.txt', 'old name.txt');
    });
    const ran = await check('--patch', file);
    const found = await evidence();
    expect([ran.code, found.verdict, found.kind]).toEqual([0, 'passed', 'fix']);
    expect(found.files.map(({ path, status, mode }) => [status, path, mode])).toEqual([
      ['added', 'dist/made.js', '100644'], ['deleted', 'gone.txt', '100644'], ['modified', 'id.up', '100644'], ['added', 'link.js', '120000'], ['added', 'new name.txt', '100644'], ['deleted', 'old name.txt', '100644'],
      ['added', 'raw.bin', '100644'], ['added', 'run.sh', '100755'], ['modified', 'src/add.js', '100644'], ['added', 'ümlaut.txt', '100644'],
    ]);
    expect(found.cases.map((c) => c.change)).toEqual(['fixed']);
    const same = personGit(repo, 'apply', '--cached', file);
    expect([same, found.head.tree]).toEqual(['', personGit(repo, 'write-tree')]);
    expect(JSON.stringify(await home.events())).not.toContain(file);
  });

  it('passes a plain mend from standard input, on the base that is named', async () => {
    const first = makeRepo(repo, FILES);
    const file = patchOf(() => write(repo, { 'src/add.js': 'exports.add = (a, b) => a + b;\n' }));
    write(repo, { 'src/add.js': 'exports.add = () => 0;\n' });
    commitAll(repo, 'another base');
    expect(await home.sally(['check', '--repo', repo, '--base', first, '--patch', '-'], { before: ['/bin/sh', '-c', `"$@" < ${file}`, 'sh'] })).toMatchObject({ code: 0 });
    expect(await check('--patch', file)).toMatchObject({ code: 2, stderr: expect.stringMatching(/Cannot apply the patch to the base: error: patch failed: src\/add\.js:1[\s\S]*\[input\.patch\]/) });
    expect((await home.sally(['tasks', '--json'])).stdout).toMatch(/"failed"/);
  });

  it('refuses what is none, does not fit, leads out of the tree, or is not all of it', { timeout: 180_000 }, async () => {
    const bad: readonly (readonly [string, string, RegExp])[] = [
    ['text that is no patch', 'hello\n', /no line begins with/],
    ['a submodule', 'diff --git a/sub b/sub\nnew file mode 160000\nindex 0000000..1234567\n--- /dev/null\n+++ b/sub\n@@ -0,0 +1 @@\n+Subproject commit 1234567890123456789012345678901234567890\n', /a submodule/],
    ['a way out of the tree', 'diff --git a/../../etc/x b/../../etc/x\nnew file mode 100644\n--- /dev/null\n+++ b/../../etc/x\n@@ -0,0 +1 @@\n+x\n', /Cannot apply the patch to the base: error: .*invalid path/],
    ['the repository itself', 'diff --git a/.git/config b/.git/config\nnew file mode 100644\n--- /dev/null\n+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n', /Cannot (apply|take) the patch/],
    ['a link, and a file behind it', 'diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/tmp\n\\ No newline at end of file\ndiff --git a/l/x b/l/x\nnew file mode 100644\n--- /dev/null\n+++ b/l/x\n@@ -0,0 +1 @@\n+x\n', /Cannot apply the patch to the base/],
    ['half a patch', 'diff --git a/src/add.js b/src/add.js\n--- a/src/add.js\n+++ b/src/add.js\n@@ -1,40 +1,40 @@\n-exports.add', /Cannot apply the patch to the base: error: .*(corrupt patch|patch failed)/],
    ];
    makeRepo(repo, FILES);
    const file = join(home.folder, 'bad.patch');
    for (const [what, text, why] of bad) {
      writeFileSync(file, text);
      expect({ what, ...(await check('--patch', file)) }).toMatchObject({ what, code: 2, stderr: expect.stringMatching(why) });
    }
  });

  it('says what is wrong with the options', async () => {
    makeRepo(repo, FILES);
    expect(await check()).toMatchObject({ code: 2, stderr: expect.stringContaining('neither --base nor --patch') });
    expect(await check('--head', 'HEAD')).toMatchObject({ code: 2, stderr: expect.stringContaining('--head and no --base') });
    expect(await check('--patch', 'x', '--head', 'HEAD')).toMatchObject({ code: 2, stderr: expect.stringContaining('both --head and --patch') });
    expect(await check('--patch', join(home.folder, 'none'))).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
  });
});

describe('sallyport review of a change', () => {
  const READ = { ...FILES, 'src/files.js': "const fs = require('fs');\nconst path = require('path');\nconst ROOT = '/srv/files';\nmodule.exports = (app) => app.get('/f', (req, res) => {\n  const file = path.resolve(ROOT, req.query.name);\n  if (!file.startsWith(ROOT + path.sep)) return res.sendStatus(403);\n  res.send(fs.readFileSync(file));\n});\n", 'src/old.js': 'exports.run = (text) => eval(text);\n' };
  const WORSE = READ['src/files.js'].replace(/ {2}if .*\n/, '');

  it('says what it brings, by severity, with class, reason and remedy, and what it takes away; nothing is tested', async () => {
    makeRepo(repo, READ);
    personGit(repo, 'checkout', '--quiet', '-b', 'worse');
    write(repo, { 'src/files.js': WORSE, 'src/old.js': 'exports.run = (text) => text;\n' });
    commitAll(repo, 'simpler');
    const sarif = join(home.folder, 'review.sarif');
    const ran = await home.sally(['review', '--repo', repo, '--base', 'main', '--head', 'worse', '--json', '--sarif', sarif]);
    expect(ran).toMatchObject({ code: 0, json: { verdict: 'passed', files: [] } });
    const { answer } = ran.json as { answer: string };
    expect(answer).toMatch(/^In 2 changed files: 2 new findings and no look at known advisories/);
    expect(answer).toMatch(/## High \(2\)\n(.|\n)*### js\/path-traversal \(CWE-22\): .*\n\nTo mend it: .*\n\n- src\/files\.js:6\n/);
    expect(answer).toMatch(/### flow\/removed-defence .*\n(.|\n)*lost a defence that stood before it: starts with ROOT(.|\n)*## Gone with the change \(1\)\n\n- js\/code-injection \(CWE-95\) at src\/old\.js:1/);
    const found = await evidence();
    expect({ subject: found.subject?.files.map((f) => f.path), citations: found.citations.every((c) => c.exists), cases: found.cases, untested: found.notChecked.includes('tests of the change: a review runs none') }).toEqual({ subject: ['src/files.js', 'src/old.js'], citations: true, cases: [], untested: true });
    expect(JSON.parse(readFileSync(sarif, 'utf8'))).toMatchObject({ runs: [{ results: expect.arrayContaining([expect.objectContaining({ ruleId: 'js/path-traversal', baselineState: 'new' }), expect.objectContaining({ ruleId: 'js/code-injection', baselineState: 'absent' })]) }] });
  });

  it('has a model look at the change, tries its proofs on both sides without it, and takes nothing of it for proof', { timeout: 120_000 }, async () => {
    makeRepo(repo, READ);
    personGit(repo, 'checkout', '--quiet', '-b', 'worse');
    write(repo, { 'src/files.js': WORSE });
    commitAll(repo, 'simpler');
    const finding = (title: string, proof: string | null, place = 'src/files.js:6'): object => ({ title, severity: 'high', cwe: 'CWE-22', place, why: 'Any file can be read.', remedy: 'Put the check back.', ...(proof === null ? {} : { proof }) });
    const model = home.model([
      { tools: [{ name: 'shell', args: { command: 'grep -c startsWith src/files.js; touch src/new.js; echo ended $?' } }] },
      { tools: [{ name: 'finish', args: { summary: 'One hole.\u001b[2J', citations: ['src/files.js:6'], findings: [
        finding('The check is gone', '! grep -q startsWith src/files.js && echo no check'), finding('Everything is wrong', 'true'), finding('Nothing is', 'exit 3'), finding('A word', null), finding('Elsewhere', null, 'src/none.js:1'),
      ] } }] },
    ]);
    const ran = await home.sally(['review', '--repo', repo, '--base', 'main', '--head', 'worse', '--model', model]);
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringMatching(/One hole\.(.|\n)*reviewer +reproduced {2}high: The check is gone at src\/files\.js:6(.|\n)*also on base {2}high: Everything is wrong(.|\n)*no such place/) });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is printed is the point
    expect(ran.stdout).not.toMatch(/\u001b\[2J/);
    const found = await evidence();
    expect([found.verdict, found.files, found.findings?.map((f) => [f.title, f.reproduced, f.exists])]).toEqual(['passed', [], [
      ['The check is gone', 'reproduced', true], ['Everything is wrong', 'also_on_base', true], ['Nothing is', 'not_reproduced', true], ['A word', 'not_tried', true], ['Elsewhere', 'not_tried', false],
    ]]);
    const asked = (await home.sally(['log', 'last', '--all'])).stdout;
    expect(asked).toMatch(/reproduce\.1/);
    expect((await home.sally(['evidence', 'last'])).stdout).toMatch(/### Findings of the reviewing model\n\n- high, reproduced in a sandbox: `The check is gone` CWE-22 at `src\/files\.js:6`/);
  });

  it('reviews a patch, and one that only deletes; nothing found says little', async () => {
    makeRepo(repo, READ);
    const file = patchOf(() => personGit(repo, 'rm', '--quiet', 'src/old.js'));
    expect(await home.sally(['review', '--repo', repo, '--patch', file])).toMatchObject({ stdout: expect.stringMatching(/In 1 changed file: 0 new findings(.|\n)*says nothing about what they cannot see(.|\n)*Gone with the change/) });
    expect(await home.sally(['review', '--repo', repo, '--head', 'main'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--head and no --base') });
  });
});

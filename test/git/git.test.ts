import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe as suite, expect, it } from 'vitest';
import { type ChangeEntry, describe, ignoredBy, importChange, readFileAt } from '../../src/git/change.js';
import { findSource, locatorOf, type Mirror, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { pathProblem } from '../../src/git/paths.js';
import { materialise } from '../../src/git/tree.js';
import { parseUrl } from '../../src/git/url.js';
import { applyChange, dirtyFiles } from '../../src/git/worktree.js';
import { commitAll, makeHostileRepo, makeRepo, write } from '../support/repo.js';
import { remove, scratch } from '../support/sandbox.js';

let folder: string;
let n = 0;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => remove(folder));
const fresh = (): string => join(folder, `case-${n++}`);

async function mirrorOf(repo: string): Promise<Mirror> {
  const source = await findSource(repo, '/', []);
  const mirror = await openMirror(join(folder, 'mirrors'), locatorOf(source));
  await updateMirror(mirror, source);
  return mirror;
}

suite('reading a repository', () => {
  it('lays out the committed tree, links as links, and resolves refs', async () => {
    const repo = fresh();
    makeRepo(repo, { 'a.txt': 'a', 'x/y.sh': '#!/bin/sh\n' });
    symlinkSync('a.txt', join(repo, 'link'));
    const commit = commitAll(repo, 'link');
    const mirror = await mirrorOf(repo);
    const resolved = await resolveRef(mirror, 'HEAD');
    expect(resolved.commit).toBe(commit);
    expect(await resolveRef(mirror, 'main')).toEqual(resolved);
    expect(await resolveRef(mirror, commit.slice(0, 10))).toEqual(resolved);
    const laid = await materialise(mirror, resolved.tree, join(folder, 'trees'), null);
    expect([readFileSync(join(laid.path, 'a.txt'), 'utf8'), readlinkSync(join(laid.path, 'link')), laid.skipped]).toEqual(['a', 'a.txt', []]);
    expect((await readFileAt(mirror, commit, 'a.txt'))?.toString()).toBe('a');
    expect(await readFileAt(mirror, commit, 'nope')).toBe(null);
  });

  it('runs nothing of a repository that attacks, hangs on nothing and says what it skipped', async () => {
    const repo = fresh();
    const marker = join(folder, `pwned-${n}`);
    const commit = makeHostileRepo(repo, marker);
    expect(existsSync(marker)).toBe(false);
    const mirror = await mirrorOf(repo);
    const { tree } = await resolveRef(mirror, commit);
    const laid = await materialise(mirror, tree, join(folder, 'trees'), null);
    const dirty = await dirtyFiles(mirror, repo, commit, folder);
    expect(existsSync(marker)).toBe(false);
    expect(laid.skipped.map((s) => [s.path, s.reason.replace(/\(.*/, '')])).toEqual([['big.bin', 'larger than 52428800 bytes '], ['embedded', 'submodule']]);
    expect(readlinkSync(join(laid.path, 'out-absolute'))).toBe('/etc/passwd');
    expect(existsSync(join(laid.path, 'new\nline.txt'))).toBe(true);
    expect(dirty.changed).toEqual([]);
  });

  it.each([['empty', 'repo.empty'], ['none', 'repo.not_git'], ['missing', 'repo.not_git']])('answers clearly for a folder that is no usable repository (%s)', async (kind, code) => {
    const repo = fresh();
    if (kind !== 'missing') mkdirSync(repo);
    if (kind === 'empty') execFileSync('git', ['init', '-q', repo]);
    await expect(mirrorOf(repo)).rejects.toMatchObject({ code });
  });

  it.each(['--upload-pack=touch x', 'a..b', 'HEAD@{1}', '-x', 'no such', 'nowhere'])('refuses the ref %j', async (ref) => {
    const repo = fresh();
    makeRepo(repo, { a: '1' });
    await expect(resolveRef(await mirrorOf(repo), ref)).rejects.toMatchObject({ code: 'repo.unknown_ref' });
  });

  it.each(['ext::sh -c id', 'file:///etc', 'ssh://h/x', 'git://h/x', 'http://example.com/x', 'https://u:p@example.com/x', 'https://example.com:8443/x', 'https://e.com/x?y=1'])('refuses the URL %s', (url) => {
    expect(() => parseUrl(url, [])).toThrow(expect.objectContaining({ code: 'repo.url_refused' }));
  });

  it.each(['https://127.0.0.1/x.git', 'https://[::1]/x', 'https://169.254.169.254/x', 'https://10.1.2.3/x', 'https://[::ffff:127.0.0.1]/x', 'https://localhost/x'])('refuses the address of %s', async (url) => {
    await expect(findSource(url, '/', [])).rejects.toMatchObject({ code: 'repo.url_refused' });
  });

  it('names tracked edits and counts untracked files', async () => {
    const repo = fresh();
    const commit = makeRepo(repo, { 'a.txt': 'a', 'b.txt': 'b', '.gitignore': 'skip/\n' });
    write(repo, { 'a.txt': 'edited', 'new.txt': 'n', 'skip/x': 'x' });
    expect(await dirtyFiles(await mirrorOf(repo), repo, commit, folder)).toEqual({ changed: ['a.txt'], untracked: 1 });
  });
});

suite('a change', () => {
  const file = (path: string, data: string, mode: '100644' | '100755' = '100644'): ChangeEntry => ({ kind: 'file', path: Buffer.from(path), mode, data: Buffer.from(data) });

  it('becomes one commit with its patch, and applies to the working tree', async () => {
    const repo = fresh();
    const base = makeRepo(repo, { 'a.txt': 'a\n', 'gone.txt': 'g\n', 'dir/f': 'f\n' });
    const mirror = await mirrorOf(repo);
    const entries: ChangeEntry[] = [file('a.txt', 'changed\n'), file('n\new "x".sh', '#!/bin/sh\n', '100755'), { kind: 'delete', path: Buffer.from('gone.txt') }, { kind: 'delete', path: Buffer.from('dir') }, file('dir', 'now a file\n'), { kind: 'link', path: Buffer.from('l'), data: Buffer.from('a.txt') }];
    const change = await importChange(mirror, base, entries, 'refs/sallyport/t/1');
    expect(change.files.map((f) => [f.path, f.status, f.mode])).toEqual([['a.txt', 'modified', '100644'], ['dir', 'added', '100644'], ['dir/f', 'deleted', '100644'], ['gone.txt', 'deleted', '100644'], ['l', 'added', '120000'], ['n\new "x".sh', 'added', '100755']]);
    expect(await importChange(mirror, base, entries, 'refs/sallyport/t/2')).toEqual(change);
    const plain = change.files.filter((f) => !f.path.startsWith('dir'));
    expect(await applyChange(mirror, repo, base, change.commit, plain)).toEqual(plain.map((f) => f.path));
    expect([readFileSync(join(repo, 'a.txt'), 'utf8'), existsSync(join(repo, 'gone.txt')), lstatSync(join(repo, 'n\new "x".sh')).mode & 0o777]).toEqual(['changed\n', false, 0o755]);
    expect(await applyChange(mirror, repo, base, change.commit, plain)).toEqual([]);
  });

  it('never takes paths that leave the tree or are git metadata', async () => {
    const repo = fresh();
    const base = makeRepo(repo, { a: '1' });
    const bad = ['../x', '/etc/x', '.git/hooks/pre-commit', 'x/.GIT/config', 'git~1/x', 'a//b', './x', '.g\u200cit/x', 'sub/.git'];
    const change = await importChange(await mirrorOf(repo), base, bad.map((p) => file(p, 'x')), 'refs/sallyport/t/3');
    expect([change.files, change.skipped.map((s) => s.path)]).toEqual([[], bad]);
  });

  it('is refused whole, with the names, when the working tree differs', async () => {
    const repo = fresh();
    const base = makeRepo(repo, { 'a.txt': 'a\n', 'b.txt': 'b\n' });
    const mirror = await mirrorOf(repo);
    const change = await importChange(mirror, base, [file('a.txt', 'A\n'), file('b.txt', 'B\n'), file('c.txt', 'C\n')], 'refs/sallyport/t/4');
    writeFileSync(join(repo, 'b.txt'), 'mine\n');
    writeFileSync(join(repo, 'c.txt'), 'mine too\n');
    await expect(applyChange(mirror, repo, base, change.commit, change.files)).rejects.toMatchObject({ code: 'apply.conflict', message: expect.stringContaining('b.txt, c.txt') });
    expect(readFileSync(join(repo, 'a.txt'), 'utf8')).toBe('a\n');
  });

  it('does not write through a link that stands in the way', async () => {
    const repo = fresh();
    const base = makeRepo(repo, { 'a.txt': 'a\n' });
    const mirror = await mirrorOf(repo);
    const change = await importChange(mirror, base, [file('d/x', 'x\n')], 'refs/sallyport/t/5');
    const outside = fresh();
    mkdirSync(outside);
    symlinkSync(outside, join(repo, 'd'));
    await expect(applyChange(mirror, repo, base, change.commit, change.files)).rejects.toMatchObject({ code: 'apply.conflict' });
    expect(existsSync(join(outside, 'x'))).toBe(false);
  });

  it('asks only the base\'s ignore rules', async () => {
    const repo = fresh();
    makeRepo(repo, { '.gitignore': 'coverage/\n*.log\n' });
    const mirror = await mirrorOf(repo);
    const { tree, commit } = await resolveRef(mirror, 'HEAD');
    const laid = await materialise(mirror, tree, join(folder, 'trees'), null);
    expect(await ignoredBy(mirror, laid.path, [Buffer.from('coverage/x'), Buffer.from('a.js'), Buffer.from('b.log')])).toEqual(new Set(['coverage/x', 'b.log']));
    expect((await describe(mirror, commit, commit)).files).toEqual([]);
  });

  it.each([['a/b', null], ['', 'empty path'], ['a\0b', 'NUL in path'], ['.git', 'git metadata'], ['.git ', 'git metadata'], ['.gitignore', null], ['x/.github/y', null]])('judges the path %j', (path, problem) => {
    expect(pathProblem(Buffer.from(path))).toBe(problem);
  });
});

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lchownSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChangeEntry, importChange } from '../../src/git/change.js';
import { findSource, locatorOf, type Mirror, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { materialise } from '../../src/git/tree.js';
import { ALWAYS_DEMANDED } from '../../src/protocol/guarantee.js';
import { newId } from '../../src/protocol/ids.js';
import { CHANGE_LIMITS, extractChange, parseChange } from '../../src/sandbox/extract.js';
import { makeLayer } from '../../src/sandbox/layer.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../support/journal.js';
import { commitAll, makeRepo, personGit } from '../support/repo.js';
import { leftovers, remove, scratch, testDriver, testOwner, testPrivilege, tree } from '../support/sandbox.js';

let folder: string;
let driver: SandboxDriver;
let count = 0;

beforeAll(() => {
  folder = scratch();
  driver = testDriver(folder);
});
afterAll(() => remove(folder));

const BASE = { 'a.txt': 'base\n', 'dir/b.txt': 'b\n', 'dir/sub/c.txt': 'c\n', 'gone/d.txt': 'd\n' };
type Plain = { readonly [path: string]: string };

/** What stood in a change, for people: content by path, with the mode where it is not 100644. Names that are not text as latin1. */
function plain(entries: readonly ChangeEntry[]): Plain {
  return Object.fromEntries(entries.map((e) => [
    e.path.equals(Buffer.from(e.path.toString('utf8'))) ? e.path.toString('utf8') : e.path.toString('latin1'),
    e.kind === 'delete' ? 'DELETE' : e.kind === 'link' ? `-> ${e.data}` : e.mode === '100755' ? `x ${e.data}` : e.data.toString(),
  ]));
}

/** Lets `script` write as an agent would, then takes the change out. */
async function change(script: string, options: { base?: Plain; excluded?: string[]; layers?: Plain; lower?: string; layerFolder?: string; journal?: MemoryJournal } = {}) {
  const at = join(folder, `case-${count++}`);
  mkdirSync(at, { mode: 0o755 });
  const base = options.lower ?? tree(join(at, 'lower'), options.base ?? BASE);
  const lowers = [...(options.layerFolder === undefined ? [] : [options.layerFolder]), ...(options.layers === undefined ? [] : [tree(join(at, 'setup'), options.layers)]), base];
  const layer = join(at, 'layer');
  await makeLayer(layer, testOwner());
  {
    await using sandbox = await driver.open({
      id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers, layer }, mounts: [], egressSocket: null, scratch: null,
      limits: { memory: 512, pids: 64, cpus: 2 }, variables: {},
    });
    const result = await sandbox.exec({ argv: ['/bin/bash', '-euc', script], timeout: 60_000, maxOutput: 1_000_000 });
    if (result.exit !== 0) throw new Error(`the agent's script failed: ${result.stderr}`);
  }
  const { entries, skipped } = await extractChange({ driver, layer, lowers, baseTree: base, excluded: options.excluded ?? ['node_modules'], journal: options.journal ?? new MemoryJournal() });
  return { change: plain(entries), skipped, entries };
}

describe('what an agent wrote, taken out', () => {
  it.each<[string, string, Plain]>([
    ['nothing', 'cat a.txt', {}],
    ['a modified, an added and a deleted file', 'echo new > a.txt; mkdir -p x/y; echo z > x/y/z; rm dir/b.txt', { 'a.txt': 'new\n', 'x/y/z': 'z\n', 'dir/b.txt': 'DELETE' }],
    ['an empty file', ': > empty', { empty: '' }],
    ['a deleted folder', 'rm -r gone', { gone: 'DELETE' }],
    ['a file that became a folder', 'rm a.txt; mkdir a.txt; echo x > a.txt/in', { 'a.txt': 'DELETE', 'a.txt/in': 'x\n' }],
    ['a folder that became a file', 'rm -r dir; echo x > dir', { dir: 'x\n' }],
    ['a folder that became a file and a folder again', 'rm -r dir; echo x > dir; rm dir; mkdir dir; echo n > dir/n', { 'dir/b.txt': 'DELETE', 'dir/sub': 'DELETE', 'dir/n': 'n\n' }],
    ['an opaque folder with one old name', 'rm -r dir; mkdir -p dir/sub; echo n > dir/sub/n; echo b2 > dir/b.txt', { 'dir/b.txt': 'b2\n', 'dir/sub/c.txt': 'DELETE', 'dir/sub/n': 'n\n' }],
    ['a folder that was renamed', 'mv dir moved', { dir: 'DELETE', 'moved/b.txt': 'b\n', 'moved/sub/c.txt': 'c\n' }],
    ['links: inside, dangling, absolute, out of the tree, to a folder', 'ln -s a.txt l1; ln -s nowhere l2; ln -s /etc/passwd l3; ln -s ../../../etc l4; ln -s dir l5', { l1: '-> a.txt', l2: '-> nowhere', l3: '-> /etc/passwd', l4: '-> ../../../etc', l5: '-> dir' }],
    ['a file that became a link, a folder that became a link', 'ln -sf /etc/passwd a.txt; rm -r dir; ln -s /etc dir', { 'a.txt': '-> /etc/passwd', dir: '-> /etc' }],
    ['a mode alone', 'chmod 755 a.txt', { 'a.txt': 'x base\n' }],
    ['set-uid and odd modes as plain ones', 'echo s > s; chmod 4755 s; echo g > g; chmod 0660 g', { s: 'x s\n', g: 'g\n' }],
    ['names with a newline, quotes, a backslash, a leading dash and bytes that are no text', "echo 1 > $'new\\nline'; echo 2 > 'q\"uo'\\''te'; echo 3 > 'b\\s'; echo 4 > ./-rf; echo 5 > $'\\xff\\xfe'; mkdir $'d\\xfe'; echo 6 > $'d\\xfe/f'", { 'new\nline': '1\n', 'q"uo\'te': '2\n', 'b\\s': '3\n', '-rf': '4\n', 'ÿþ': '5\n', 'dþ/f': '6\n' }],
    ['a hard link as a file of its own', 'ln a.txt hard', { 'a.txt': 'base\n', hard: 'base\n' }],
    ['names that only look like whiteouts', 'echo w > .wh.a.txt; echo o > .wh..wh..opq', { '.wh.a.txt': 'w\n', '.wh..wh..opq': 'o\n' }],
    ['a name like an object\'s own', 'mkdir __proto__; echo c > __proto__/constructor', { '__proto__/constructor': 'c\n' }],
  ])('%s', async (_, script, expected) => {
    const got = await change(script);
    expect([got.change, got.skipped]).toEqual([expected, []]);
  });

  it('does not follow a link of the base that became a folder', async () => {
    const at = join(folder, `links-${count++}`);
    tree(at, { 'real/one': '1\n', 'real/two': '2\n' });
    symlinkSync('real', join(at, 'l'));
    const privilege = testPrivilege();
    if (privilege.kind === 'root') lchownSync(join(at, 'l'), privilege.uid, privilege.gid);
    expect((await change('rm l; mkdir l; echo n > l/n', { lower: at })).change).toEqual({ l: 'DELETE', 'l/n': 'n\n' });
  });

  it('reports sockets and pipes and never opens them', async () => {
    const got = await change('mkfifo pipe; mkdir d; mkfifo d/pipe; /opt/sallyport/node -e "require(\'net\').createServer().listen(\'s.sock\', () => process.kill(process.pid, 9))" || true; echo ok > ok');
    expect([got.change, [...got.skipped].sort((a, b) => a.path.localeCompare(b.path))]).toEqual([{ ok: 'ok\n' }, ['d/pipe', 'pipe', 's.sock'].map((path) => ({ path, reason: 'not a file, folder or link' }))]);
  });

  it('never takes git metadata, in any spelling and at any depth, and says so', async () => {
    const names = ['.git', '.GIT', 'git~1', '.git. .', 'dir/.git', 'dir/sub/.GiT', 'new/.git'];
    const got = await change(`${names.map((n) => `mkdir -p '${n}/hooks'; echo x > '${n}/hooks/pre-commit'`).join('; ')}; echo 'gitdir: /x' > gone/.git; ln -s /etc GIT~2`);
    expect([got.change, got.skipped.map((s) => s.path).sort()]).toEqual([{}, [...names, 'gone/.git', 'GIT~2'].sort()]);
    expect(new Set(got.skipped.map((s) => s.reason))).toEqual(new Set(['git metadata is never part of a change']));
  });

  it('leaves excluded folders out: quietly what setup made, with a word what the base has or policy names', async () => {
    const got = await change('mkdir -p node_modules/x dir/node_modules vendored/node_modules dist; echo 1 > node_modules/x/y; echo 2 > dir/node_modules/z; echo 3 > dist/out; echo 4 > vendored/node_modules/v; rm -r other/node_modules', {
      base: { ...BASE, 'vendored/node_modules/v': 'v\n', 'other/node_modules/w': 'w\n', 'other/x': 'x\n' }, excluded: ['node_modules', 'dist'],
    });
    expect([got.change, [...got.skipped].sort((a, b) => a.path.localeCompare(b.path))]).toEqual([{}, ['dist', 'other/node_modules', 'vendored/node_modules'].map((path) => ({ path, reason: 'excluded by policy' }))]);
  });

  it('does not take what setup laid over the tree, unless the agent changed it', async () => {
    expect((await change('echo mine > out/two; echo a2 > a.txt', { layers: { 'out/one': '1\n', 'out/two': '2\n' } })).change).toEqual({ 'a.txt': 'a2\n', 'out/two': 'mine\n' });
  });

  it('does not take what setup deleted for the agent\'s deletion', async () => {
    const at = join(folder, `setup-${count++}`);
    mkdirSync(at, { mode: 0o755 });
    const base = tree(join(at, 'base'), BASE);
    const build = join(at, 'build');
    await makeLayer(build, testOwner());
    {
      await using sandbox = await driver.open({ id: newId('sb'), phase: 'build', demanded: ALWAYS_DEMANDED, workspace: { lowers: [base], layer: build }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 2 }, variables: {} });
      await sandbox.exec({ argv: ['/bin/sh', '-c', 'rm dir/b.txt; rm -r gone'], timeout: 20_000, maxOutput: 1000 });
    }
    expect((await change('rm a.txt; echo n > dir/n; mkdir gone; echo g > gone/g', { lower: base, layerFolder: `${build}/upper` })).change).toEqual({ 'a.txt': 'DELETE', 'dir/n': 'n\n', 'gone/g': 'g\n' });
  });

  it('reports what the agent left unreadable, takes what stands around it and invents no deletion', async () => {
    const got = await change('echo s > dir/new; chmod 000 dir; echo t > secret; chmod 000 secret; mkdir -p in/out; echo i > in/out/i; chmod 000 in/out; echo ok > in/ok; mkdir w; echo w > w/w; chmod 311 w; echo k > gone/d.txt; chmod 444 gone');
    expect(got.change).toEqual({ 'in/ok': 'ok\n' });
    expect([...got.skipped].sort((a, b) => a.path.localeCompare(b.path))).toEqual(['dir', 'gone/d.txt', 'in/out', 'secret', 'w'].map((path) => ({ path, reason: 'its permissions do not allow to read it' })));
  });

  it('reports a file over the limit and takes one just below it, byte for byte', async () => {
    const { fileBytes } = CHANGE_LIMITS;
    const got = await change(`head -c ${fileBytes} /dev/urandom > fits; head -c ${fileBytes + 1} /dev/zero > large; truncate -s 19G sparse; sha256sum < fits > sum`);
    const entry = got.entries.find((e) => e.path.toString() === 'fits');
    expect(entry?.kind === 'file' && `${createHash('sha256').update(entry.data).digest('hex')}  -\n`).toBe(got.change['sum']);
    expect([...got.skipped].sort((a, b) => a.path.localeCompare(b.path)).map((s) => [s.path, s.reason])).toEqual([['large', `larger than ${fileBytes} bytes (${fileBytes + 1})`], ['sparse', `larger than ${fileBytes} bytes (${19 * 1024 ** 3})`]]);
  });

  it('fails on more files or more bytes than a change may have', async () => {
    await expect(change(`mkdir many; cd many; seq ${CHANGE_LIMITS.files} | xargs touch`)).rejects.toMatchObject({ code: 'sandbox.failed', message: expect.stringContaining(`more than ${CHANGE_LIMITS.files} files`) });
    await expect(change('for i in 1 2 3 4 5 6; do head -c 20000000 /dev/zero > f$i; done')).rejects.toMatchObject({ code: 'sandbox.failed', message: expect.stringContaining(`more than ${CHANGE_LIMITS.totalBytes} bytes`) });
  });

  it('is on the log with its sandbox, and the content is not on the log', async () => {
    const journal = new MemoryJournal();
    const before = leftovers();
    await change('echo very-secret-content > a.txt', { journal });
    expect(journal.types).toEqual(['sandbox.started', 'command.started', 'command.ended', 'sandbox.ended']);
    expect(journal.of('command.ended')).toEqual([{ command: journal.of('command.started')[0]?.command, exit: 0, signal: null, reason: 'exited', ms: expect.any(Number), output: null, truncated: false, executed: expect.anything() }]);
    expect(journal.of('sandbox.started')[0]).toMatchObject({ phase: 'extract', enforced: expect.arrayContaining([...ALWAYS_DEMANDED]) });
    expect(journal.text).not.toContain(Buffer.from('very-secret-content').toString('base64').slice(0, 20));
    expect(leftovers()).toEqual(before);
  });
});

describe('a change on its way from base to commit', () => {
  async function mirrorOf(repo: string): Promise<Mirror> {
    const source = await findSource(repo, '/', []);
    const mirror = await openMirror(join(folder, 'mirrors'), locatorOf(source));
    await updateMirror(mirror, source);
    return mirror;
  }

  it('gives the very tree that git itself makes of the same files', async () => {
    const repo = join(folder, `repo-${count++}`);
    const binary = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256));
    makeRepo(repo, { 'bin.dat': binary, 'a.txt': 'a\n', 'dir/x': 'x\n', 'dir/y': 'y\n', 'crlf.txt': 'one\r\ntwo\r\n', 'sp ace': 's\n' });
    const mirror = await mirrorOf(repo);
    const base = await resolveRef(mirror, 'HEAD');
    const privilege = testPrivilege();
    const laid = await materialise(mirror, base.tree, join(folder, 'trees'), privilege.kind === 'root' ? privilege : null);
    const script = "printf '\\0\\1\\377\\r\\n' >> bin.dat; head -c 100000 /dev/zero > zero.bin; printf 'no newline' > crlf.txt; rm dir/x; mv a.txt b.txt; chmod +x b.txt; ln -s ../out link; rm -r 'sp ace'; mkdir 'sp ace'; echo n > $'sp ace/n\\xff\\n'; echo '* text eol=crlf filter=evil' > .gitattributes; echo 'ignored/' > .gitignore; mkdir ignored; echo i > ignored/i";
    const { entries, skipped } = await change(script, { lower: laid.path });
    const imported = await importChange(mirror, base.commit, entries, 'refs/sallyport/t/1');
    personGit(repo, 'config', 'core.autocrlf', 'false');
    execFileSync('/bin/bash', ['-euc', script], { cwd: repo });
    // What a person would get without the attribute file's interference: hash every file as it is.
    personGit(repo, 'config', 'core.attributesFile', '/dev/null');
    const info = join(repo, '.git/info');
    mkdirSync(info, { recursive: true });
    execFileSync('/bin/sh', ['-c', 'echo "* -text -filter -eol" > "$1/attributes"', 'sh', info]);
    personGit(repo, 'add', '-f', 'ignored');
    commitAll(repo, 'by hand');
    expect([imported.tree, imported.skipped, skipped]).toEqual([personGit(repo, 'rev-parse', 'HEAD^{tree}'), [], []]);
  });
});

describe('what the extraction program prints', () => {
  const b64 = (text: string): string => Buffer.from(text).toString('base64');
  const lines = (...values: unknown[]): Buffer => Buffer.from(values.map((v) => `${typeof v === 'string' ? v : JSON.stringify(v)}\n`).join(''));

  it('is read line by line', () => {
    expect(parseChange(lines({ put: b64('a'), mode: '100644', data: '' }, { link: b64('l'), data: b64('t') }, { del: b64('d') }, { skip: b64('s'), reason: 'r' }, { end: true }))).toEqual({
      entries: [{ kind: 'file', path: Buffer.from('a'), mode: '100644', data: Buffer.from('') }, { kind: 'link', path: Buffer.from('l'), data: Buffer.from('t') }, { kind: 'delete', path: Buffer.from('d') }],
      skipped: [{ path: 's', reason: 'r' }],
    });
  });

  it.each<[string, Buffer]>([
    ['nothing', Buffer.alloc(0)],
    ['no end', lines({ del: b64('d') })],
    ['something after the end', lines({ end: true }, { del: b64('d') })],
    ['half a line', Buffer.concat([lines({ end: true }), Buffer.from('{')])],
    ['garbage', lines('garbage', { end: true })],
    ['bytes', Buffer.from([0xff, 0xfe, 10])],
    ['an unknown line', lines({ run: 'x' }, { end: true })],
    ['a line with more keys', lines({ del: b64('d'), more: 1 }, { end: true })],
    ['a mode that is not a plain file', lines({ put: b64('a'), mode: '160000', data: '' }, { end: true })],
    ['data that is not base64', lines({ put: b64('a'), mode: '100644', data: '***' }, { end: true })],
    ['a file over the limit', lines({ put: b64('a'), mode: '100644', data: Buffer.alloc(CHANGE_LIMITS.fileBytes + 1).toString('base64') }, { end: true })],
    ['too many files', lines(...Array.from({ length: CHANGE_LIMITS.files + 1 }, () => ({ put: 'YQ==', mode: '100644', data: '' })), { end: true })],
    ['too many bytes', lines(...Array.from({ length: 6 }, () => ({ put: 'YQ==', mode: '100644', data: Buffer.alloc(CHANGE_LIMITS.fileBytes).toString('base64') })), { end: true })],
  ])('is a breach of the protocol when it is %s', (_, output) => {
    expect(() => parseChange(output)).toThrow(expect.objectContaining({ code: 'sandbox.protocol' }));
  });
});

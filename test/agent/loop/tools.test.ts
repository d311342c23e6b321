import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clip, TOOLS, type ToolOutcome } from '../../../src/agent/loop/tools.js';
import { ALWAYS_DEMANDED } from '../../../src/protocol/guarantee.js';
import { newId } from '../../../src/protocol/ids.js';
import { makeLayer } from '../../../src/sandbox/layer.js';
import type { Sandbox, SandboxDriver } from '../../../src/sandbox/sandbox.js';
import { remove, scratch, testDriver, testOwner, tree } from '../../support/sandbox.js';

let folder: string;
let driver: SandboxDriver;
let sandbox: Sandbox;
let count = 0;

beforeAll(() => {
  folder = scratch();
  driver = testDriver(folder);
});
afterAll(() => remove(folder));
beforeEach(async () => {
  const at = join(folder, `case-${count++}`);
  mkdirSync(at, { mode: 0o755 });
  const lower = tree(join(at, 'lower'), { 'a.txt': 'one\ntwo\nthree\n', 'dir/b.txt': 'two again\n', 'node_modules/x.txt': 'two\n' });
  await makeLayer(join(at, 'layer'), testOwner());
  sandbox = await driver.open({ id: newId('sb'), phase: 'agent', demanded: ALWAYS_DEMANDED, workspace: { lowers: [lower], layer: join(at, 'layer') }, mounts: [], egressSocket: null, scratch: null, limits: { memory: 512, pids: 64, cpus: 2 }, variables: {} });
});
afterEach(async () => void (await sandbox.close()));

const use = (name: string, input: unknown): Promise<ToolOutcome> => {
  const tool = TOOLS[name];
  if (tool === undefined) throw new Error(`no tool ${name}`);
  return tool.run(input, { sandbox, signal: new AbortController().signal });
};
const sh = async (command: string): Promise<string> => (await use('shell', { command })).output.replace(/\n\[exit 0\]$/, '');
const patch = (...lines: string[]): Promise<ToolOutcome> => use('apply_patch', { patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') });

describe('shell', () => {
  it('gives output and how it ended', async () => {
    expect(await use('shell', { command: 'echo out; echo err >&2' })).toEqual({ ok: true, output: 'out\nerr\n\n[exit 0]' });
    expect(await use('shell', { command: 'exit 3' })).toEqual({ ok: false, output: '\n[exit 3]' });
    expect(await use('shell', { command: 'kill -9 $$' })).toEqual({ ok: false, output: '\n[exit SIGKILL]' });
    expect((await use('shell', { command: 'echo begun; sleep 60', timeout: 1 })).output).toBe('begun\n\n[timeout after 1 s]');
  });

  it('shows head and tail of what is long', async () => {
    const { output } = await use('shell', { command: 'seq 1 20000' });
    expect([output.length < 17_000, output.startsWith('1\n2\n'), output.includes('characters left out'), output.endsWith('20000\n\n[exit 0]')]).toEqual([true, true, true, true]);
    expect([clip('abcdef', 6), clip('abcdefg', 4)]).toEqual(['abcdef', 'ab\n[… 3 characters left out …]\nfg']);
  });
});

describe('read and search', () => {
  it('read with line numbers, whole or a range', async () => {
    expect((await use('read', { path: 'a.txt' })).output).toBe('1\tone\n2\ttwo\n3\tthree\n4\t\n[lines 1-4 of 4]');
    expect((await use('read', { path: 'a.txt', from: 2, to: 2 })).output).toBe('2\ttwo\n[lines 2-2 of 4]');
  });

  it.each(['none', 'dir', '-rf', 'bin', 'large'])('say when %s is no text file', async (path) => {
    await sh("printf 'a\\0b' > bin; head -c 3000000 /dev/zero | tr '\\0' x > large");
    expect(await use('read', { path })).toEqual({ ok: false, output: `Cannot read ${path}: no such text file, or over 2 MB` });
  });

  it('find by expression, not in dependencies, and tell no match from a mistake', async () => {
    const lines = (await use('search', { pattern: '^two' })).output.trim().split('\n').sort();
    expect(lines).toEqual(['./a.txt:2:two', './dir/b.txt:1:two again']);
    expect((await use('search', { pattern: 'two', path: 'dir' })).output).toBe('dir/b.txt:1:two again\n');
    expect(await use('search', { pattern: '-nothing' })).toEqual({ ok: true, output: '[no match]' });
    expect((await use('search', { pattern: '(' })).ok).toBe(false);
  });

  it('follow a link to outside only inside the sandbox', async () => {
    await sh('ln -s /etc/passwd l; ln -s /etc/shadow s; ln -s /tmp/x w');
    expect([(await use('read', { path: 'l' })).output.includes('agent:x:1000'), (await use('read', { path: 's' })).ok]).toEqual([true, false]);
    expect((await patch('*** Update File: l', '@@', '+evil')).output).toContain('cannot be written');
  });
});

describe('apply_patch', () => {
  it('adds, updates and deletes, with modes kept', async () => {
    await sh('chmod 755 a.txt');
    expect(await patch('*** Update File: a.txt', '-two', '+2', '*** Add File: new/deep/file name', '+x', '*** Delete File: dir/b.txt')).toEqual({ ok: true, output: 'update a.txt\nadd new/deep/file name\ndelete dir/b.txt' });
    expect(await sh('cat a.txt "new/deep/file name"; stat -c %a a.txt; ls dir')).toBe('one\n2\nthree\nx\n755\n');
  });

  it.each<[string, string, string[], string]>([
    ['does not fit', 'true', ['*** Update File: dir/b.txt', '-nowhere'], 'are not in the file'],
    ['is to be added and is there', 'true', ['*** Add File: dir/b.txt', '+x'], 'is there already'],
    ['is to be added and is there as a binary', "printf 'a\\0b' > bin", ['*** Add File: bin', '+x'], 'is there already'],
    ['is to be added and is there as a dangling link', 'ln -s /nowhere l', ['*** Add File: l', '+x'], 'is there already'],
    ['is to be updated and is not there', 'true', ['*** Update File: none', '+x'], 'is not a text file'],
    ['is to be deleted and is not there', 'true', ['*** Delete File: none'], 'is not a text file'],
    ['cannot be written', 'chmod 444 dir/b.txt', ['*** Update File: dir/b.txt', '+x'], 'dir/b.txt cannot be written'],
    ['lies below a file', 'true', ['*** Add File: dir/b.txt/c', '+x'], 'dir/b.txt/c cannot be written'],
    ['lies in a folder that cannot be written', 'chmod 555 dir', ['*** Add File: dir/n/c', '+x'], 'dir/n/c cannot be written'],
    ['leaves the workspace', 'true', ['*** Add File: ../x', '+x'], 'not a path inside'],
  ])('changes nothing when its second file %s', async (_, before, second, part) => {
    await sh(before);
    const outcome = await patch('*** Update File: a.txt', '-two', '+2', ...second);
    expect([outcome.ok, outcome.output.startsWith('Nothing was changed.'), outcome.output.includes(part)]).toEqual([false, true, true]);
    expect(await sh('cat a.txt')).toBe('one\ntwo\nthree\n');
  });
});

describe('inputs', () => {
  it.each<[string, unknown]>([
    ['shell', { command: 'a\0b' }], ['shell', { command: '' }], ['shell', { command: 'x', cwd: '/' }], ['shell', { command: 'x', timeout: 601 }], ['read', { path: 'a\0' }], ['search', { pattern: '\0' }],
    ['apply_patch', { patch: 'x\0' }], ['plan', { steps: [] }], ['finish', {}], ['finish', { summary: 'x', verdict: 'passed' }],
  ])('of %s are refused when they are %j', (name, input) => {
    expect(TOOLS[name]?.input.safeParse(input).success).toBe(false);
  });

  it('of plan and finish come back', async () => {
    expect(await use('plan', { steps: [{ step: 'look', state: 'done' }, { step: 'mend', state: 'doing' }] })).toEqual({ ok: true, output: '[done] look\n[doing] mend' });
    expect(await use('finish', { summary: 's', citations: ['a.txt:1'], findings: [] })).toEqual({ ok: true, output: 'Noted.', finished: { summary: 's', citations: ['a.txt:1'], findings: [] } });
  });
});

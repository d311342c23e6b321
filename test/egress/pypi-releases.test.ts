import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { filesOf, type IndexOptions, readFile, readProject, releasedIn } from '../../src/egress/pypi-releases.js';
import { MemoryJournal } from '../support/journal.js';
import { type FakeIndex, startIndex, wheel } from '../support/pypi.js';

const AUTHORIZATION = 'Basic very-secret-credential';
let index: FakeIndex;
let journal: MemoryJournal;
let options: IndexOptions;
beforeEach(async () => {
  index = await startIndex([wheel('a_b', '1.10'), wheel('a_b', '1.9'), wheel('a_b', '1.9', { tag: 'cp311-cp311-linux_x86_64' }), { file: 'a-b-2.0.tar.gz', body: Buffer.from('x') }], AUTHORIZATION);
  index.form = 'json';
  journal = new MemoryJournal();
  options = { registry: { url: index.url, authorization: AUTHORIZATION }, journal, signal: new AbortController().signal, pauses: [], reach: async (name) => Promise.reject(new Error(`${name} has the address 10.0.0.1 (private)`)) };
});
afterEach(() => index[Symbol.asyncDispose]());

describe('the releases of a project', () => {
  it('are those with a wheel, in the order of versions; taken back only where every wheel is', async () => {
    const files = (await readProject('a-b', options)) ?? [];
    expect([releasedIn(files), filesOf(files, '1.9.0').map((f) => f.file)]).toEqual([[{ version: '1.9' }, { version: '1.10' }], ['a_b-1.9-cp311-cp311-linux_x86_64.whl', 'a_b-1.9-py3-none-any.whl']]);
    expect([releasedIn(files.map((f) => ({ ...f, yanked: !f.file.includes('cp311') }))), await readProject('nothing', options)]).toEqual([[{ version: '1.9' }, { version: '1.10', deprecated: true }], null]);
    await expect(readProject('A/b', options)).rejects.toMatchObject({ code: 'setup.fetch_failed' });
    expect(journal.of('egress.requested').map((e) => `${e.sandbox} ${e.target} ${e.verdict} ${e.rule} ${e.status}`)).toEqual(['host /pypi/simple/a-b/ allow version-list 200', 'host /pypi/simple/nothing/ allow upstream-failed 404']);
    expect(journal.text).not.toContain('very-secret');
  });

  it('have files, and metadata beside them where the index has it', async () => {
    const [file] = filesOf((await readProject('a-b', options)) ?? [], '1.10');
    if (file === undefined) throw new Error('no file');
    expect([(await readFile('a-b', file, 'wheel', options))?.length, await readFile('a-b', file, 'metadata', options)]).toEqual([wheel('a_b', '1.10').body.length, null]);
    await expect(readFile('a-b', { ...file, url: new URL(`https://files.inner.test/${file.file}`) }, 'wheel', options)).rejects.toMatchObject({ code: 'setup.fetch_failed', message: expect.stringContaining('files.inner.test has the address 10.0.0.1') });
    expect(index.requests.map((r) => [r.path, r.authorization])).toEqual(['/simple/a-b/', `/files/${file.file}`, `/files/${file.file}.metadata`].map((path) => [path, AUTHORIZATION]));
  });
});

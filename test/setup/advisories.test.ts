import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSource, locatorOf, openMirror, resolveRef, updateMirror } from '../../src/git/mirror.js';
import { advisoriesAt } from '../../src/setup/advisories.js';
import { commitAll, makeRepo } from '../support/repo.js';
import { remove, scratch } from '../support/sandbox.js';

const NOW = new Date('2026-11-21T00:00:00Z');
const rec = (id: string): string => JSON.stringify({ id, modified: '2026-01-01T00:00:00Z' });
let folder: string;
beforeEach(() => {
  folder = scratch();
});
afterEach(() => remove(folder));

async function read(path: string): Promise<unknown> {
  const repo = join(folder, 'repo');
  makeRepo(repo, { 'known/a.json': rec('A-1'), 'known/deep/b.jsonl': rec('B-1'), 'known/bad.json': '{', 'known/README.md': 'x', 'knownelse/c.json': rec('C-1'), 'one.json': rec('D-1') });
  symlinkSync('../one.json', join(repo, 'known/linked.json'));
  symlinkSync('knownelse', join(repo, 'folder-link'));
  commitAll(repo, 'links');
  const source = await findSource(repo, '/', []);
  const git = await openMirror(join(folder, 'mirrors'), locatorOf(source));
  await updateMirror(git, source);
  const set = await advisoriesAt(git, (await resolveRef(git, 'HEAD')).tree, path, NOW);
  return { ...set, records: set.records.map((r) => r.id) };
}

describe('advisories of the protected base', () => {
  it.each(['known', 'known/', './known'])('are those below the folder %j, without links', async (path) => {
    expect(await read(path)).toEqual({ source: `${path} of the repository`, records: ['A-1', 'B-1'], malformed: { count: 1, names: ['known/bad.json: not JSON'] }, newest: '2026-01-01T00:00:00.000Z', loadedAt: NOW.toISOString(), stale: null });
  });

  it('may be one file', async () => {
    expect(await read('one.json')).toMatchObject({ records: ['D-1'] });
  });

  it.each(['none', 'folder-link', 'known/README.md', 'kno'])('are unavailable at %j, not empty', async (path) => {
    await expect(read(path)).rejects.toMatchObject({ code: 'advisories.unavailable', hint: expect.stringContaining('sallyport.yaml') });
  });
});

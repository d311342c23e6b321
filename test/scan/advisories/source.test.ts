import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { zipBatches } from '../../../src/artifacts/archive.js';
import { ageDays, fromFiles, fromFolder } from '../../../src/scan/advisories/source.js';

const NOW = new Date('2026-11-21T00:00:00Z');
const rec = (id: string, modified = '2026-01-01T00:00:00Z', more: object = {}): object => ({ id, modified, ...more });
const file = (path: string, value: unknown): { path: string; body: Buffer } => ({ path, body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)) });
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-osv-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const ids = (set: { records: readonly { id: string }[] }): string[] => set.records.map((r) => r.id);

describe('advisories from files', () => {
  it('are one record, a list, lines or an archive', async () => {
    const zip = Buffer.from(zipSync({ 'd/z.json': strToU8(JSON.stringify(rec('Z-1'))), 'README.md': strToU8('x'), 'empty/': new Uint8Array() }));
    const set = await fromFiles('here', [file('a.json', rec('A-1')), file('b.json', [rec('B-1'), rec('B-2', '2026-05-06T07:08:09.5Z')]), file('c.jsonl', `${JSON.stringify(rec('C-1'))}\n\r\n \n${JSON.stringify(rec('C-2'))}`), { path: 'all.zip', body: zip }, file('notes.md', 'x')], NOW);
    expect({ ...set, records: ids(set) }).toEqual({ source: 'here', records: ['A-1', 'B-1', 'B-2', 'C-1', 'C-2', 'Z-1'], malformed: { count: 0, names: [] }, newest: '2026-05-06T07:08:09.500Z', loadedAt: NOW.toISOString(), stale: null });
    expect([ageDays(set, NOW), ageDays(set, new Date('2026-01-01')), ageDays({ newest: null }, NOW)]).toEqual([198, 0, null]);
  });

  it('leave out withdrawn ones', async () => {
    expect(ids(await fromFiles('x', [file('a.json', [rec('A-1', undefined, { withdrawn: '2026-02-01T00:00:00Z' }), rec('A-2', undefined, { withdrawn: null })])]))).toEqual(['A-2']);
  });

  it('count and name what is malformed, and go on', async () => {
    const set = await fromFiles('x', [file('bad.json', '{'), file('list.json', [rec('A-1'), 5, { id: 'A-2' }]), file('l.jsonl', `${JSON.stringify(rec('A-3'))}\n{"id":\n`), file('n.zip', 'not a zip'), file('proto.json', '{"__proto__":{"id":"A-9","modified":"2026-01-01T00:00:00Z"}}')]);
    expect([ids(set), set.malformed.count, set.malformed.names.map((n) => n.split(': ')[0])]).toEqual([['A-1', 'A-3'], 6, ['bad.json', 'list.json[1]', 'list.json[2]', 'l.jsonl:2', 'n.zip', 'proto.json']]);
  });

  it('name twenty at most', async () => {
    const set = await fromFiles('x', Array.from({ length: 50 }, (_, i) => file(`${i}.json`, '{')));
    expect([set.malformed.count, set.malformed.names.length]).toEqual([50, 20]);
  });
});

describe('an archive', () => {
  const names = (archive: Uint8Array, limits?: Parameters<typeof zipBatches>[1]): string[][] => [...zipBatches(archive, limits)].map((batch) => batch.map((e) => ('problem' in e ? `${e.name}: ${e.problem}` : `${e.name} ${e.body.length}`)));
  const small = { entries: 5, entry: 100, total: 250, batch: 100 };

  it('is read in batches, and a file that is too large is left out', () => {
    const archive = zipSync({ a: new Uint8Array(60), b: new Uint8Array(60), c: new Uint8Array(10), d: new Uint8Array(101) });
    expect(names(archive, small)).toEqual([['a 60', 'b 60'], ['c 10', 'd: 101 bytes, more than 100']]);
  });

  it.each<[string, Record<string, Uint8Array>, RegExp]>([
    ['too many files', Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`f${i}`, new Uint8Array(1)])), /more than 5 files/],
    ['too much in all', { a: new Uint8Array(100), b: new Uint8Array(100), c: new Uint8Array(100) }, /more than 250 bytes/],
  ])('is refused as a whole: %s', (_, files, reason) => {
    expect(() => names(zipSync(files), small)).toThrow(reason);
  });

  it('gets no more memory than it announced, and one bad file spoils no other', () => {
    const archive = zipSync({ liar: new Uint8Array(5_000_000), good: strToU8('good'), broken: strToU8('broken broken broken') });
    const at = entriesOf(archive);
    archive.set([100, 0, 0, 0], (at[0] as number) + 24); // says 100 bytes where 5,000,000 are
    archive.fill(0xff, 30 + 'liar'.length, 40); // and its stream is garbage
    const [batch] = names(archive, { ...small, batch: 1000 });
    expect(batch).toEqual([expect.stringMatching(/^liar: /), 'good 4', 'broken 20']);
  });

  it('whose files overlap is refused', () => {
    const archive = zipSync({ a: new Uint8Array(50), b: strToU8('b') }, { level: 0 });
    const size = archive.length;
    archive.set([size & 255, size >> 8, 0, 0], (entriesOf(archive)[1] as number) + 20);
    expect(() => names(archive)).toThrow(/overlap/);
  });

  it.each<[string, Uint8Array]>([['nothing', new Uint8Array()], ['text', strToU8('x'.repeat(100_000))], ['a cut one', zipSync({ a: new Uint8Array(10) }).subarray(0, 40)]])('that is %s is refused', (_, body) => {
    expect(() => names(body)).toThrow(Error);
  });

  it('with names of prototypes is read like any other', () => {
    expect(names(zipSync({ 'constructor': strToU8('x'), 'toString': strToU8('yy') }))).toEqual([['constructor 1', 'toString 2']]);
  });
});

describe('advisories from a folder', () => {
  it('are found below it, in order, without following links', async () => {
    mkdirSync(join(folder, 'in/deep'), { recursive: true });
    mkdirSync(join(folder, 'out'));
    writeFileSync(join(folder, 'in/b.json'), JSON.stringify(rec('B-1')));
    writeFileSync(join(folder, 'in/deep/a.json'), JSON.stringify(rec('A-1')));
    writeFileSync(join(folder, 'out/x.json'), JSON.stringify(rec('X-1')));
    symlinkSync('../out', join(folder, 'in/linked'));
    symlinkSync('../out/x.json', join(folder, 'in/x.json'));
    execFileSync('mkfifo', [join(folder, 'in/pipe.json')]);
    const set = await fromFolder(join(folder, 'in'), 'in', NOW);
    expect([ids(set), set.source]).toEqual([['B-1', 'A-1'], 'in']);
  });

  it('that is not there is unavailable, not empty', async () => {
    await expect(fromFolder(join(folder, 'none'))).rejects.toMatchObject({ code: 'advisories.unavailable', exitCode: 7 });
  });

  it('that is too deep is unavailable', async () => {
    mkdirSync(join(folder, 'd/'.repeat(20)), { recursive: true });
    await expect(fromFolder(folder)).rejects.toMatchObject({ code: 'advisories.unavailable', message: expect.stringContaining('deep') });
  });

  it('that ships with the shop names its packages and their fixes', async () => {
    const set = await fromFolder(join(import.meta.dirname, '../../../examples/vulnerable-shop/advisories'), 'shop', NOW);
    expect([set.records.length, set.malformed.count, set.newest, ageDays(set, NOW)]).toEqual([8, 0, '2026-04-02T17:29:57.000Z', 232]);
  });
});

/** Where the central directory's entries begin. */
function entriesOf(archive: Uint8Array): number[] {
  const buffer = Buffer.from(archive.buffer, archive.byteOffset, archive.length);
  const found: number[] = [];
  for (let at = buffer.indexOf('PK\u0001\u0002'); at !== -1; at = buffer.indexOf('PK\u0001\u0002', at + 4)) found.push(at);
  return found;
}

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SallyportError } from '../../src/protocol/errors.js';
import { type OsvRecord, readOsv } from '../../src/scan/advisories/osv.js';
import type { SandboxDriver } from '../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../support/journal.js';
import { Preparing, type Rest } from '../support/preparing.js';
import { type FakeIndex, startIndex, wheel } from '../support/pypi.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { leftovers, remove, scratch, testDriver } from '../support/sandbox.js';

/** The npm and pip of this machine, in real sandboxes, under the rules for packages. */
const NOW = new Date('2026-06-10T00:00:00Z');
const [OLD, YOUNG] = ['2026-01-01T00:00:00.000Z', '2026-06-09T12:00:00.000Z'];
const WHEELS = [{ ...wheel('pylib', '1.0.0', { code: 'V = 1' }), uploaded: OLD }, { ...wheel('pylib', '1.1.0', { code: 'V = 2' }), uploaded: YOUNG }];
let folder: string;
let driver: SandboxDriver;
let registry: FakeRegistry;
let index: FakeIndex;
let preparing: Preparing;
let before: ReturnType<typeof leftovers>;

beforeAll(async () => {
  folder = scratch();
  driver = testDriver(folder);
  await driver.probe();
  registry = await startRegistry([
    { name: 'lib', version: '1.0.0', published: OLD, files: { 'index.js': 'module.exports = 1' } }, { name: 'lib', version: '1.1.0', published: YOUNG, files: { 'index.js': 'module.exports = 2' } },
    { name: 'dateless', version: '1.0.0' },
  ]);
  index = await startIndex(WHEELS);
  index.form = 'json';
  preparing = new Preparing(folder, driver, { npm: async () => ({ url: registry.url, authorization: null }), pypi: async () => ({ url: index.url, authorization: null }) });
});
afterAll(async () => {
  await driver.close();
  await registry[Symbol.asyncDispose]();
  await index[Symbol.asyncDispose]();
  await remove(folder);
});
beforeEach(() => {
  before = leftovers();
});
afterEach(() => {
  expect(leftovers()).toEqual(before);
});

const aged = (packages: object, rules: Rest['rules'] = {}): Rest => ({ spec: { packages: { minimum_age: '3d', ...packages } }, rules: { now: () => NOW, ...rules } });
const locked = (...names: [string, string][]): Record<string, string> => ({ 'package.json': JSON.stringify({ name: 'project', version: '1.0.0', dependencies: Object.fromEntries(names) }), 'package-lock.json': registry.lockfile(names) });
const failure = async (files: Record<string, string>, setup: object, more: Rest, journal = new MemoryJournal()): Promise<SallyportError> => await preparing.prepare(files, setup, journal, more).then(() => Promise.reject(new Error('it was fetched')), (error: SallyportError) => error);
const rulesOf = (journal: MemoryJournal): string[] => [...new Set(journal.of('egress.requested').map((e) => `${e.verdict} ${e.rule}`))];
const record = (id: string, ecosystem: string, name: string, affected: object): OsvRecord => {
  const read = readOsv({ id, modified: '2026-01-01T00:00:00Z', affected: [{ package: { ecosystem, name }, ...affected }] });
  if ('problem' in read) throw new Error(read.problem);
  return read.record;
};
const HINT = (entry: string, by = 'npm ci'): string => `A person may allow it by these lines in sallyport.yaml on the base, or in a file given with --env:\npackages:\n  exempt:\n    - "${entry}" # asked for by ${by}`;

describe('npm under a minimum age', () => {
  it('gets what is old enough', async () => {
    const { journal, ...made } = await preparing.prepare(locked(['lib', '1.0.0']), {}, new MemoryJournal(), aged({}));
    expect([await preparing.see(made, 'node -p "require(\'lib\')"'), rulesOf(journal)]).toEqual(['1\n', ['allow lockfile']]);
  });

  it('gets no version that its lockfile pins and that is too young, and the error holds the line that would allow it and who asked', async () => {
    const journal = new MemoryJournal();
    const error = await failure(locked(['lib', '1.1.0']), {}, aged({}), journal);
    expect([error.code, error.hint, error.message]).toEqual(['egress.denied', HINT('lib@1.1.0'), expect.stringMatching(/^npm could not fetch the dependencies; lib@1\.1\.0 was published at 2026-06-09T12:00:00\.000Z, 12 hours ago, and the minimum age is 3 days \[package\.too-young\], asked for by npm ci /)]);
    expect(journal.of('egress.requested').find((e) => e.verdict === 'deny')).toEqual({
      sandbox: expect.any(String), method: 'GET', target: '/npm/lib/-/lib-1.1.0.tgz', verdict: 'deny', rule: 'package.too-young', status: 403, bytes: 0,
      denial: { why: expect.stringMatching(/^lib@1\.1\.0 was published/), line: { key: 'packages.exempt', value: 'lib@1.1.0' }, by: 'npm ci' },
    });
  });

  it('gets it where that line was added, and where it fixes an advisory that the base had', async () => {
    const exempt = await preparing.prepare(locked(['lib', '1.1.0']), {}, new MemoryJournal(), aged({ exempt: ['lib@1.1.0'] }));
    expect([await preparing.see(exempt, 'node -p "require(\'lib\')"'), rulesOf(exempt.journal)]).toEqual(['2\n', ['allow lockfile', 'allow package.exempt']]);
    const flaw = record('GHSA-1', 'npm', 'lib', { ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.1.0' }] }] });
    const fix = await preparing.prepare(locked(['lib', '1.1.0']), {}, new MemoryJournal(), aged({}, { records: [flaw], base: [{ ecosystem: 'npm', name: 'lib', version: '1.0.0' }] }));
    expect(rulesOf(fix.journal)).toEqual(['allow lockfile', 'allow package.fixes-advisory']);
  });

  it('chooses among what is old enough where it may choose', async () => {
    const { journal, ...made } = await preparing.prepare({ 'package.json': '{"name":"p","version":"1.0.0","dependencies":{"lib":"^1.0.0"}}' }, { resolve: true }, new MemoryJournal(), aged({}));
    expect([await preparing.see(made, 'node -p "require(\'lib\')"'), rulesOf(journal)]).toEqual(['1\n', ['allow resolution-allowed']]);
  });

  it('gets the highest that is old enough where the newest is asked for by its tag', async () => {
    const made = await preparing.prepare({ 'package.json': '{"name":"p","version":"1.0.0","dependencies":{"lib":"latest"}}' }, { resolve: true }, new MemoryJournal(), aged({}));
    expect(await preparing.see(made, 'node -p "require(\'lib\')"')).toBe('1\n');
  });

  it('is told which version was kept from it where no other fits, and what has no time at all', async () => {
    const error = await failure({ 'package.json': '{"name":"p","version":"1.0.0","dependencies":{"lib":"^1.1.0"}}' }, { resolve: true }, aged({}));
    expect([error.code, error.hint]).toEqual(['egress.denied', HINT('lib@1.1.0', 'npm install')]);
    const dateless = await failure(locked(['dateless', '1.0.0']), {}, aged({}));
    expect([dateless.hint, dateless.message]).toEqual([HINT('dateless@1.0.0'), expect.stringContaining('the registry does not say when dateless@1.0.0 was published, and the minimum age is 3 days')]);
  });

  it('ends the setup where it could do without an optional package that is refused', async () => {
    const lockfile = registry.lockfile([['lib', '1.1.0']]).replace('"dependencies"', '"optionalDependencies"').replace('"version":"1.1.0"', '"version":"1.1.0","optional":true');
    const error = await failure({ 'package.json': '{"name":"project","version":"1.0.0","optionalDependencies":{"lib":"1.1.0"}}', 'package-lock.json': lockfile }, {}, aged({}));
    expect([error.code, error.hint]).toEqual(['egress.denied', HINT('lib@1.1.0')]);
  });
});

describe('pip under a minimum age', () => {
  it('gets what is old enough, of what is pinned and of what it chooses', async () => {
    const pinned = await preparing.prepare({ 'requirements.txt': index.pins([WHEELS[0]?.file ?? '']) }, {}, new MemoryJournal(), aged({}));
    const chosen = await preparing.prepare({ 'requirements.txt': 'pylib\n' }, { resolve: true }, new MemoryJournal(), aged({}));
    expect([await preparing.see(pinned, 'python3 -c "import pylib; print(pylib.V)"'), await preparing.see(chosen, 'python3 -c "import pylib; print(pylib.V)"')]).toEqual(['1\n', '1\n']);
  });

  it('gets nothing that is too young, and nothing of which the page does not say when it came', async () => {
    const error = await failure({ 'requirements.txt': index.pins([WHEELS[1]?.file ?? '']) }, {}, aged({}));
    expect([error.code, error.hint, error.message]).toEqual(['egress.denied', HINT('pylib@1.1.0', 'python3'), expect.stringContaining('[package.too-young], asked for by python3')]);
    index.form = 'html';
    const dateless = await failure({ 'requirements.txt': index.pins([WHEELS[0]?.file ?? '']) }, {}, aged({})).finally(() => void (index.form = 'json'));
    expect(dateless.message).toContain('the registry does not say when pylib@1.0.0 was published');
  });
});

describe('what is never fetched', () => {
  const bad = [record('MAL-2026-1', 'npm', 'lib', { versions: ['1.0.0'] }), record('MAL-2026-2', 'PyPI', 'pylib', { versions: ['1.0.0'] })];

  it.each<[string, () => Record<string, string>, string]>([
    ['npm', () => locked(['lib', '1.0.0']), 'lib@1.0.0 is known to be malicious (MAL-2026-1) [package.malicious]'],
    ['pip', () => ({ 'requirements.txt': index.pins([WHEELS[0]?.file ?? '']) }), 'pylib@1.0.0 is known to be malicious (MAL-2026-2) [package.malicious]'],
  ])('is what a record calls malicious, also where a lockfile of %s pins it and the environment exempts it', async (_, files, said) => {
    const journal = new MemoryJournal();
    const asked = registry.requests.length;
    const error = await failure(files(), {}, { spec: { packages: { exempt: ['lib', 'lib@1.0.0', 'pylib'] } }, rules: { records: bad } }, journal);
    expect([error.code, error.message.includes(said), error.hint, registry.requests.slice(asked).filter((r) => r.path.endsWith('.tgz')), journal.of('egress.requested').filter((e) => e.verdict === 'deny').map((e) => e.denial?.line)]).toEqual([
      'egress.denied', true, 'sallyport log TASK shows each request and why it was refused.', [], expect.arrayContaining([null]),
    ]);
  });

  it('is what the environment denies; another version is chosen where one may be', async () => {
    const journal = new MemoryJournal();
    const error = await failure(locked(['lib', '1.0.0']), {}, { spec: { packages: { deny: ['lib@1.0.0'] } } }, journal);
    expect([error.message.includes('lib@1.0.0 is on the list packages.deny of the environment [package.denied]'), rulesOf(journal)]).toEqual([true, ['allow lockfile', 'deny package.denied']]);
    const made = await preparing.prepare({ 'package.json': '{"name":"p","version":"1.0.0","dependencies":{"lib":"*"}}' }, { resolve: true }, new MemoryJournal(), { spec: { packages: { deny: ['lib@1.1.0'] } } });
    expect(await preparing.see(made, 'node -p "require(\'lib\')"')).toBe('1\n');
  });

  it('is not used again where it was fetched before it was known', async () => {
    const files = locked(['lib', '1.0.0']);
    await preparing.prepare(files, {}, new MemoryJournal(), { trust: 'again' });
    const journal = new MemoryJournal();
    const error = await failure(files, {}, { trust: 'again', rules: { records: bad } }, journal);
    expect([error.code, journal.types, error.message.replace(/snap_\w+/, 'ID')]).toEqual(['egress.denied', [], 'Cannot use the dependencies that were fetched before (ID): lib@1.0.0 is known to be malicious (MAL-2026-1) [package.malicious]']);
  });
});

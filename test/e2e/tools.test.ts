import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evidence } from '../../src/protocol/evidence.js';
import { type Home, openHome } from '../support/cli.js';
import { type FakePackage, type FakeRegistry, startRegistry } from '../support/registry.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';
import { ROOT } from '../support/sandbox.js';
import { SHOP } from '../support/shop.js';

/** The real compiler as its packages hold it, from a registry of this test's own. */
function packageOf(name: string, folders: readonly string[], programs: readonly string[]): FakePackage {
  const at = join(ROOT, 'node_modules', name);
  const { name: _, version, scripts, dependencies, devDependencies, optionalDependencies, ...manifest } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as { version: string } & Record<string, unknown>;
  const files = folders.flatMap((folder) => readdirSync(join(at, folder), { withFileTypes: true, recursive: true }).filter((e) => e.isFile()).map((e): [string, Buffer] => [join(e.parentPath, e.name).slice(at.length + 1), readFileSync(join(e.parentPath, e.name))]));
  return { name, version, manifest, files: Object.fromEntries(files), programs };
}

const OLD = "export const old: number = 'it was always so';\n";
const MENDED = { 'cart.js': (SHOP['cart.js'] as string).replace('let i = 1', 'let i = 0') };
const WRONG = 'export const fresh = (text: string): number => text;\n';

describe('a check with a tool of the project', () => {
  let home: Home;
  let registry: FakeRegistry;
  let repo: string;
  const packages = [packageOf('typescript', ['bin', 'lib', 'dist'], ['bin/tsc']), packageOf(`@typescript/typescript-linux-${process.arch}`, ['lib'], ['lib/tsc'])];
  const names = packages.map((p): [string, string] => [p.name, p.version]);

  beforeAll(async () => {
    home = openHome();
    registry = await startRegistry(packages);
    writeFileSync(join(home.folder, 'person/.npmrc'), `registry=${registry.url}/\n`);
    repo = join(home.folder, 'shop');
    makeRepo(repo, {
      ...SHOP, 'package.json': JSON.stringify({ ...(JSON.parse(SHOP['package.json'] as string) as object), dependencies: Object.fromEntries(names) }), 'package-lock.json': registry.lockfile(names),
      'tsconfig.json': '{ "compilerOptions": { "strict": true, "types": [], "module": "nodenext" }, "include": ["src"] }', 'src/a.ts': OLD, '.gitignore': 'node_modules\n',
    });
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
    await home[Symbol.asyncDispose]();
  });

  async function checked(branch: string, files: Readonly<Record<string, string | null>>, base = 'main'): Promise<Evidence & { readonly told: string; readonly sarif: Sarif }> {
    personGit(repo, 'checkout', '--quiet', '-B', branch, base);
    write(repo, Object.fromEntries(Object.entries(files).filter((e): e is [string, string] => e[1] !== null)));
    for (const [path, text] of Object.entries(files)) if (text === null) personGit(repo, 'rm', '--quiet', path);
    commitAll(repo, branch);
    const sarif = join(home.folder, `${branch}.sarif`);
    const { stderr } = await home.sally(['check', '--repo', repo, '--base', base, '--head', branch, '--sarif', sarif]);
    return { ...((await home.sally(['evidence', 'last', '--json'])).json as Evidence), told: stderr, sarif: JSON.parse(readFileSync(sarif, 'utf8')) as Sarif };
  }
  interface Sarif {
    readonly runs: readonly { readonly tool: { readonly driver: { readonly name: string } }; readonly results: readonly { readonly ruleId: string; readonly baselineState: string; readonly suppressions?: readonly object[] }[] }[];
  }
  const open = (evidence: Evidence) => evidence.conditions.filter((c) => c.holds !== 'yes').map((c) => `${c.id}=${c.holds}`);
  const runs = ({ sarif }: { readonly sarif: Sarif }) => sarif.runs.map((run) => [run.tool.driver.name, run.results.map((one) => `${one.ruleId} ${one.baselineState}`)]);

  it('is proposed by `env detect`, as the package and its configuration tell', async () => {
    const { text } = (await home.sally(['env', 'detect', '--repo', repo, '--json'])).json as { text: string };
    expect(text).toContain('tools:\n  tsc:\n    command: node_modules/.bin/tsc --noEmit --pretty false\n    report: tsc\n');
    write(repo, { 'sallyport.yaml': text });
    commitAll(repo, 'environment');
    const tested = (await home.sally(['env', 'test', '--repo', repo, '--json'])).json as { tools: object[] };
    expect(tested.tools).toMatchObject([{ name: 'tsc', ok: true, found: 1, outside: 0, problem: null }]);
  });

  it('passes where what it finds was there before, though it moved', async () => {
    const evidence = await checked('moved', { ...MENDED, 'src/a.ts': `// Above it is something new.\nexport const fine = 1;\n${OLD}` });
    expect({ verdict: evidence.verdict, open: open(evidence), tools: evidence.tools?.map(({ name, counts, base, head }) => ({ name, counts, found: [base?.found, head?.found] })) }).toEqual({ verdict: 'passed', open: [], tools: [{ name: 'tsc', counts: { new: 0, unchanged: 1, absent: 0 }, found: [1, 1] }] });
    expect(evidence.notChecked).toContain('what tools of the project leave out (tsc: nothing signs their reports)');
    expect(runs(evidence)).toEqual([['sallyport', expect.any(Array)], ['tsc', ['tsc/TS2322 unchanged']]]);
    expect(evidence.told).toContain('scan     head: tsc 1 result');
    expect((await home.sally(['show', 'last'])).stdout).toMatch(/\ntools {6} tsc: 1 on the base; 1 on the head; 0 new, 0 gone\n/);
    expect((await home.sally(['evidence', 'last'])).stdout).toContain('### Tools of the project\n\n- `tsc: 1 on the base; 1 on the head; 0 new, 0 gone`');
  });

  it('fails where it finds more, though another of the kind went', async () => {
    const evidence = await checked('more', { ...MENDED, 'src/a.ts': WRONG });
    expect({ verdict: evidence.verdict, open: open(evidence) }).toEqual({ verdict: 'failed', open: ['tools.none_new=no'] });
    expect(evidence.conditions.find((c) => c.id === 'tools.none_new')?.detail).toBe('tsc: 1 new finding (tsc/TS2322 at src/a.ts:1).');
    expect(runs(evidence)[1]).toEqual(['tsc', ['tsc/TS2322 new', 'tsc/TS2322 absent']]);
  });

  it('fails where the change keeps it from its work, and is open where the change says how it works', async () => {
    const without = await checked('without', { ...MENDED, 'src/a.ts': null });
    expect({ verdict: without.verdict, open: open(without) }).toEqual({ verdict: 'failed', open: ['tools.believable.head=no', 'tools.none_new=unknown'] });
    const loosened = await checked('loosened', { ...MENDED, 'tsconfig.json': '{ "compilerOptions": { "types": [], "module": "nodenext" }, "include": ["src"] }' });
    expect({ verdict: loosened.verdict, open: open(loosened) }).toEqual({ verdict: 'unverified', open: ['tools.definition=unknown'] });
  });

  it('lets through what the base suppresses, until its day, and never by the change\'s own word', async () => {
    const text = (until: string) => `${readFileSync(join(repo, 'sallyport.yaml'), 'utf8')}suppressions:\n  - { rule: tsc/*, path: src/**, reason: the types come next, until: ${until}, by: Ann }\n`;
    const own = await checked('own', { ...MENDED, 'src/a.ts': OLD + WRONG, 'sallyport.yaml': text('2020-01-01') });
    expect({ verdict: own.verdict, open: open(own) }).toEqual({ verdict: 'failed', open: ['tools.none_new=no', 'files.protected=unknown'] });
    const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const basedOn = async (base: string, until: string) => {
      personGit(repo, 'checkout', '--quiet', '-B', base, 'main');
      write(repo, { 'sallyport.yaml': text(until) });
      commitAll(repo, base);
      return await checked(`${base}-change`, { ...MENDED, 'src/a.ts': OLD + WRONG }, base);
    };
    const live = await basedOn('live', day(30));
    expect({ verdict: live.verdict, open: open(live), suppressions: live.suppressions?.list.map((one) => one.matched), sarif: live.sarif.runs[1]?.results.map((one) => one.suppressions?.length) }).toEqual({ verdict: 'passed', open: [], suppressions: [2], sarif: [1, 1] });
    const expired = await basedOn('expired', '2020-01-01');
    expect({ verdict: expired.verdict, detail: expired.conditions.find((c) => c.id === 'tools.none_new')?.detail }).toEqual({ verdict: 'failed', detail: 'tsc: 1 new finding (tsc/TS2322 at src/a.ts:2). The suppression of tsc/* in src/** expired on 2020-01-01.' });
    const { code, stderr } = await (async () => {
      personGit(repo, 'checkout', '--quiet', '-B', 'long', 'main');
      write(repo, { 'sallyport.yaml': text(day(500)) });
      commitAll(repo, 'long');
      return await home.sally(['check', '--repo', repo, '--base', 'long', '--head', 'live-change']);
    })();
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('is more than a year ahead') });
  });
});

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Collector } from '../../../src/gate/collect.js';
import { collectTools, type ToolTree } from '../../../src/gate/tools/collect.js';
import { ToolSpec } from '../../../src/protocol/tools.js';
import { MemoryJournal } from '../../support/journal.js';
import { NO_SERVICES, remove, ROOT, scratch, testDriver, tree } from '../../support/sandbox.js';

/** Real tools in the real sandbox: those that this project itself is checked with, shown read-only where fetched packages lie. */
let folder: string;
let collector: Collector;
const project = dirname(realpathSync(join(ROOT, 'node_modules')));
const dependencies = { folder: project, writable: false, path: ['/opt/deps/node_modules/.bin', `/opt/deps/node_modules/@biomejs/cli-linux-${process.arch}`], variables: {} };

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 2048, pids: 512, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));

let trees = 0;
async function ran(files: Readonly<Record<string, string>>, tool: object) {
  const looked: ToolTree = { paths: new Set(Object.keys(files)), lines: async (path) => files[path]?.split('\n') ?? null };
  const [side] = await collectTools(collector, { round: 1, side: 'head', lowers: [tree(join(folder, `tree-${trees++}`), files)], dependencies }, { tool: ToolSpec.parse(tool) }, looked);
  return { exit: side?.run.exit, problem: side?.run.problem, results: side?.results.map((one) => `${one.level} ${one.rule} ${one.path}:${one.line} | ${one.snippet}`) };
}

describe('tsc', () => {
  const TSC = { command: 'tsc --noEmit --pretty false', report: 'tsc' };
  const CONFIG = { 'tsconfig.json': '{"compilerOptions":{"strict":true,"types":[]},"include":["src"]}' };

  it('tells its findings with the lines that they stand on', async () => {
    expect(await ran({ ...CONFIG, 'src/a.ts': "\nexport const n: number = 'x';\n" }, TSC)).toEqual({ exit: expect.any(Number), problem: null, results: ["error tool/TS2322 src/a.ts:2 | export const n: number = 'x';"] });
    expect(await ran({ ...CONFIG, 'src/a.ts': 'export const n: number = 1;\n' }, TSC)).toEqual({ exit: 0, problem: null, results: [] });
  });

  it('is not clean where it did not check', async () => {
    expect(await ran({ 'tsconfig.json': '{"include":["nothing"]}' }, TSC)).toMatchObject({ problem: expect.stringContaining('TS18003'), results: [] });
    expect(await ran({ ...CONFIG, 'src/a.ts': '' }, { ...TSC, command: 'tsc-that-is-not-there' })).toMatchObject({ exit: 127, problem: expect.stringContaining('exit code 127'), results: [] });
  });
});

describe.skipIf(!existsSync(join(project, `node_modules/@biomejs/cli-linux-${process.arch}/biome`)))('biome', () => {
  const FILES = { 'biome.json': '{"formatter":{"enabled":false}}\n', 'a.js': 'export const f = (a, b) => {\n  return a == b;\n};\n' };

  it('tells the same by workflow commands and by SARIF, also in a file of its own', async () => {
    const expected = { exit: 1, problem: null, results: ['error tool/lint/suspicious/noDoubleEquals a.js:2 |   return a == b;'] };
    const lint = (reporter: string, more = '') => `biome lint --reporter=${reporter} --max-diagnostics=none . ${more}`;
    expect(await ran(FILES, { command: lint('github'), report: 'github' })).toEqual(expected);
    expect(await ran(FILES, { command: lint('sarif'), report: 'sarif' })).toEqual(expected);
    expect(await ran(FILES, { command: `mkdir -p out && ${lint('sarif', '> out/x.sarif')}`, report: 'sarif', output: 'out/x.sarif' })).toEqual(expected);
  });
});

describe('a report in a file', () => {
  const LOG = JSON.stringify({ version: '2.1.0', runs: [{ tool: { driver: { name: 'x' } }, results: [] }] });

  it('is none of the run where the tree brings it along', async () => {
    expect(await ran({ 'out/x.sarif': LOG }, { command: 'true', report: 'sarif', output: 'out/x.sarif' })).toEqual({ exit: 0, problem: 'it left no report', results: [] });
  });

  it('may be a pipe or have no end', async () => {
    expect(await ran({ a: '' }, { command: 'mkfifo x.sarif', report: 'sarif', output: 'x.sarif' })).toMatchObject({ problem: 'it left no report' });
    expect(await ran({ a: '' }, { command: 'ln -s /dev/zero x.sarif', report: 'sarif', output: 'x.sarif' })).toMatchObject({ problem: 'it left no report' });
  });
});

it('does not believe a tool that floods or never ends', async () => {
  expect(await ran({ 'a.js': '' }, { command: "yes 'a.js:1: x'", report: 'lines' })).toEqual({ exit: null, problem: 'the report is over the limit', results: [] });
  expect(await ran({ 'a.js': '' }, { command: "echo 'a.js:1: x'; sleep 60", report: 'lines', timeout: 1 })).toEqual({ exit: null, problem: 'it did not end by itself: timeout', results: [] });
});

it('has no route out', async () => {
  const told = await ran({ 'a.js': 'a\n' }, { command: `node -e "require('net').connect(443, '192.0.2.1').on('error', (e) => { console.log('a.js:1: ' + e.code + ' [' + e.code + ']'); process.exit(1) })"`, report: 'lines' });
  expect(told).toEqual({ exit: 1, problem: null, results: ['warning tool/ENETUNREACH a.js:1 | a'] });
});

it('keeps secrets out of what it tells', async () => {
  const key = ['ghp', '0123456789abcdefghijklmnopqrstuvwxyzAB'].join('_');
  const told = await ran({ 'a.js': `\nconst a = '${key}';\n` }, { command: "echo 'a.js:2: warning: found'; exit 1", report: 'lines' });
  expect([told.results?.length, JSON.stringify(told).includes(key)]).toEqual([1, false]);
});

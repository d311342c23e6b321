import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { collectChecks, collectScan, type Collector } from '../../src/gate/collect.js';
import { NODE_TEST } from '../../src/gate/runners/node-test.js';
import { MemoryJournal } from '../support/journal.js';
import { NO_SERVICES, remove, scratch, testDriver, tree } from '../support/sandbox.js';

let folder: string;
let collector: Collector;
const FLAW = "const cp = require('child_process');\nmodule.exports = (req) => cp.exec('ls ' + req.query.dir);\n";

beforeAll(() => {
  folder = scratch();
  collector = { driver: testDriver(folder), limits: { memory: 1024, pids: 256, cpus: 2 }, variables: {}, services: NO_SERVICES, journal: new MemoryJournal(), signal: new AbortController().signal };
});
afterAll(() => remove(folder));
const side = (name: string, files: Readonly<Record<string, string>>) => ({ round: 1, side: 'head' as const, lowers: [tree(join(folder, name), files)] });

it('scans with none of the repository\'s variables: code of the tree cannot load itself into the scanner', async () => {
  const hook = "process.stdout.write = () => true; console.log = () => {};";
  const head = side('hooked', { 'hook.js': hook, 'app.js': FLAW });
  const scan = await collectScan({ ...collector, variables: { NODE_OPTIONS: '--require /workspace/hook.js', LD_PRELOAD: '/workspace/hook.so' } }, head, ['app.js', 'hook.js']);
  expect([scan.problem, scan.results.map((r) => r.path)]).toEqual([null, ['app.js']]);
});

it('gives the checks the variables and takes their cases from our reporter', async () => {
  const head = side('cases', { 'a.test.js': "const t = require('node:test'); t('sees it', () => { if (process.env.COLOUR !== 'blue') throw new Error('no'); }); t('fails', () => { throw new Error('as it must'); });" });
  const [run] = await collectChecks({ ...collector, variables: { COLOUR: 'blue' } }, head, { test: { runner: 'node-test', args: [], timeout: 60 } });
  expect([run?.exit, run?.problem, run?.cases?.map((c) => [c.id, c.status])]).toEqual([1, null, [['a.test.js > sees it', 'passed'], ['a.test.js > fails', 'failed']]]);
});

it('runs each check on its own copy of the tree and tells a time-out', async () => {
  const head = side('two', { 'x.txt': 'x' });
  const runs = await collectChecks(collector, head, { first: { runner: 'command', command: 'echo y > x.txt', timeout: 60 }, second: { runner: 'command', command: 'grep -q x x.txt', timeout: 60 }, slow: { runner: 'command', command: 'sleep 30', timeout: 1 } });
  expect(runs.map((r) => [r.name, r.exit, r.reason])).toEqual([['first', 0, 'exited'], ['second', 0, 'exited'], ['slow', null, 'timeout']]);
});

it('quotes what is no plain path or pattern', () => {
  expect(NODE_TEST.argv(['test/**/*.js', "a'; rm -rf x"]).at(-1)).toContain("test/**/*.js 'a'\\''; rm -rf x'");
});

// Soundness of the gate's verdict over HumanEvalPack: the base throws "not written yet", the good patch is the canonical solution, the bad one the buggy one, and every
// tampered one is the bad one with something that makes its test look green. Judged by the gate's own functions, in the real sandbox.
import { existsSync, lchownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { collectChecks, collectScan } from '../dist/gate/collect.js';
import { compareCases } from '../dist/gate/compare.js';
import { changedDefinitions } from '../dist/gate/definitions.js';
import { judge } from '../dist/gate/judge.js';
import { isTestFile } from '../dist/gate/test-files.js';
import { NOT_CHECKED } from '../dist/protocol/evidence.js';
import { run } from '../dist/process/spawn.js';
import { figure, note, root } from './measure.mjs';
import { openGround } from './sandbox/ground.mjs';
import { javascript } from './verifier/javascript.mjs';
import { python } from './verifier/python.mjs';

const WORKERS = cpus().length + 1;
/** Kinds of tampering tried on one task, in turn: each of them is tried on many. */
const TAMPERS = 10;
const DIGEST = `sha256:${'0'.repeat(64)}`;
const NO_JOURNAL = { record: async () => undefined, keep: async (body) => ({ digest: DIGEST, bytes: body.length, blind: false, media: 'text/plain' }) };
const at = (set) => join(root, '../shared/data/fixes', set);

/** Figures over all tasks, or `sample` of each set; `tries` kinds of tampering a task; `only` those kinds that a word names. */
export async function verifier({ sample, only, tries = TAMPERS }) {
  const missing = ['humanevalpack-js.jsonl', 'humanevalpack-python.jsonl'].find((set) => !existsSync(at(set)));
  if (missing !== undefined) return [['bad_accepted', ''], ['good_rejected_pct', '%'], ['tampered_accepted', '']].map(([id, unit]) => figure(id, null, unit, { n: 0, goal: id === 'good_rejected_pct' ? 1 : 0, how: 'HumanEvalPack', why: 'not measured: ../shared/data is not there' }));
  await using ground = openGround();
  const pytest = await pytestFolder();
  const collector = (name) => ({
    driver: ground.warm, limits: { memory: 1024, pids: 256, cpus: 2 }, variables: {}, services: { mounts: [], variables: {}, start: async () => undefined }, journal: NO_JOURNAL, signal: new AbortController().signal,
    dependencies: name === 'pytest' ? { folder: pytest, writable: false, path: [], variables: { PYTHONPATH: '/opt/deps' } } : null,
  });
  if (pytest === null) note('no pytest for the sandbox\'s Python: unittest alone');
  const jobs = [javascript, python(pytest !== null)].flatMap((language) => tasksOf(language, sample));
  const counts = { good: [], bad: [], tampered: [], open: [] };
  let done = 0;
  const one = async (job) => {
    const folder = join(ground.folder, `task-${job.n}-${job.language.set}`);
    await using trees = openTrees(folder, ground.user);
    const using = collector(job.check.runner);
    const measure = (side, files) => collectChecks(using, { round: 1, side, lowers: [trees.lay(files)], dependencies: using.dependencies }, { unit: job.check });
    const baseFiles = job.language.base(job.task);
    const base = await measure('base', baseFiles);
    const verdictOf = async (change) => await judged(measure, baseFiles, base, change, job.check);
    const all = Object.entries(job.language.tampers(job.task));
    const tampers = only === undefined ? Array.from({ length: Math.min(tries, all.length) }, (_, i) => all[(job.turn * tries + i) % all.length]) : all.filter(([kind]) => kind.includes(only));
    if (only === undefined) {
      counts.good.push({ job, kind: 'good', ...(await verdictOf(job.language.good(job.task))) });
      counts.bad.push({ job, kind: 'bad', ...(await verdictOf(job.language.bad(job.task))) });
    }
    for (const [kind, change] of tampers) counts.tampered.push({ job, kind, ...(await verdictOf(change)) });
    if (tries > 0 || only !== undefined) for (const [kind, change] of Object.entries(job.language.open(job.task))) counts.open.push({ job, kind, ...(await verdictOf(change)) });
    if (++done % 10 === 0 || done === jobs.length) note(`verifier: ${done} of ${jobs.length} tasks`);
  };
  const queue = [...jobs];
  await Promise.all(Array.from({ length: WORKERS }, async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await one(job);
  }));
  const scanned = only === undefined ? await scanOf(collector(''), ground, jobs) : 'not scanned';
  return told(counts, scanned);
}

function tasksOf(language, sample) {
  const rows = readFileSync(at(language.set), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
  const step = sample === undefined ? 1 : Math.max(1, Math.floor(rows.length / sample));
  return rows.flatMap((task, n) => (n % step === 0 && (sample === undefined || n / step < sample) ? [{ language, task, n, turn: n / step, check: language.check(n / step) }] : []));
}

/** What the workflow does with a change, without its log: the head, the head's tests over the base's code, the base's tests over the head's code. */
async function judged(measure, baseFiles, base, change, check) {
  const headFiles = withChange(baseFiles, change);
  const files = Object.entries(change).filter(([path, text]) => text !== (baseFiles[path] ?? null)).map(([path, text]) => ({ path, status: text === null ? 'deleted' : path in baseFiles ? 'modified' : 'added', mode: '100644' }));
  const head = await measure('head', headFiles);
  const tests = files.filter((f) => isTestFile(f.path));
  const written = tests.filter((f) => f.status !== 'deleted');
  const red = written.length === 0 ? [] : await measure('red', withChange(baseFiles, Object.fromEntries(written.map((f) => [f.path, change[f.path]]))));
  const edited = tests.filter((f) => f.status !== 'added');
  const old = edited.length === 0 ? [] : await measure('old', withChange(headFiles, Object.fromEntries(edited.map((f) => [f.path, baseFiles[f.path]]))));
  const checks = { base, head, red, old };
  const unjudged = {
    v: 1, task: 't', run: 'r', round: 1, kind: 'fix', agent: 'none', request: '', base: { commit: 'b', tree: 'b' }, head: { commit: 'h', tree: 'h' }, patch: null, files, skipped: [], checks, cases: compareCases(checks),
    definitions: changedDefinitions({ checks: { unit: check }, changed: files.map((f) => f.path), packageJson: { base: baseFiles['package.json'] ?? null, head: headFiles['package.json'] ?? null } }),
    scan: { ran: true, problem: null, results: [], sarif: null }, advisories: { source: null, newest: null, ageDays: null, problem: null, results: [] }, dependencies: null, remedies: [], advice: [],
    environment: { source: 'base', snapshot: null, headSnapshot: null, driver: 'bwrap', enforced: [] }, instructions: [], policy: { name: 'bench', version: DIGEST }, citations: [], warnings: [], notChecked: [...NOT_CHECKED],
  };
  const { verdict, conditions } = judge(unjudged);
  return { verdict, why: conditions.filter((c) => c.holds !== 'yes').map((c) => `${c.id} ${c.holds}: ${c.detail}`) };
}

function withChange(files, change) {
  return Object.fromEntries(Object.entries({ ...files, ...change }).filter(([, text]) => text !== null));
}

/** Laid-out trees of one task, removed with it. */
function openTrees(folder, user) {
  let made = 0;
  return {
    lay(files) {
      const tree = join(folder, String(made++));
      for (const [path, text] of Object.entries({ ...files })) {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), text, { mode: path.includes('.bin/') ? 0o755 : 0o644 });
      }
      if (user !== null) for (const path of ['', ...new Set(Object.keys(files).flatMap((file) => file.split('/').map((_, i, all) => all.slice(0, i + 1).join('/'))))]) lchownSync(join(tree, path), user.uid, user.gid);
      return tree;
    },
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A good patch is rejected for what the scanner finds in it, too: all of them in one tree. */
async function scanOf(collector, ground, jobs) {
  await using trees = openTrees(join(ground.folder, 'scanned'), ground.user);
  const all = jobs.flatMap(({ language, task, n }) => Object.entries(language.good(task)).map(([path, text]) => [`t${n}/${path}`, text]));
  const scan = await collectScan(collector, { round: 1, side: 'head', lowers: [trees.lay(Object.fromEntries(all))] }, all.map(([path]) => path));
  return scan.problem ?? scan.results.filter((r) => r.level !== 'note').map((r) => `${r.rule} at ${r.path}:${r.line}`);
}

/** Packages of a pytest on this machine that the sandbox's Python can run; null where there is none. */
async function pytestFolder() {
  const version = ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'];
  const ask = async (program, args) => await run([program, ...args], { timeout: 20_000, env: { PATH: process.env.PATH } }).then((r) => (r.exit === 0 ? r.stdout.toString().trim() : null), () => null);
  const folder = await ask('/usr/bin/env', ['python3', '-c', 'import os, pytest; print(os.path.dirname(os.path.dirname(pytest.__file__)))']);
  return folder !== null && (await ask('/usr/bin/python3', version)) === (await ask('/usr/bin/env', ['python3', ...version])) ? folder : null;
}

function told({ good, bad, tampered, open }, scanned) {
  const accepted = (list) => list.filter((one) => one.verdict === 'passed');
  const rejected = good.filter((one) => one.verdict !== 'passed');
  const kinds = new Map();
  for (const { kind, job } of accepted(tampered)) kinds.set(`${job.check.runner}: ${kind}`, (kinds.get(`${job.check.runner}: ${kind}`) ?? 0) + 1);
  for (const [kind, n] of [...kinds].sort()) note(`accepted ${n} times: ${kind}`);
  for (const { job, why } of rejected) note(`good and rejected: ${job.task.task_id}: ${why.join(' | ').slice(0, 400)}`);
  for (const { job } of accepted(bad)) note(`bad and accepted: ${job.task.task_id}`);
  if (process.env.BENCH_WHY !== undefined) for (const { job, kind, verdict, why } of [...tampered, ...open]) note(`${job.task.task_id} ${job.check.runner} ${kind}: ${verdict} ${why.join(' | ').slice(0, 250)}`);
  const bySight = Array.isArray(scanned) ? scanned : [];
  for (const found of bySight) note(`good and found by the scanner: ${found}`);
  const wrong = rejected.length + bySight.length;
  return [
    figure('bad_accepted', good.length === 0 ? null : accepted(bad).length, '', { n: bad.length, goal: 0, how: 'buggy solutions that the gate passed' }),
    figure('good_rejected_pct', good.length === 0 ? null : (100 * wrong) / good.length, '%', { n: good.length, goal: 1, how: `canonical solutions that the gate did not pass${Array.isArray(scanned) ? '' : `; scan: ${scanned}`}` }),
    figure('tampered_accepted', tampered.length === 0 ? null : accepted(tampered).length, '', { n: tampered.length, goal: 0, how: `buggy solutions with ${new Set(tampered.map((t) => t.kind)).size} kinds of tampering that the gate passed` }),
    figure('open_accepted', open.length === 0 ? null : accepted(open).length, '', { n: open.length, how: 'buggy solutions with forgery that docs/threat-model.md names as not defended, passed', ...(open.length === 0 ? { why: 'not measured: no task of the sample' } : {}) }),
  ];
}

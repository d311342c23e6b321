import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/spawn.js';
import { applyEdits } from '../../src/sarif/edits.js';
import { parseSarif } from '../../src/sarif/parse.js';
import { scanProblem } from '../../src/scan/complete.js';
import { scanTree } from '../../src/scan/tree.js';

const root = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'scan-'));
const bundle = join(folder, 'scan.cjs');
const bare = mkdtempSync(join(tmpdir(), 'scan-bare-'));
const tree = join(folder, 'tree');
const token = ['gh', 'p_Zx8Kq2Lm9Tn4Vb7Wc1Ys6Rd3Pf5Hg0JkQabc'].join('');
const LIMITS = { fileBytes: 1 << 20, entries: 1000, depth: 20, results: 100, notices: 100, late: () => false };

beforeAll(async () => {
  await build({ entryPoints: [join(root, 'src/scan/inside/main.ts')], bundle: true, platform: 'node', format: 'cjs', target: 'node20', external: ['@ast-grep/napi'], outfile: bundle, logLevel: 'error' });
  mkdirSync(join(tree, 'src'), { recursive: true });
  mkdirSync(join(tree, 'node_modules/x'), { recursive: true });
  mkdirSync(join(tree, 'skip'));
  writeFileSync(join(tree, 'src/a.ts'), 'import { exec } from "x";\nexec("ls " + dir);\n');
  writeFileSync(join(tree, 'src/b\nname.js'), 'eval(code)');
  writeFileSync(join(tree, 'config.env'), `A=1\nTOKEN=${token}\n`);
  writeFileSync(join(tree, 'node_modules/x/i.js'), 'eval(code)');
  writeFileSync(join(tree, 'src/c.py'), 'import sqlite3\ncur.execute(f"select * from t where id = {i}")\n');
  writeFileSync(join(tree, 'skip/i.js'), 'eval(code)');
  writeFileSync(join(tree, 'big.js'), `eval(code)//${'x'.repeat(1 << 20)}`);
  writeFileSync(join(tree, 'image.bin'), Buffer.from([1, 0, 2]));
  writeFileSync(join(tree, 'nul.js'), 'eval(code)\0');
  symlinkSync('/etc/passwd', join(tree, 'link'));
  symlinkSync('..', join(tree, 'loop'));
  expect((await run(['/usr/bin/mkfifo', join(tree, 'pipe')])).exit).toBe(0);
});
afterAll(() => {
  for (const made of [folder, bare]) rmSync(made, { recursive: true, force: true });
});

describe('the bundled scanner', () => {
  it('reports every finding and everything that it left out, and holds no secret', async () => {
    const server = createServer().listen(join(tree, 'sock'));
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const result = await run([process.execPath, bundle, tree, '--exclude', 'skip'], { env: { NODE_PATH: join(root, 'node_modules') } });
      expect({ exit: result.exit, stderr: result.stderr.toString() }).toEqual({ exit: 0, stderr: '' });
      const report = parseSarif(result.stdout.toString());
      expect({ ...report, results: report.results.map((r) => `${r.rule} ${r.path}:${r.line} ${r.cwe}`), notices: report.notices.map((n) => `${n.level} ${n.id} ${n.path}`) }).toEqual({
        problem: null,
        defences: { uses: [], exits: [] }, entries: [],
        files: [{ path: 'image.bin', content: 'binary', suppressions: [], hidden: [], tests: null }, { path: 'nul.js', content: 'generated', suppressions: [], hidden: [], tests: null }],
        results: ['secret/github-token config.env:2 CWE-798', 'js/code-injection nul.js:1 CWE-95', 'js/command-injection src/a.ts:2 CWE-78', 'js/code-injection src/b\nname.js:1 CWE-95', 'py/sql-injection src/c.py:2 CWE-89'],
        notices: ['note too_large big.js', 'note binary image.bin', 'note symlink link', 'note symlink loop', 'note excluded node_modules', 'note no_flow nul.js', 'note fifo pipe', 'note excluded skip', 'note socket sock'],
      });
      expect(result.stdout.toString()).not.toContain(token);
      expect(report.results[0]?.snippet).toMatch(/^TOKEN=\[redacted:github-token [0-9a-f]{6}\]$/);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('finds its native module next to it, without NODE_PATH', async () => {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    const result = await run([process.execPath, bundle, join(tree, 'src')]);
    expect(parseSarif(result.stdout.toString()).results).toHaveLength(3);
  });

  it('says that it has no rules for Python where the grammar is missing, and finds the rest', async () => {
    mkdirSync(join(bare, 'node_modules/@ast-grep'), { recursive: true });
    copyFileSync(bundle, join(bare, 'scan.cjs'));
    for (const name of readdirSync(join(root, 'node_modules/@ast-grep')).filter((n) => n.startsWith('napi'))) symlinkSync(join(root, 'node_modules/@ast-grep', name), join(bare, 'node_modules/@ast-grep', name));
    const result = await run([process.execPath, join(bare, 'scan.cjs'), join(tree, 'src')]);
    const { results, notices, problem } = parseSarif(result.stdout.toString());
    expect({ rules: results.map((r) => r.rule), notices, problem }).toEqual({
      rules: ['js/command-injection', 'js/code-injection'], notices: [{ level: 'note', id: 'no_rules', message: 'no rules for Python on this machine', path: null }], problem: null,
    });
  });

  it('offers a fix by offsets into the text, and none for bytes that are no UTF-8 or for text with a secret in it', async () => {
    const at = join(folder, 'fixes');
    mkdirSync(at);
    const before = '\uFEFF// \u{1F600}\r\nconst mysql = require("mysql2");\r\ndb.query("select a from b where c = " + c);\r\n';
    writeFileSync(join(at, 'a.js'), before);
    writeFileSync(join(at, 'latin.js'), Buffer.concat([Buffer.from(before), Buffer.from([0x2f, 0x2f, 0xe9])]));
    writeFileSync(join(at, 'secret.js'), before.replace(' where', ` where d = '${token}' and`));
    const fixes = parseSarif(JSON.stringify(scanTree({ root: at, exclude: new Set(), limits: LIMITS }))).results.filter((r) => r.rule === 'js/sql-injection').map((r) => [r.path, r.fix]);
    expect(fixes).toEqual([['a.js', expect.objectContaining({ title: 'Pass the values as parameters' })], ['latin.js', null], ['secret.js', null]]);
    const [, fix] = fixes[0] ?? [];
    if (fix === null || fix === undefined || typeof fix === 'string') throw new Error('no fix');
    expect(applyEdits(before, fix.edits)).toBe('\uFEFF// \u{1F600}\r\nconst mysql = require("mysql2");\r\ndb.query("select a from b where c = ?", [c]);\r\n');
  });

  it.each([[[]], [['/', '--exclude']], [['/', '--follow', 'x']]])('refuses the arguments %j', async (args) => {
    const result = await run([process.execPath, bundle, ...args], { env: { NODE_PATH: join(root, 'node_modules') } });
    expect({ exit: result.exit, stdout: result.stdout.toString() }).toEqual({ exit: 2, stdout: '' });
  });
});

describe('a scan that is not complete', () => {
  const scan = (limits: Partial<typeof LIMITS>, at = tree) => parseSarif(JSON.stringify(scanTree({ root: at, exclude: new Set(['node_modules']), limits: { ...LIMITS, ...limits } })));

  it.each([
    ['time', { late: () => true }], ['entries', { entries: 3 }], ['results', { results: 1 }], ['notices', { notices: 2 }], ['folder depth', { depth: 0 }],
  ])('says so when it ran into its limit of %s', (_what, limits) => {
    expect(scan(limits).problem).toMatch(/^sallyport-scan did not finish/);
  });

  it('says so when the root is not there', () => {
    expect(scan({}, join(tree, 'nowhere')).problem).toMatch(/did not finish: cannot be looked at: ENOENT/);
  });

  it('counts for a change unless the change touched what was left out', () => {
    const report = scan({});
    expect(scanProblem(report, ['src/a.ts', 'link', 'image.bin'])).toBe(null);
    expect(scanProblem(report, ['src/a.ts', 'big.js'])).toMatch(/changed file "big.js" was not scanned: .* bytes/);
    expect(scanProblem(report, ['node_modules/x/i.js'])).toMatch(/left out by name/);
    expect(scanProblem({ ...report, problem: 'broken' }, [])).toBe('broken');
  });

  it('tells another secret in the same place from the first', () => {
    const at = join(folder, 'two');
    mkdirSync(at);
    const snippet = (value: string) => {
      writeFileSync(join(at, 'x'), value);
      return scan({}, at).results[0]?.snippet;
    };
    expect(snippet(token)).not.toBe(snippet(`${token.slice(0, -1)}d`));
  });
});

import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, expect, it } from 'vitest';
import { INSTALLATION, runtimeFiles } from '../../src/main/installation.js';
import { run } from '../../src/process/spawn.js';
import { parseSarif } from '../../src/sarif/parse.js';

const folder = mkdtempSync(join(tmpdir(), 'runtime-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('lays out all that the scanner needs for JavaScript and for Python, and nothing below it comes from elsewhere', async () => {
  const modules = runtimeFiles().filter(({ name }) => name.startsWith('node_modules/'));
  expect(modules.map(({ name }) => name)).toEqual(expect.arrayContaining(['node_modules/@ast-grep/lang-python/package.json', 'node_modules/@ast-grep/lang-python/parser.so']));
  for (const { source, name } of modules) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(source, join(folder, name));
  }
  await build({ entryPoints: [join(INSTALLATION, 'src/scan/inside/main.ts')], bundle: true, platform: 'node', format: 'cjs', target: 'node18', external: ['@ast-grep/napi'], outfile: join(folder, 'scan.cjs'), logLevel: 'error' });
  mkdirSync(join(folder, 'tree'));
  writeFileSync(join(folder, 'tree/a.py'), 'yaml.load(f)\n');
  writeFileSync(join(folder, 'tree/b.js'), 'eval(code)\n');
  const result = await run([process.execPath, join(folder, 'scan.cjs'), join(folder, 'tree')], { env: { NODE_PATH: join(folder, 'node_modules') } });
  const { results, notices, problem } = parseSarif(result.stdout.toString());
  expect({ found: results.map((r) => [r.rule, r.fix?.title ?? null]), notices, problem, stderr: result.stderr.toString() }).toEqual({
    found: [['py/yaml-load', 'Read plain data only'], ['js/code-injection', null]], notices: [], problem: null, stderr: '',
  });
});

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSarif } from '../../src/sarif/parse.js';
import { type Home, openHome } from '../support/cli.js';
import { commitAll, makeRepo, personGit, write } from '../support/repo.js';

let home: Home;
let folder: string;
beforeEach(() => {
  home = openHome();
  folder = join(home.folder, 'code');
  mkdirSync(join(folder, 'src'), { recursive: true });
});
afterEach(() => home[Symbol.asyncDispose]());

describe('sallyport scan', () => {
  it('follows data from one file of a package into another, and says where it comes from', async () => {
    writeFileSync(join(folder, 'src/app.js'), "const { read } = require('./files');\nmodule.exports = (app) => app.get('/f', (req, res) => res.json(read(req.query.name)));\n");
    writeFileSync(join(folder, 'src/files.js'), "const fs = require('fs');\nexports.read = (name) => fs.readFileSync(name, 'utf8');\n");
    symlinkSync('/etc/passwd', join(folder, 'src/link.js'));
    const ran = await home.sally(['scan', folder, '--json']);
    expect(ran).toMatchObject({ code: 1, json: { mode: 'package', problem: null, results: [{ rule: 'js/path-traversal', level: 'error', path: 'src/files.js', line: 2, cwe: 'CWE-22', message: expect.stringContaining('"req.query.name"') }] } });
    const sarif = join(home.folder, 'scan.sarif');
    expect(await home.sally(['scan', folder, '--sarif', sarif])).toMatchObject({ code: 1, stdout: expect.stringMatching(/error {3}src\/files\.js:2 {2}js\/path-traversal \(CWE-22\)(.|\n)*1 result \(1 error, 0 warning, 0 note\)(.|\n)*Not checked/) });
    expect(parseSarif(readFileSync(sarif, 'utf8')).results.map((r) => r.rule)).toEqual(['js/path-traversal']);
  });

  it('takes a single file for a fragment, whose callers may give anything, unless told otherwise', async () => {
    const file = join(folder, 'src/db.js');
    writeFileSync(file, "exports.find = (db, name) => db.query('SELECT a FROM b WHERE c = ' + clean(name));\nfunction clean(text) {\n  return text.trim();\n}\n");
    expect(await home.sally(['scan', file, '--json'])).toMatchObject({ code: 1, json: { mode: 'fragment', results: [{ rule: 'js/sql-injection', level: 'error', path: 'db.js' }] } });
    writeFileSync(file, 'exports.find = (db, name) => db.query(`SELECT a FROM ${table()} WHERE c = ?`, [name]);\nfunction table() {\n  return "b";\n}\n');
    expect(await home.sally(['scan', file, '--json'])).toMatchObject({ code: 0, json: { results: [] } });
    expect(await home.sally(['scan', '--no-fragment', file, '--json'])).toMatchObject({ code: 0, json: { mode: 'package' } });
  });

  it('says what is wrong with a path, and runs nothing of what it scans', async () => {
    expect(await home.sally(['scan', join(folder, 'none')])).toMatchObject({ code: 2, stderr: expect.stringContaining('there is no such file or folder') });
    writeFileSync(join(folder, 'src/package.json'), '{"scripts": {"prescan": "touch ran"}}');
    writeFileSync(join(folder, 'src/a.js'), `${'['.repeat(3000)}${']'.repeat(3000)}`);
    expect(await home.sally(['scan', folder])).toMatchObject({ code: 0, stdout: expect.stringMatching(/left out: src\/a\.js nests too deeply/) });
  });
});

describe('sallyport check', () => {
  it('fails a change that mends the fault and takes a defence away with it, and writes what other tools read', async () => {
    const files = (read: string): Readonly<Record<string, string>> => ({
      'package.json': JSON.stringify({ name: 'x', version: '1.0.0', scripts: { test: 'node --test' } }),
      'src/files.js': `const fs = require('fs');\nconst path = require('path');\nconst ROOT = '/srv/files';\n${read}`,
      'test/add.test.js': "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../src/files.js');\ntest('adds', () => assert.strictEqual(add(1, 2), 3));\n",
    });
    const guard = "  if (!file.startsWith(ROOT + path.sep)) throw new Error('outside');\n";
    const code = (before: string, sum: string): string => `exports.read = (name) => {\n  const file = path.resolve(ROOT, name);\n${before}  return fs.readFileSync(file, 'utf8');\n};\nexports.add = (a, b) => ${sum};\n`;
    makeRepo(folder, files(code(guard, 'a - b')));
    personGit(folder, 'checkout', '--quiet', '-b', 'mended');
    write(folder, files(code('', 'a + b')));
    commitAll(folder, 'mend');
    const [sarif, junit] = [join(home.folder, 'gate.sarif'), join(home.folder, 'gate.xml')];
    expect(await home.sally(['check', '--repo', folder, '--base', 'main', '--head', 'mended', '--sarif', sarif, '--junit', junit])).toMatchObject({
      code: 1, stdout: expect.stringMatching(/✗ 1 new scan result: flow\/removed-defence at src\/files\.js:6(.|\n)*The call of fs\.readFileSync in "read" lost a defence that stood before it: starts with ROOT \+ path\.sep/),
    });
    expect(JSON.parse(readFileSync(sarif, 'utf8'))).toMatchObject({ runs: [{ results: expect.arrayContaining([expect.objectContaining({ ruleId: 'flow/removed-defence', baselineState: 'new' })]) }] });
    expect(readFileSync(junit, 'utf8')).toMatch(/<testsuite name="test" tests="1" failures="0"/);
    write(folder, files(code(guard, 'a + b')));
    commitAll(folder, 'mend, and keep the check');
    expect(await home.sally(['check', '--repo', folder, '--base', 'main', '--head', 'mended'])).toMatchObject({ code: 0 });
  });
});

import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSarif } from '../../src/sarif/parse.js';
import { type Home, openHome } from '../support/cli.js';

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

import { pathOf } from '../ir.js';
import { type CallSite, type FlowRule, isLiteral } from '../rule.js';
import { partsOf, type SourceKind, type Value } from '../value.js';
import { openOf, textOf } from './terms.js';

const FS = /^(?:fs|fs-extra|graceful-fs|memfs|#Deno|#Bun|#fs|node:fs|original-fs)\b/;
const READS = /^(?:readFile|readFileSync|createReadStream|readdir|readdirSync|opendir|open|openSync|stat|statSync|lstat|lstatSync|access|accessSync|exists|existsSync|readlink|readlinkSync|realpath|realpathSync|readTextFile|file|readJson|readJsonSync|watch|watchFile)$/;
const WRITES = /^(?:writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream|unlink|unlinkSync|rm|rmSync|rmdir|rmdirSync|mkdir|mkdirSync|rename|renameSync|copyFile|copyFileSync|cp|cpSync|chmod|chmodSync|chown|chownSync|truncate|truncateSync|symlink|symlinkSync|link|linkSync|remove|removeSync|outputFile|move|ensureDir|utimes|writeJson|writeTextFile|mkdtemp|mkdtempSync)$/;
const FROM_OUTSIDE: readonly SourceKind[] = ['request', 'browser', 'message'];
/** Functions of express and friends that send a file. */
const SENDS = /^(?:sendFile|download|sendfile)$/;

function isFs(site: CallSite): boolean {
  return FS.test(site.api) && (READS.test(site.name) || WRITES.test(site.name));
}

/** The paths that a call takes. */
function pathsOf(site: CallSite): readonly Value[] {
  const two = /^(?:rename|copyFile|cp|symlink|link|move|renameSync|copyFileSync|cpSync|symlinkSync|linkSync)$/.test(site.name);
  return site.args.slice(0, two ? 2 : 1).map((arg) => arg.value);
}

/** Memory of a check of a path, until something is done with it. */
interface Checked {
  readonly path: string;
  readonly shared: boolean;
  readonly text: string;
}

export const FLOW_FILES: readonly FlowRule[] = [
  {
    id: 'js/path-traversal', title: 'Path from a request', cwe: 22, severity: 7.5, level: 'error',
    message: '%s becomes part of this path, so that `..` or an absolute path leads out of the folder. Resolve it and check that it begins with the folder, or take its basename.',
    help: 'Resolve the path and check that it begins with the folder and a separator, or take the basename.',
    call(site) {
      const sends = SENDS.test(site.name) && site.receiver !== null;
      if (!isFs(site) && !sends) return;
      // `sendFile(name, { root })` keeps it below the root by itself.
      if (sends && site.option('root', 1) !== undefined) return;
      const marks = pathsOf(site).flatMap((path) => openOf(path, 'path', FROM_OUTSIDE));
      for (const path of pathsOf(site)) site.look(path, 'path');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [
        `import fs from 'fs'; export function d(req, res) { res.send(fs.readFileSync(req.query.file)); }`, `const fs = require('fs'); const path = require('path'); app.get('/x', (req, res) => { const p = path.join('/uploads', req.params.name); fs.createReadStream(p).pipe(res); })`,
        `import { readFile } from 'node:fs/promises'; app.get('/x', async (req, res) => { res.send(await readFile('./data/' + req.query.n)); })`, `app.get('/x', (req, res) => res.sendFile(req.query.p));`,
      ],
      mustNot: [
        `const fs = require('fs'); const path = require('path'); app.get('/x', (req, res) => fs.readFileSync(path.join('/u', path.basename(req.query.f))));`, `import fs from 'fs'; fs.readFileSync('./a.json');`,
        `const fs = require('fs'); const path = require('path'); const BASE = '/srv/u'; app.get('/x', (req, res) => { const p = path.resolve(BASE, req.query.f); if (!p.startsWith(BASE + path.sep)) return res.sendStatus(400); res.send(fs.readFileSync(p)); })`,
        `app.get('/x', (req, res) => res.sendFile(req.params.n, { root: '/srv' }));`, `const fs = require('fs'); app.get('/x', (req, res) => { if (!/^[a-z0-9]+$/.test(req.params.id)) return res.end(); fs.readFileSync('/d/' + req.params.id); })`,
      ],
    },
  },
  {
    id: 'js/path-parameter', title: 'Path from a name that a caller gives', cwe: 22, severity: 6.5, level: 'warning',
    message: '%s becomes part of this path, so that `..` leads out of the folder. Check that the result begins with the folder, or take its basename.',
    help: 'Resolve the path and check that it begins with the folder and a separator, or take the basename.',
    call(site) {
      if (!isFs(site)) return;
      // A caller may name a file; below a folder of ours it may not name another.
      const marks = pathsOf(site).filter((path) => (partsOf(path)?.length ?? 0) > 1 && typeof partsOf(path)?.[0] === 'string' && /\//.test(textOf(path))).flatMap((path) => openOf(path, 'path', ['parameter', 'argument']));
      if (marks.length > 0 && marks.some((mark) => /name|file|path|key|slug|template|upload|doc|asset|image|theme|page|url/i.test(mark.what))) site.report({ marks });
    },
    examples: {
      must: [`import fs from 'fs'; import path from 'path'; export const read = (name) => fs.readFileSync(path.join('/srv/uploads', name));`],
      mustNot: [`import fs from 'fs'; export const read = (file) => fs.readFileSync(file);`, `import fs from 'fs'; import path from 'path'; export const read = (name) => fs.readFileSync(path.join('/srv', path.basename(name)));`],
    },
  },
  {
    id: 'js/zip-slip', title: 'Archive that writes where it likes', cwe: 22, severity: 8.1, level: 'error',
    message: 'A name out of an archive becomes a path to write to, so that `..` in it leads out of the folder. Check that the resolved path begins with the folder.',
    help: 'Resolve the path of each entry and check that it begins with the folder and a separator.',
    call(site) {
      if (!FS.test(site.api) || !WRITES.test(site.name)) return;
      const path = site.args[0];
      if (path === undefined || !/\b(?:entry|header|file|zipEntry|e)\.(?:path|name|fileName|entryName|filename)\b/.test(site.source(path.expr)) && path.value.tags?.includes('archive') !== true) return;
      if (path.value.marks.some((mark) => mark.clean.includes('path') || mark.clean.includes('all'))) return;
      site.report();
    },
    examples: {
      must: [`const fs = require('fs'); const path = require('path'); zip.on('entry', (entry) => { entry.pipe(fs.createWriteStream(path.join('/out', entry.path))); });`],
      mustNot: [`const fs = require('fs'); const path = require('path'); zip.on('entry', (entry) => { entry.pipe(fs.createWriteStream('/out/a')); });`],
    },
  },
  {
    id: 'js/check-then-use', title: 'File checked first and used after', cwe: 367, severity: 5.3, level: 'warning',
    message: 'Between the check and this call somebody else can put another file or link there. Do it and handle the error, or open the file once and use its descriptor.',
    help: 'Do it and handle the error (`EEXIST`, `ENOENT`), open with `wx`, or use the descriptor of one open().',
    call(site) {
      if (!FS.test(site.api) || site.args[0] === undefined) return;
      const path = pathOf(site.args[0].expr) ?? site.source(site.args[0].expr);
      const key = 'js/check-then-use';
      const known = (site.frame.state.notes.get(key) ?? []) as readonly Checked[];
      const value = site.args[0].value;
      if (/^(?:existsSync|exists|accessSync|access|statSync|stat|lstatSync|lstat|pathExists|pathExistsSync)$/.test(site.name)) {
        site.frame.state.notes.set(key, [...known, { path, shared: isShared(site, value), text: textOf(value) }].slice(-20));
        return;
      }
      if (!WRITES.test(site.name) && !(/^open(?:Sync)?$/.test(site.name) && /^[aw]/.test(String(site.args[1]?.value.literal ?? '')))) return;
      const exclusive = /wx|ax/.test(site.args.map((arg) => textOf(arg.value)).join(' ')) || isLiteral(site.option('flag'), 'wx', 'ax', 'wx+', 'ax+');
      const checked = known.find((one) => one.shared && (one.path === path || (one.text.length > 4 && !one.text.includes('\uFFFC') && one.text === textOf(value))));
      if (checked !== undefined && !exclusive) site.report();
    },
    examples: {
      must: [`const fs = require('fs'); const os = require('os'); const path = require('path'); function f(id) { const p = path.join(os.tmpdir(), 'r-' + id); if (fs.existsSync(p)) fs.unlinkSync(p); }`, `import { existsSync, writeFileSync } from 'node:fs'; export function f() { const p = '/tmp/a/b'; if (!existsSync(p)) { writeFileSync(p, 'x'); } }`],
      mustNot: [`const fs = require('fs'); const os = require('os'); const path = require('path'); const c = path.join(os.homedir(), 'c'); if (fs.existsSync(c)) fs.unlinkSync(c);`, `const fs = require('fs'); try { fs.unlinkSync('/tmp/a'); } catch (e) {}`, `const fs = require('fs'); if (fs.existsSync('/tmp/a')) fs.readFileSync('/tmp/a');`],
    },
  },
];

/** A folder that other users write to as well. */
function isShared(site: CallSite, value: Value): boolean {
  const text = textOf(value);
  if (/^(?:\/tmp|\/var\/tmp|\/dev\/shm|\/private\/tmp|C:\\(?:Windows\\)?Temp)\b/i.test(text)) return true;
  return value.tags?.includes('tmpdir') === true || (partsOf(value) ?? []).some((part) => typeof part !== 'string' && (part.api === 'os.tmpdir()' || /TMPDIR|TEMP$|TMP$/.test(part.api ?? ''))) || /^(?:os\.tmpdir\(\)|#process\.env\.(?:TMPDIR|TEMP|TMP))$/.test(value.api ?? '') || /tmpdir\(\)/.test(site.source(site.args[0]?.expr ?? { k: 'mix', parts: [], at: site.at }));
}


import { type Expr, nameOf, pathOf } from '../ir.js';
import { isLiteral, type FlowRule } from '../rule.js';
import { allMarks, type Mark, partsOf, skeleton, tagged, type Value } from '../value.js';
import { OUTSIDE, openOf, runsSql, SQL_TEXT, textOf } from './terms.js';

const SHELL = /^(?:(?:\/usr)?(?:\/bin\/)?(?:ba|z|da|k|fi)?sh|cmd(?:\.exe)?|powershell(?:\.exe)?|pwsh)$/i;
const CHILD = /^(?:child_process|cross-spawn|execa|shelljs|zx|tinyexec|promisify-child-process|child-process-promise)\b/;

const NO_EXPR: Expr = { k: 'mix', parts: [], at: { start: 0, end: 0 } };

/** Text that a shell reads, with something in it that is not a constant of the program. */
function shellText(value: Value): readonly Mark[] {
  return openOf(value, 'command');
}

/** `spawn('sh', ['-c', TEXT])`: TEXT. */
function shellScript(command: Value | undefined, list: Value | undefined): Value | undefined {
  const items = [...(list?.members?.values() ?? [])];
  // `sudo sh -c …`, `docker exec NAME sh -c …`
  const inner = items.findIndex((item) => typeof item.literal === 'string' && SHELL.test(item.literal));
  if (typeof command?.literal === 'string' && !SHELL.test(command.literal) && inner !== -1) return /^-\w*c$/.test(String(items[inner + 1]?.literal ?? '')) ? items[inner + 2] : undefined;
  if (typeof command?.literal !== 'string' || !SHELL.test(command.literal)) return undefined;
  const at = items.findIndex((item) => typeof item.literal === 'string' && /^(?:-\w*c|\/c|-Command|-EncodedCommand)$/i.test(item.literal));
  return at === -1 ? undefined : items[at + 1];
}

/** Text, objects and lists that are run, read or asked as something. */
export const FLOW_INJECTION: readonly FlowRule[] = [
  {
    id: 'js/command-injection', title: 'Shell command built from text', cwe: 78, severity: 9.8, level: 'error',
    message: 'A shell runs this text, and %s is part of it, so that it can add commands. Use execFile or spawn with an array of arguments and no shell.',
    help: 'Use execFile or spawn with an array of arguments and no shell.',
    call(site) {
      const { name, api, args } = site;
      const first = args[0]?.value;
      if (first === undefined) return;
      const known = CHILD.test(api) || /^#?(?:Deno|Bun)\./.test(api);
      if (/^(?:exec|execSync|execAsync|execPromise|execaCommand|execaCommandSync|execCommand|\$|system|popen)$/.test(name) && (known || /^(?:exec|execSync|execAsync|execPromise|execCommand)$/.test(name) && (site.receiver === null || /^(?:cp|child_?process|proc|shell|shelljs|ssh|conn)$/i.test(nameOf(site.receiverExpr ?? { k: 'name', name: '', at: site.at }))))) {
        const marks = shellText(first);
        site.look(first, 'command');
        if (marks.length > 0 && !SQL_TEXT.test(textOf(first))) site.report({ marks });
        return;
      }
      if (!/^(?:spawn|spawnSync|execFile|execFileSync|execa|execaSync|default|fork|sync)$/.test(name) && !CHILD.test(api)) return;
      const list = args[1]?.value;
      const script = shellScript(first, list);
      if (script !== undefined) {
        site.look(script, 'command');
        const marks = shellText(script);
        if (marks.length > 0) site.report({ marks });
        return;
      }
      const shell = site.option('shell');
      if (shell !== undefined && !isLiteral(shell, false, null)) {
        const marks = [...shellText(first), ...(list === undefined ? [] : allMarks(list).filter((mark) => !mark.clean.includes('command') && !mark.clean.includes('all')))];
        if (marks.length > 0) site.report({ marks });
        return;
      }
      // Which program is started is somebody else's choice.
      const program = known ? openOf(first, 'command', ['request', 'browser', 'message']) : [];
      if (program.length > 0) site.report({ marks: program, message: '%s chooses which program is started. Choose among programs that you name yourself.' });
    },
    examples: {
      must: [
        `const { exec } = require('child_process'); app.get('/x', (req, res) => { const f = req.query.f; exec('ls ' + f); })`, `import { execSync } from 'node:child_process'; export function log(ref) { return execSync(\`git log \${ref}\`); }`,
        `const cp = require('child_process'); function run(file) { const cmd = ['convert', file, 'out.png'].join(' '); cp.exec(cmd); }`, `import { spawn } from 'child_process'; export const go = (dir) => spawn('sh', ['-c', \`rm -rf \${dir}\`]);`,
        `const util = require('util'); const run = util.promisify(require('child_process').exec); async function f(name) { await run('id ' + name); }`, `const { spawn } = require('child_process'); const f = (x) => spawn('ls', [x], { shell: true });`,
      ],
      mustNot: [
        `const { execFile } = require('child_process'); function f(x) { execFile('ls', [x]); }`, `const { exec } = require('child_process'); const DIR = '/srv'; exec('ls ' + DIR);`, `const { exec } = require('child_process'); function f(id) { exec('kill ' + Number(id)); }`,
        `const { exec } = require('child_process'); const ALLOWED = ['a', 'b']; function f(x) { if (!ALLOWED.includes(x)) throw new Error(); exec('run ' + x); }`, `const quote = require('shell-quote').quote; const { exec } = require('child_process'); const f = (x) => exec('ls ' + quote([x]));`,
        `function f(re, text) { return /a/.exec(text); }`, `const { exec } = require('child_process'); function f(x) { if (!/^[a-z]+$/.test(x)) return; exec('ls ' + x); }`,
      ],
    },
  },
  {
    id: 'js/code-injection', title: 'Text run as code', cwe: 95, severity: 9.3, level: 'error',
    message: '%s is run as code. Parse data with JSON.parse, or choose among functions that you name yourself.',
    help: 'Parse data with JSON.parse, or choose among functions that you name yourself.',
    call(site) {
      const { api, name, args } = site;
      const runs = /^#(?:eval|execScript)$/.test(api) || /^vm2?\.(?:runIn\w+|Script|(?:Node)?VM\b.*\.run|compileFunction)/.test(api) || /constructor\.constructor$/.test(pathOf(site.receiverExpr === null ? NO_EXPR : { k: 'member', of: site.receiverExpr, name: site.name, index: null, at: site.at }) ?? (site.name === 'constructor' && site.receiverExpr !== null && nameOf(site.receiverExpr) === 'constructor' ? 'constructor.constructor' : '')) || (/^#?(?:setTimeout|setInterval|setImmediate)$/.test(api) && args[0]?.value.kind === 'string') || /(?:^|\.)(?:runInContext|runInNewContext|runInThisContext|compileFunction|executeScript|executeJavaScript)$/.test(`.${name}`);
      const made = /^#(?:Function|AsyncFunction|GeneratorFunction)$/.test(api) || (site.construct && name === 'Function');
      const all = made ? args : runs ? args.slice(0, 1) : [];
      const marks = all.flatMap((arg) => openOf(arg.value, 'code', [...OUTSIDE, 'network']));
      if (all[0] !== undefined) site.look(all[0].value, 'code');
      if (marks.length > 0) return site.report({ marks });
      if (/^#(?:setTimeout|setInterval)$/.test(api) && args[0]?.value.parts !== undefined) site.report({ marks: allMarks(args[0].value), message: 'This text is run as code. Give a function instead.' });
    },
    text(site) {
      // `javascript:` and inline handlers are code too, where data ends up in them.
      if (!/^\s*javascript:/i.test(textOf(site.built))) return;
      const marks = openOf(site.built, 'code');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`export function calc(expr) { return eval(expr); }`, `app.post('/x', (req, res) => { const f = new Function('a', req.body.code); f(1); })`, `ws.onmessage = (event) => { eval(event.data); };`, `const vm = require('vm'); function f(code) { vm.runInNewContext(code); }`, `function later(name) { setTimeout('go("' + name + '")', 10); }`],
      mustNot: [`eval('1 + 1')`, `setTimeout(() => f(x), 5)`, `function f(x) { return JSON.parse(x); }`, `const OPS = { add: (a, b) => a + b }; function f(op) { if (!Object.hasOwn(OPS, op)) return; return OPS[op](1, 2); }`],
    },
  },
  {
    id: 'js/sql-injection', title: 'SQL built from text', cwe: 89, severity: 9.8, level: 'error',
    message: '%s becomes part of this SQL, so that it can change the statement. Pass it as a parameter; check a name against a list.',
    help: 'Pass values as parameters (`?`, `$1`); check names of tables and columns against a list.',
    call(site) {
      const sql = site.args[0]?.value;
      if (sql === undefined || tagged(sql, 'tagged')) return;
      const text = sql.members?.get('text') ?? sql.members?.get('sql') ?? sql;
      if (!runsSql(site, textOf(text))) return;
      const marks = openOf(text, 'sql');
      // A text that a caller hands over whole is the caller's.
      site.look(text, 'sql');
      if (marks.length === 0 || (text.parts === undefined && marks.every((mark) => mark.kind === 'parameter' && partsOf(text) === undefined))) return;
      site.report({ marks });
    },
    examples: {
      must: [
        `import { db } from './db'; export function find(name) { return db.query("SELECT * FROM users WHERE name = '" + name + "'"); }`, `const { Pool } = require('pg'); const pool = new Pool(); app.get('/u', async (req, res) => { const sql = \`SELECT * FROM u WHERE id = \${req.params.id}\`; await pool.query(sql); })`,
        `async function list(conn, req) { let sql = 'SELECT * FROM t'; if (req.query.sort) sql += ' ORDER BY ' + req.query.sort; return conn.execute(sql); }`, `const knex = require('knex')({}); function f(n) { return knex.raw(\`select * from a where b = '\${n}'\`); }`,
        `class Repo { constructor(db) { this.db = db; } find(id) { return this.db.query('SELECT a FROM b WHERE id=' + id); } }`,
      ],
      mustNot: [
        `import { db } from './db'; export function find(name) { return db.query('SELECT * FROM users WHERE name = $1', [name]); }`, `const T = 'users'; function f(db, id) { return db.query(\`SELECT * FROM \${T} WHERE id = ?\`, [id]); }`, `function f(db, id) { return db.query('SELECT a FROM b WHERE id = ' + Number(id)); }`,
        `const COLS = new Set(['a', 'b']); function f(db, col) { if (!COLS.has(col)) throw new Error(); return db.query('SELECT a FROM b ORDER BY ' + col); }`, 'function f(db, ids) { const marks = ids.map((_, i) => `$${i + 1}`).join(","); return db.query(`SELECT a FROM b WHERE id IN (${marks})`, ids); }',
        `function run(db, sql) { return db.query(sql); }`, 'import sql from "sql-template-strings"; const f = (db, id) => db.query(sql`SELECT a FROM b WHERE id = ${id}`);', `const f = (db, mysql, id) => db.query('SELECT a FROM b WHERE id = ' + mysql.escape(id));`,
      ],
    },
  },
  {
    id: 'js/nosql-injection', title: 'Request object used as a database filter', cwe: 943, severity: 8.1, level: 'error',
    message: '%s can be an object with operators such as $ne, and becomes part of this filter. Convert it to text or a number, or check its type.',
    help: 'Convert each value (`String(x)`, `Number(x)`) or check its type before it becomes part of a filter.',
    call(site) {
      if (!/^(?:find|findOne|findOneAndUpdate|findOneAndDelete|findOneAndRemove|findOneAndReplace|updateOne|updateMany|deleteOne|deleteMany|remove|count|countDocuments|exists|aggregate|where|distinct|replaceOne|\$where)$/.test(site.name) || site.receiver === null) return;
      const filter = site.args[0]?.value;
      if (filter === undefined || filter.kind === 'string' || filter.closure !== undefined) return;
      const own = filter.members === undefined ? openOf(filter, 'nosql', ['request', 'message']) : [...filter.members.values()].filter((one) => one.kind !== 'string' && one.kind !== 'number').flatMap((one) => openOf(one, 'nosql', ['request', 'message']));
      // Texts of a path or a header are never objects.
      site.look(filter, 'nosql');
      const marks = own.filter((mark) => !/\.(?:params|headers|cookies|url|path|hostname)\b|header\(|\.get\(/.test(mark.what));
      if (marks.length > 0 && !/^(?:array|_|lodash|Array)/.test(site.api) && site.receiver.kind !== 'array') site.report({ marks });
      const script = filter.members?.get('$where');
      if (script !== undefined && openOf(script, 'nosql').length > 0) site.report({ marks: openOf(script, 'nosql') });
    },
    examples: {
      must: [`app.post('/login', async (req, res) => { const u = await User.findOne({ name: req.body.name, password: req.body.password }); })`, `app.post('/x', (req, res) => { db.collection('a').find(req.body); })`],
      mustNot: [`app.post('/x', (req, res) => { User.findOne({ name: String(req.body.name) }); })`, `app.get('/x/:id', (req, res) => { User.findOne({ _id: req.params.id }); })`, `app.post('/x', (req, res) => { if (typeof req.body.name !== 'string') return; User.findOne({ name: req.body.name }); })`],
    },
  },
  {
    id: 'js/ldap-injection', title: 'LDAP filter built from text', cwe: 90, severity: 8.1, level: 'error',
    message: '%s becomes part of this LDAP filter or name, so that it can change what is searched. Escape it (RFC 4515), or build the filter from objects.',
    help: 'Escape values for filters (RFC 4515) and names (RFC 4514), or build the filter from objects.',
    call(site) {
      if (!/^(?:search|bind|searchAsync|compare|modify|del|add|modifyDN|authenticate|parseFilter|parse|searchOne)$/.test(site.name)) return;
      const texts = [...site.args.map((arg) => arg.value), ...(site.option('filter') === undefined ? [] : [site.option('filter') as Value])];
      for (const one of texts) {
        if (!/\((?:[&|!]|[\w-]+[~<>]?=)|(?:^|,)\s*(?:cn|uid|ou|dc|o|mail)=/i.test(skeleton(one))) continue;
        site.look(one, 'ldap');
        const marks = openOf(one, 'ldap');
        if (marks.length > 0) return site.report({ marks });
      }
    },
    examples: {
      must: ['const ldap = require("ldapjs"); const client = ldap.createClient({}); function f(req) { client.search("dc=x", { filter: `(uid=${req.query.uid})` }); }', `function f(client, name) { const dn = 'uid=' + name + ',ou=people,dc=x'; client.bind(dn, 'p'); }`],
      mustNot: ['const f = (client, uid) => client.search("dc=x", { filter: `(uid=${escapeFilter(uid)})` });', `const f = (client) => client.search('dc=x', { filter: '(uid=a)' });`],
    },
  },
  {
    id: 'js/xpath-injection', title: 'XPath built from text', cwe: 643, severity: 7.5, level: 'error',
    message: '%s becomes part of this XPath expression, so that it can change what is selected. Use variables of the expression, or check the value.',
    help: 'Use variables of the XPath expression, or check the value against what it may be.',
    call(site) {
      if (!/^(?:select|select1|selectWithResolver|evaluate|useNamespaces|find|get|parse|createExpression|xpath|query|selectNodes|selectSingleNode)$/.test(site.name)) return;
      for (const { value } of site.args) {
        if (!/^\s*(?:\(|count\(|string\(|boolean\()?(?:\/\/?|\.\/|\.\/\/|descendant::|child::|self::|ancestor::)[\w@*:.\uFFFC]|\[@?[\w:-]+\s*=|\[contains\(|\[text\(\)/.test(skeleton(value)) || !/[[@(]|\/\//.test(skeleton(value))) continue;
        site.look(value, 'xpath');
        const marks = openOf(value, 'xpath');
        if (marks.length > 0 && (value.parts !== undefined || /^xpath/.test(site.api))) return site.report({ marks });
      }
    },
    examples: {
      must: [`const xpath = require('xpath'); app.get('/x', (req, res) => { xpath.select("//a[@name='" + req.query.n + "']", doc); })`, 'function f(doc, user) { return doc.get(`//account[name="${user}"]`); }'],
      mustNot: [`const xpath = require('xpath'); xpath.select("//a[@name='b']", doc)`, 'function f(doc, id) { if (!/^[a-z]+$/.test(id)) return; return doc.evaluate(`//a[@id="${id}"]`, doc); }', 'fetch(`//host/${x}`)'],
    },
  },
  {
    id: 'js/template-injection', title: 'Template made from data', cwe: 1336, severity: 9.0, level: 'error',
    message: '%s is compiled as a template, so that it can run code. Keep templates in files and pass data to them.',
    help: 'Keep templates in files and pass data to them as values.',
    call(site) {
      const { api, name, args } = site;
      const compiles = /^(?:ejs|pug|jade|handlebars|nunjucks|mustache|lodash|underscore|doT|dot|hogan\.js|eta|squirrelly|velocityjs|art-template|liquidjs|swig|twig)\b.*\.(?:render|compile|renderString|template|precompile|parseAndRender)$/i.test(api) || (/^(?:compile|renderString|render|template)$/.test(name) && /^(?:ejs|pug|Handlebars|nunjucks|Mustache|_|lodash|doT|eta)$/.test(nameOf(site.receiverExpr ?? { k: 'name', name: '', at: site.at })));
      if (!compiles || args[0] === undefined) return;
      site.look(args[0].value, 'template');
      const marks = openOf(args[0].value, 'template', ['request', 'browser', 'message', 'argument']);
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`const ejs = require('ejs'); app.get('/x', (req, res) => res.send(ejs.render(req.query.t, {})));`, `const Handlebars = require('handlebars'); app.post('/x', (req, res) => { const t = Handlebars.compile('<p>' + req.body.t + '</p>'); })`],
      mustNot: [`const ejs = require('ejs'); app.get('/x', (req, res) => res.send(ejs.render('<p><%= t %></p>', { t: req.query.t })));`],
    },
  },
  {
    id: 'js/unescaped-regex', title: 'Regular expression from a request', cwe: 1333, severity: 5.3, level: 'warning',
    message: '%s becomes a regular expression, which can match anything or take for ever. Escape it, or compare texts.',
    help: 'Escape the text before it becomes a pattern, or compare texts with includes().',
    call(site) {
      if (site.api !== '#RegExp' || site.args[0] === undefined) return;
      const marks = openOf(site.args[0].value, 'regex', ['request', 'browser', 'message', 'argument', 'parameter']).filter((mark) => !/\.source$/.test(mark.what));
      site.look(site.args[0].value, 'regex');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`app.get('/s', (req, res) => { const re = new RegExp(req.query.q, 'i'); })`, 'export function find(term, rows) { const re = new RegExp(`^${term}`); return rows.filter((r) => re.test(r)); }'],
      mustNot: [`const re = new RegExp('^a' + 'b');`, `function f(q) { const safe = q.replace(/[.*+?^\${}()|[\\]\\\\]/g, '\\\\$&'); return new RegExp(safe); }`, `import escapeStringRegexp from 'escape-string-regexp'; const f = (q) => new RegExp(escapeStringRegexp(q));`],
    },
  },
  {
    id: 'js/deserialization', title: 'Objects made from data', cwe: 502, severity: 9.0, level: 'error',
    message: '%s is turned into objects by a reader that can run code. Use JSON.parse and check the result.',
    help: 'Use JSON.parse, or the reader\'s safe mode, and check the result against a schema.',
    call(site) {
      const { api, name, args } = site;
      const first = args[0]?.value;
      if (first === undefined) return;
      const schema = site.option('schema', 1);
      const yaml = /^(?:js-yaml|yamljs)\.(?:load|loadAll)$/.test(api) && (schema === undefined || /DEFAULT_FULL|DEFAULT_UNSAFE/.test(schema.api ?? '')) && !/JSON_SCHEMA|FAILSAFE|CORE_SCHEMA|SAFE/.test(args[1] === undefined ? '' : site.source(args[1].expr));
      const runs = /^(?:node-serialize|serialize-to-js|funcster|serialijse|cryo|php-serialize|php-unserialize)\b.*\.(?:unserialize|deserialize|parse|deepDeserialize|revive)$/.test(api) || /^v8\.deserialize$/.test(api) || (/^(?:unserialize|deserialize)$/.test(name) && !/json|proto|msgpack|avro|bson|cbor|borsh|thrift|flatbuffers/i.test(api));
      if (!yaml && !runs) return;
      site.look(first, 'code');
      const marks = openOf(first, 'code', ['request', 'browser', 'message', 'argument', 'parameter', 'network']);
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`const s = require('node-serialize'); app.get('/x', (req, res) => { s.unserialize(req.cookies.p); })`, `const yaml = require('js-yaml'); app.post('/x', (req, res) => { yaml.load(req.body.doc); })`],
      mustNot: [`app.post('/x', (req, res) => { JSON.parse(req.body.doc); })`, `const yaml = require('js-yaml'); const fs = require('fs'); yaml.load(fs.readFileSync('a.yml', 'utf8'));`, `const yaml = require('js-yaml'); const f = (t) => yaml.load(t, { schema: yaml.JSON_SCHEMA });`],
    },
  },
  {
    id: 'js/xml-entities', title: 'XML with entities resolved', cwe: 611, severity: 7.5, level: 'error',
    message: 'This reader resolves external entities, so that a document can read files and reach hosts. Turn entities off.',
    help: 'Turn off entities and external declarations (`noent: false`, no `dtdload`), or use a reader that has none.',
    call(site) {
      if (!/(?:^|\.)(?:parseXml|parseXmlString|parseXmlAsync|parseString|parseFromString|fromString|parse|XMLParser|SaxParser|DOMParser|Parser|parseHtml)$/i.test(`.${site.name}`)) return;
      const on = ['noent', 'dtdload', 'dtdvalid', 'resolveExternals', 'expandEntities', 'loadExternalDtd', 'resolveEntities', 'replaceEntities', 'externalEntities', 'loadDtd', 'resolveExternalEntities', 'enableExternalEntities', 'processExternalEntities'].some((key) => isLiteral(site.option(key), true));
      if (on) site.report();
    },
    examples: {
      must: [`const libxmljs = require('libxmljs2'); exports.f = (req) => libxmljs.parseXml(req.body.x, { noent: true });`, `const p = new XMLParser({ processEntities: true, resolveExternalEntities: true });`],
      mustNot: [`const libxmljs = require('libxmljs2'); exports.f = (req) => libxmljs.parseXml(req.body.x, { noent: false, nonet: true });`, `JSON.parse(x)`],
    },
  },
  {
    id: 'js/dynamic-import', title: 'Module chosen by data', cwe: 829, severity: 8.1, level: 'error',
    message: '%s chooses which module is loaded and run. Choose among modules that you name yourself.',
    help: 'Choose among modules that you name yourself: a table from names to `() => import(\'…\')`.',
    call(site) {
      if (!/^(?:#require(?:\.resolve)?|#import|#importScripts|#module\.require|module\._load|#__non_webpack_require__|module\.createRequire\(\))$/.test(site.api) || site.args[0] === undefined) return;
      const { value } = site.args[0];
      // A bundler makes a list of what `import('./x/${name}.js')` can be.
      site.look(value, 'path');
      const listed = site.api === '#import' && /^\.{1,2}\/[\w-]/.test(textOf(value));
      const marks = openOf(value, 'path', [...OUTSIDE, 'environment']).filter((mark) => !listed || mark.kind !== 'parameter');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`app.get('/x', async (req, res) => { const m = await import(req.query.m); })`, `const name = process.argv[2]; require(name);`, 'export function load(plugin) { return require(`./plugins/${plugin}`); }'],
      mustNot: [`const a = require('./a');`, `const NAMES = ['a', 'b']; function f(n) { if (!NAMES.includes(n)) throw new Error(); return require('./p/' + n); }`],
    },
  },
];

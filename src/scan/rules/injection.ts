import type { SgNode } from '@ast-grep/napi';
import { COMMAND_WITHOUT_SHELL } from '../fix/command.js';
import { PARSE_JSON, SKIP_PROTOTYPE } from '../fix/objects.js';
import { isNamePart, SQL_PARAMETERS } from '../fix/sql.js';
import { built, call, construct, fromRequest, notLiteral, type ShapeRule } from '../rule.js';

const SQL = '(?i)\\b(select\\s.+\\sfrom|insert\\s+into|update\\s.+\\sset|delete\\s+from|drop\\s+table|where|order\\s+by|alter\\s+table)\\b';

/** One step of a merge that calls itself for what is inside. */
const MERGES = { any: [{ pattern: '$D[$K] = $F($D[$K], $$$)' }, { pattern: '$D[$K] = $F({}, $S[$K])' }, { kind: 'expression_statement', has: { pattern: '$F($D[$K], $S[$K])' } }] };
const FUNCTIONS: ReadonlySet<string> = new Set(['function_declaration', 'function_expression', 'arrow_function', 'method_definition']);

/** Name of a function; that of the variable for one without its own. */
function nameOf(node: SgNode): string | undefined {
  return (node.field('name') ?? (node.parent()?.is('variable_declarator') === true ? node.parent()?.field('name') : null))?.text();
}

/** Rules about text that becomes a command, code or a query. */
export const INJECTION: readonly ShapeRule[] = [
  {
    id: 'js/command-injection', title: 'Shell command built from text', cwe: 78, severity: 9.8, level: 'error',
    hint: /exec|shell|spawn/i,
    message: 'A shell runs this text, so a value in it can add commands. Use execFile or spawn with an array of arguments and no shell.',
    help: 'Use execFile or spawn with an array of arguments and no shell.',
    match: {
      any: [
        call('^(exec|execSync|execAsync|execPromise|\\$?shell)$', { any: [built, fromRequest] }),
        call('^(cp|child_?[pP]rocess|proc|shell|shelljs|require\\(.(node:)?child_process.\\))\\.(exec|execSync)$', { any: [built, fromRequest] }),
        { all: [call('(^|\\.)(spawn|spawnSync|execFile|execFileSync)$', { any: [built, fromRequest] }), { has: { field: 'arguments', has: { kind: 'object', regex: '\\bshell\\s*:\\s*(true|["\'])' } } }] },
      ],
    },
    // Databases have an exec() too, and its text begins like a statement.
    accept: (node) => !/^[\w.()'":]{1,60}\(\s*[`"'\s]{1,10}(?:select|insert|update|delete|create|alter|drop|pragma|begin|commit|with|truncate|set)\b/i.test(node.text()),
    examples: {
      must: [
        `exec(\`ls \${dir}\`)`, `execSync('git log ' + ref)`, `cp.exec("convert " + file + " out.png", done)`, `require('child_process').exec(\`x \${y}\`)`,
        `spawn(\`tar \${name}\`, { shell: true })`, 'exec(req.query.cmd)',
      ],
      mustNot: [`exec('ls -l')`, `execFile('ls', [dir])`, `pattern.exec(\`a\${b}\`)`, `spawn('tar', [name])`, `exec(\`ls \${DIR}\`)`, `db.exec('select 1')`, `exec(\`SELECT a FROM \${table}\`)`],
    },
    fix: COMMAND_WITHOUT_SHELL,
  },
  {
    id: 'js/code-injection', title: 'Text run as code', cwe: 95, severity: 9.3, level: 'error',
    hint: /eval|Function|setTimeout|setInterval|Context/,
    message: 'This runs text as code. Parse data with JSON.parse, or choose among functions that you name yourself.',
    help: 'Parse data with JSON.parse, or choose among functions that you name yourself.',
    match: {
      any: [
        call('^(eval|globalThis\\.eval|window\\.eval)$', notLiteral), construct('^Function$', notLiteral, null), call('^Function$', notLiteral, null),
        call('^(setTimeout|setInterval)$', built), call('(^|\\.)runIn(New|This)?Context$', { any: [built, fromRequest] }),
      ],
    },
    examples: {
      must: ['eval(code)', `eval('a' + b)`, `new Function('a', body)`, `setTimeout(\`run(\${x})\`, 5)`, 'vm.runInNewContext(req.body.code)'],
      mustNot: [`eval('1 + 1')`, 'setTimeout(() => run(x), 5)', 'setTimeout(run, 5)', 'new Function()', 'evaluate(code)'],
    },
    fix: PARSE_JSON,
  },
  {
    id: 'js/sql-injection', title: 'SQL built from text', cwe: 89, severity: 9.8, level: 'error',
    hint: /\b(?:select|insert|update|delete|drop|where|order|alter)\s/i,
    message: 'A value becomes part of the SQL text. Pass it as a parameter ($1, ?), which the driver keeps apart from the statement.',
    help: 'Pass values as parameters ($1, ?), which the driver keeps apart from the statement.',
    match: call('\\.(query|execute|raw|exec|all|get|run|prepare|each|\\$queryRawUnsafe|\\$executeRawUnsafe|unsafe)$', { all: [built, { regex: `(?s)${SQL}` }] }),
    // Names cannot be parameters; that they are quoted, or are a table's or a column's, is as much as a shape can tell.
    accept: (node) => {
      const parts = node.field('arguments')?.child(1)?.findAll({ rule: { kind: 'template_substitution' } }) ?? [];
      return parts.length === 0 || parts.some((part) => !isNamePart(part.text().slice(2, -1)));
    },
    examples: {
      must: [
        `db.query(\`SELECT * FROM t WHERE id = \${id}\`)`, `pool.query("select * from u where n = '" + name + "'")`, `knex.raw('delete from t where x = ' + x)`,
        `db.query(\`SELECT *\n  FROM t WHERE id = \${req.params.id}\`)`, `this.db.prepare('SELECT a FROM b WHERE c = ' + this.c)`,
      ],
      mustNot: [
        `db.query('SELECT * FROM t WHERE id = $1', [id])`, `sql\`SELECT * FROM t WHERE id = \${id}\``, `db.query(\`SELECT * FROM \${TABLE} WHERE id = $1\`, [id])`,
        `cache.get('select-' + id)`, `db.query(text, values)`, `db.query(\`SELECT * FROM t WHERE s = '\${Status.DONE}'\`)`, `db.query(\`SELECT * FROM \${quoteIdent(name)}.\${table} WHERE id = $1\`)`,
      ],
    },
    fix: SQL_PARAMETERS,
  },
  {
    id: 'js/nosql-injection', title: 'Request object used as a database filter', cwe: 943, severity: 8.1, level: 'error',
    hint: /\.(?:body|query)\b/,
    message: 'The whole filter comes from the request, so it may hold operators such as $ne. Build the filter field by field, each as a string.',
    help: 'Build the filter field by field and make each value a string.',
    match: call('\\.(find|findOne|findOneAndUpdate|findOneAndDelete|updateOne|updateMany|deleteOne|deleteMany|countDocuments)$', { regex: '^(req|request|ctx\\.request)\\.(body|query)$' }),
    examples: { must: ['users.findOne(req.body)', 'db.collection("u").deleteMany(req.query)'], mustNot: ['users.findOne({ name: String(req.body.name) })', 'list.find(x => x.id === req.body.id)'] },
  },
  {
    id: 'js/prototype-pollution', title: 'Recursive merge that follows __proto__', cwe: 1321, severity: 7.5, level: 'error',
    hint: /\bfor\b|forEach|merge|defaultsDeep|extend|setWith/,
    message: 'A key named __proto__ or constructor reaches the prototype of every object. Skip these keys, or merge into Object.create(null) or a Map.',
    help: 'Skip __proto__, constructor and prototype, or merge into Object.create(null) or a Map.',
    match: {
      any: [
        { kind: 'for_in_statement', has: { ...MERGES, stopBy: 'end' } },
        call('\\.forEach$', { has: { ...MERGES, stopBy: 'end' } }),
        call('(^|\\.)(merge|mergeWith|defaultsDeep|deepmerge|extend|setWith)$', fromRequest, null),
      ],
    },
    // A guard anywhere in the function that holds the loop counts: shape rules see no order.
    accept: (node) => {
      const called = node.getMatch('F')?.text();
      const holders = node.ancestors().filter((a) => FUNCTIONS.has(String(a.kind())));
      const recursive = called === undefined || holders.some((a) => nameOf(a) === called.replace(/^this\./, ''));
      return recursive && !/__proto__|Object\.create\(null\)|isPrototypePolluted|isUnsafeKey/.test((holders[0] ?? node).text());
    },
    examples: {
      must: [
        `function merge(a, b) { for (const k in b) { if (typeof b[k] === 'object') a[k] = merge(a[k], b[k]); else a[k] = b[k]; } return a; }`,
        `function m(a, b) { for (const k of Object.keys(b)) { m(a[k], b[k]); } }`, `function m(a, b) { Object.keys(b).forEach((k) => { a[k] = m(a[k], b[k]); }); }`, '_.merge(config, req.body)',
        'const deep = (a, b) => { for (const k in b) { a[k] = deep(a[k], b[k]); } }',
      ],
      mustNot: [
        `function merge(a, b) { for (const k in b) { if (k === '__proto__') continue; a[k] = merge(a[k], b[k]); } }`, 'for (const k in b) { a[k] = b[k]; }', '_.merge({}, defaults, options)',
        'for (const k in b) { a[k] = convert(b[k]); }', 'function eq(a, b) { for (const k in a) { if (!eq(a[k], b[k])) return false; } return true; }',
        'function f(a, b) { for (const k in b) { check(a[k], b[k]); } }',
      ],
    },
    fix: SKIP_PROTOTYPE,
  },
];

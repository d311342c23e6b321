import { built, call, construct, fromRequest, notLiteral, type ShapeRule } from '../rule.js';

const SQL = '(?i)\\b(select\\s.+\\sfrom|insert\\s+into|update\\s.+\\sset|delete\\s+from|drop\\s+table|where|order\\s+by|alter\\s+table)\\b';

/** Rules about text that becomes a command, code or a query. */
export const INJECTION: readonly ShapeRule[] = [
  {
    id: 'js/command-injection', title: 'Shell command built from text', cwe: 78, severity: 9.8, level: 'error',
    message: 'A shell runs this text, so a value in it can add commands. Use execFile or spawn with an array of arguments and no shell.',
    help: 'Use execFile or spawn with an array of arguments and no shell.',
    match: {
      any: [
        call('^(exec|execSync|execAsync|execPromise|\\$?shell)$', { any: [built, fromRequest] }),
        call('^(cp|child_?[pP]rocess|proc|shell|shelljs|require\\(.(node:)?child_process.\\))\\.(exec|execSync)$', { any: [built, fromRequest] }),
        { all: [call('(^|\\.)(spawn|spawnSync|execFile|execFileSync)$', { any: [built, fromRequest] }), { has: { field: 'arguments', has: { kind: 'object', regex: '\\bshell\\s*:\\s*(true|["\'])' } } }] },
      ],
    },
    examples: {
      must: [
        `exec(\`ls \${dir}\`)`, `execSync('git log ' + ref)`, `cp.exec("convert " + file + " out.png", done)`, `require('child_process').exec(\`x \${y}\`)`,
        `spawn(\`tar \${name}\`, { shell: true })`, 'exec(req.query.cmd)',
      ],
      mustNot: [`exec('ls -l')`, `execFile('ls', [dir])`, `pattern.exec(\`a\${b}\`)`, `spawn('tar', [name])`, `exec(\`ls \${DIR}\`)`, `db.exec('select 1')`],
    },
  },
  {
    id: 'js/code-injection', title: 'Text run as code', cwe: 95, severity: 9.3, level: 'error',
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
  },
  {
    id: 'js/sql-injection', title: 'SQL built from text', cwe: 89, severity: 9.8, level: 'error',
    message: 'A value becomes part of the SQL text. Pass it as a parameter ($1, ?), which the driver keeps apart from the statement.',
    help: 'Pass values as parameters ($1, ?), which the driver keeps apart from the statement.',
    match: call('\\.(query|execute|raw|exec|all|get|run|prepare|each|\\$queryRawUnsafe|\\$executeRawUnsafe|unsafe)$', { all: [built, { regex: `(?s)${SQL}` }] }),
    examples: {
      must: [
        `db.query(\`SELECT * FROM t WHERE id = \${id}\`)`, `pool.query("select * from u where n = '" + name + "'")`, `knex.raw('delete from t where x = ' + x)`,
        `db.query(\`SELECT *\n  FROM t WHERE id = \${req.params.id}\`)`, `this.db.prepare('SELECT a FROM b WHERE c = ' + this.c)`,
      ],
      mustNot: [
        `db.query('SELECT * FROM t WHERE id = $1', [id])`, `sql\`SELECT * FROM t WHERE id = \${id}\``, `db.query(\`SELECT * FROM \${TABLE} WHERE id = $1\`, [id])`,
        `cache.get('select-' + id)`, `db.query(text, values)`,
      ],
    },
  },
  {
    id: 'js/nosql-injection', title: 'Request object used as a database filter', cwe: 943, severity: 8.1, level: 'error',
    message: 'The whole filter comes from the request, so it may hold operators such as $ne. Build the filter field by field, each as a string.',
    help: 'Build the filter field by field and make each value a string.',
    match: call('\\.(find|findOne|findOneAndUpdate|findOneAndDelete|updateOne|updateMany|deleteOne|deleteMany|countDocuments)$', { regex: '^(req|request|ctx\\.request)\\.(body|query)$' }),
    examples: { must: ['users.findOne(req.body)', 'db.collection("u").deleteMany(req.query)'], mustNot: ['users.findOne({ name: String(req.body.name) })', 'list.find(x => x.id === req.body.id)'] },
  },
  {
    id: 'js/prototype-pollution', title: 'Recursive merge that follows __proto__', cwe: 1321, severity: 7.5, level: 'error',
    message: 'A key named __proto__ or constructor reaches the prototype of every object. Skip these keys, or merge into Object.create(null) or a Map.',
    help: 'Skip __proto__, constructor and prototype, or merge into Object.create(null) or a Map.',
    match: {
      any: [
        { kind: 'for_in_statement', has: { any: [{ pattern: '$D[$K] = $F($D[$K], $$$)' }, { pattern: '$F($D[$K], $S[$K])' }, { pattern: '$D[$K] = $F({}, $S[$K])' }], stopBy: 'end' } },
        call('\\.forEach$', { has: { any: [{ pattern: '$D[$K] = $F($D[$K], $S[$K])' }, { pattern: '$F($D[$K], $S[$K])' }], stopBy: 'end' } }),
        call('(^|\\.)(merge|mergeWith|defaultsDeep|deepmerge|extend|setWith)$', fromRequest, null),
      ],
    },
    // A guard anywhere in the function that holds the loop counts: shape rules see no order.
    accept: (node) => {
      const holder = node.ancestors().find((a) => ['function_declaration', 'function_expression', 'arrow_function', 'method_definition', 'program'].includes(String(a.kind())));
      return !/__proto__|Object\.create\(null\)|isPrototypePolluted|isUnsafeKey/.test((holder ?? node).text());
    },
    examples: {
      must: [
        `function merge(a, b) { for (const k in b) { if (typeof b[k] === 'object') a[k] = merge(a[k], b[k]); else a[k] = b[k]; } return a; }`,
        `function m(a, b) { for (const k of Object.keys(b)) { m(a[k], b[k]); } }`, `function m(a, b) { Object.keys(b).forEach((k) => { a[k] = m(a[k], b[k]); }); }`, '_.merge(config, req.body)',
      ],
      mustNot: [
        `function merge(a, b) { for (const k in b) { if (k === '__proto__') continue; a[k] = merge(a[k], b[k]); } }`, 'for (const k in b) { a[k] = b[k]; }', '_.merge({}, defaults, options)',
        'for (const k in b) { a[k] = convert(b[k]); }',
      ],
    },
  },
];

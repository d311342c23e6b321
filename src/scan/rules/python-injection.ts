import type { SgNode } from '@ast-grep/napi';
import { DATA_NAME, LITERAL_EVAL, PYTHON_COMMAND, SAFE_YAML } from '../fix/python-command.js';
import { PYTHON_SQL } from '../fix/python-sql.js';
import type { ShapeRule } from '../rule.js';
import { assigned, keyword, PY_REQUEST_HINT, pyBuilt, pyCall, pyNotLiteral, pyRequest } from './python-shape.js';

const SQL = /\b(?:select\s[\s\S]+\sfrom|insert\s+(?:or\s+\w+\s+)?into|update\s[\s\S]+\sset|delete\s+from|drop\s+table|where|order\s+by|alter\s+table)\b/i;
/** Parts of a statement that cannot be parameters, and lists of placeholders. */
const NAME_PART = /quote|escape|ident|schema|table|column|placeholder|fields?\b|\bcols?\b|sql\.|clause|_sql\b|model|opts/i;
const RUN = '^(subprocess|sp)\\.(run|call|Popen|check_output|check_call|getoutput|getstatusoutput)$|^(Popen|check_output|check_call)$';

/** Rules for Python about text that becomes a command, code or a query. */
export const PYTHON_INJECTION: readonly ShapeRule[] = [
  {
    id: 'py/command-injection', title: 'Shell command built from text', cwe: 78, severity: 9.8, level: 'error',
    hint: /shell|os\.|commands|getoutput/,
    message: 'A shell runs this text, so a value in it can add commands. Give subprocess.run a list of arguments and no shell=True.',
    help: 'Give subprocess.run a list of arguments and no shell=True.',
    match: {
      any: [
        { all: [pyCall(RUN), keyword('shell', '^True$')] }, pyCall('^(subprocess|sp|commands)\\.(getoutput|getstatusoutput)$'), pyCall('^os\\.(system|popen)$'),
      ],
    },
    accept: (node) => {
      const text = firstArgument(node);
      return text !== undefined && (assigned(text).matches({ rule: pyBuilt }) || text.matches({ rule: pyRequest })) && !/shlex\.quote|\bquote\(|pipes\.quote/.test(assigned(text).text());
    },
    examples: {
      must: ['subprocess.run(f"ls {path}", shell=True)\n', 'os.system("rm -r " + folder)\n', 'subprocess.check_output("git log %s" % ref, shell=True)\n', 'os.popen("cat {}".format(name))\n', 'def f(n):\n    cmd = f"ping {n}"\n    subprocess.call(cmd, shell=True)\n', 'os.system(request.args["c"])\n'],
      mustNot: ['subprocess.run(["ls", path])\n', 'os.system("ls")\n', 'subprocess.run(f"ls {path}".split())\n', 'subprocess.run("ls", shell=True)\n', 'os.system(f"ls {DIR}")\n', 'subprocess.run(f"ls {shlex.quote(path)}", shell=True)\n'],
    },
    fix: PYTHON_COMMAND,
  },
  {
    id: 'py/sql-injection', title: 'SQL built from text', cwe: 89, severity: 9.8, level: 'error',
    hint: /\b(?:select|insert|update|delete|drop|where|order|alter)\s/i,
    message: 'A value becomes part of the SQL text. Pass it as a parameter (?, %s), which the driver keeps apart from the statement.',
    help: 'Pass values as parameters (?, %s), which the driver keeps apart from the statement.',
    match: pyCall('\\.(execute|executemany|executescript|raw|mogrify|execute_sql|fetch|fetchrow|fetchall|fetchval|fetch_all|fetch_one|read_sql|read_sql_query)$'),
    accept: (node) => {
      const text = firstArgument(node);
      const value = text === undefined ? undefined : assigned(text);
      return value?.matches({ rule: pyBuilt }) === true && SQL.test(value.text()) && holesOf(value).some((hole) => !NAME_PART.test(hole) && /[a-z]/.test(hole));
    },
    examples: {
      must: [
        'cur.execute(f"select * from t where id = {user_id}")\n', 'cur.execute("select * from t where n = \'%s\'" % name)\n', 'cur.execute("delete from t where n = \'" + name + "\'")\n', 'cur.execute("update t set a = {}".format(a))\n',
        'def f(n):\n    q = f"select * from t where n = \'{n}\'"\n    cur.execute(q)\n',
      ],
      mustNot: ['cur.execute("select * from t where id = ?", (user_id,))\n', 'cur.execute(f"select * from {table} where id = ?", (i,))\n', 'cur.execute("select * from t where id = %s", (i,))\n', 'cur.execute(query)\n', 'job.execute(f"step {n}")\n', 'cur.execute(f"select a from t where id in ({placeholders})", ids)\n'],
    },
    fix: PYTHON_SQL,
  },
  {
    id: 'py/code-injection', title: 'Text run as code', cwe: 95, severity: 9.3, level: 'warning',
    hint: /\b(?:eval|exec)\(/,
    message: 'This runs text as code. Read data with json or ast.literal_eval, or choose among functions that you name yourself.',
    help: 'Read data with json or ast.literal_eval, or choose among functions that you name yourself.',
    match: pyCall('^(eval|exec)$', pyNotLiteral),
    // Code that was compiled, or that is given its own namespace, is meant to be code.
    accept: (node) => {
      const [text, ...rest] = node.field('arguments')?.namedChildren() ?? [];
      return text !== undefined && (text.matches({ rule: pyRequest }) || /input\(|argv|environ|getenv/.test(text.text()) || (rest.length === 0 && /^eval/.test(node.text()) && (DATA_NAME.test(text.text()) || text.matches({ rule: pyBuilt }))));
    },
    examples: { must: ['eval(request.args["q"])\n', 'eval(input("n: "))\n', 'x = eval(line)\n', 'exec(request.form["code"])\n', 'eval(f"{a} + {b}")\n'], mustNot: ['eval("1 + 1")\n', 'model.eval()\n', 'exec(compile(src, name, "exec"), ns)\n', 'ast.literal_eval(line)\n', 'eval(CODE)\n', 'eval(code, globals())\n'] },
    fix: LITERAL_EVAL,
  },
  {
    id: 'py/yaml-load', title: 'YAML that makes objects', cwe: 502, severity: 8.8, level: 'error',
    hint: /yaml/,
    message: 'A document can make any Python object and so run code. Use yaml.safe_load.',
    help: 'Use yaml.safe_load.',
    match: { any: [pyCall('^yaml\\.(load|load_all)$'), pyCall('^yaml\\.unsafe_load(_all)?$')] },
    accept: (node) => {
      const args = node.field('arguments')?.namedChildren() ?? [];
      const loader = args.find((a) => a.is('keyword_argument') && a.field('name')?.text() === 'Loader')?.field('value') ?? args.filter((a) => !a.is('keyword_argument'))[1];
      return args.length > 0 && (loader == null || /^(?:yaml\.)?(?:Unsafe|C)?Loader$/.test(loader.text()));
    },
    examples: { must: ['yaml.load(f)\n', 'yaml.load(f, Loader=yaml.Loader)\n', 'yaml.unsafe_load(text)\n', 'yaml.load_all(f, yaml.UnsafeLoader)\n'], mustNot: ['yaml.safe_load(f)\n', 'yaml.load(f, Loader=yaml.SafeLoader)\n', 'yaml.load(f, Loader=yaml.FullLoader)\n', 'yaml.load(f, MyLoader)\n'] },
    fix: SAFE_YAML,
  },
  {
    id: 'py/deserialization', title: 'Objects made from a request', cwe: 502, severity: 9.8, level: 'error',
    hint: /pickle|marshal|dill|shelve/,
    message: 'Who sends this can run code here. Send data as JSON, or sign it and check the signature first.',
    help: 'Send data as JSON, or sign it and check the signature before it is read.',
    match: pyCall('^(c?[pP]ickle|_pickle|dill|cloudpickle|marshal|jsonpickle)\\.(loads?|decode)$'),
    accept: (node) => /\brequest\.|\brecv\(|cookies|b64decode|websocket|message\.(?:data|body)/i.test(node.text()),
    examples: { must: ['pickle.loads(request.data)\n', 'pickle.loads(base64.b64decode(token))\n', 'marshal.loads(sock.recv(4096))\n'], mustNot: ['pickle.load(f)\n', 'json.loads(request.data)\n', 'pickle.dumps(request.data)\n'] },
  },
  {
    id: 'py/pickle', title: 'Objects made from bytes', cwe: 502, severity: 5, level: 'note',
    hint: /pickle|marshal|dill/,
    message: 'Who can write these bytes can run code here. Where they may come from elsewhere, use JSON or check a signature first.',
    help: 'Where the bytes may come from elsewhere, use JSON or check a signature first.',
    match: pyCall('^(c?[pP]ickle|_pickle|dill|cloudpickle|marshal|jsonpickle)\\.(loads?|decode)$'),
    examples: { must: ['pickle.load(f)\n'], mustNot: ['json.load(f)\n', 'pickle.dump(x, f)\n'] },
  },
  {
    id: 'py/template-injection', title: 'Template made from a request', cwe: 1336, severity: 9.8, level: 'error',
    hint: /render_template_string|Template|from_string/,
    message: 'Who writes the template runs code here. Keep the template fixed and pass the values to it.',
    help: 'Keep the template fixed and pass values to it by name.',
    match: { any: [pyCall('(^|\\.)render_template_string$', { any: [pyBuilt, pyRequest] }), pyCall('(^|\\.)(Template|from_string)$', pyRequest)] },
    examples: { must: ['render_template_string(f"<p>{name}</p>")\n', 'Template(request.args["t"]).render()\n'], mustNot: ['render_template_string("<p>{{ name }}</p>", name=name)\n', 'render_template("a.html", name=name)\n', 'Template(text)\n'] },
  },
  {
    id: 'py/nosql-injection', title: 'Request object used as a database filter', cwe: 943, severity: 8.1, level: 'error',
    hint: PY_REQUEST_HINT,
    message: 'The whole filter comes from the request, so it may hold operators such as $ne. Build the filter field by field, each as a string.',
    help: 'Build the filter field by field and make each value a string.',
    match: pyCall('\\.(find|find_one|delete_one|delete_many|update_one|update_many|count_documents)$', { regex: '^request\\.(json|form|args|get_json\\([^)]*\\))$' }),
    examples: { must: ['users.find_one(request.json)\n', 'db.u.delete_many(request.get_json())\n'], mustNot: ['users.find_one({"name": str(request.json["name"])})\n'] },
  },
];

function firstArgument(call: SgNode): SgNode | undefined {
  return call.field('arguments')?.namedChildren().find((child) => !child.is('comment'));
}

/** Text of each value in what is built. */
function holesOf(value: SgNode): readonly string[] {
  const holes = value.findAll({ rule: { kind: 'interpolation' } });
  if (holes.length > 0) return holes.map((h) => h.text());
  if (value.is('call')) return value.field('arguments')?.namedChildren().map((a) => a.text()) ?? [];
  if (value.is('binary_operator') && value.field('operator')?.text() === '%') return [value.field('right')?.text() ?? ''];
  return value.findAll({ rule: { any: [{ kind: 'identifier' }] } }).map((n) => n.parent()?.is('attribute') === true ? n.parent()?.text() ?? '' : n.text());
}

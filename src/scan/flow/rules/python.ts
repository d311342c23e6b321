import { type CallSite, type FlowRule, isLiteral, type Site } from '../rule.js';
import { type Danger, harmless, type Mark, open, partsOf, type Value } from '../value.js';
import { openOf } from './terms.js';

/** A statement of SQL from its beginning. */
const STATEMENT = /^[\s(]*(?:select\s|insert\s|update\s+\S+\s+set\b|update\s+\uFFFC|delete\s+from\b|replace\s+into\b|create\s+(?:table|index|user|role|database|view|or|temp)|alter\s|drop\s+(?:table|database|index|user|role|view)|truncate\s|call\s+\w|exec(?:ute)?\s+\w|copy\s+\w|grant\s|merge\s+into|with\s+\w+\s+as\b|set\s+\w+\s*=|lock\s+tables|use\s|show\s|describe\s|where\s|and\s+\w+\s*=)/i;
/** What stands before the name of a table or a column. */
const BEFORE_NAME = /(?:\bfrom|\binto|\bupdate|\btable|\bjoin|\border\s+by|\bgroup\s+by|\bindex|\bdatabase|\bselect|\bdistinct|\bschema|\bon|\bset|\bas|,|\.|\(|\buse|\bdescribe|\bcolumn|\bexists|\bviews?|\bby|\bsequence)\s*["`[]?$/i;
const TELLS = /^(?:log|logger|logging|debug|info|warn|warning|error|exception|critical|print|pprint|write_log|trace|Exception|ValueError|RuntimeError|\w*Error|\w*Exception|_|gettext|ugettext|format|join|append|replace|strip|split|lower|upper|encode|decode|startswith|endswith|len|str|repr|isinstance|dedent|add_argument|assertEqual|assertIn|assert_\w+|fail|skip|yield|msg|message|notify|reply|send_message|say|echo|secho)$/;
const SQL_NAME = /(?:^|_|\.)(?:execute|executemany|executescript|query|exec|raw|sql|cursor|db|fetch\w*|select|run_command|run_query|do_query|queryDB|get_data|read_sql\w*|scalar|prepare)/i;

interface Hole {
  readonly marks: readonly Mark[];
  readonly before: string;
  readonly after: string;
}

/** Holes of a text whose value is not known to be harmless. */
function unknownHoles(value: Value, danger: Danger, site: Site): readonly Hole[] {
  const parts = partsOf(value) ?? [];
  const text = (all: readonly (string | Value)[]): string => all.map((one) => (typeof one === 'string' ? one : '\uFFFC')).join('');
  return parts.flatMap((part, i) => {
    if (typeof part === 'string' || harmless(part, danger) || /(?:^#|\.)[A-Z][A-Z0-9_]+$/.test(part.api ?? '')) return [];
    const marks = open(part, danger).filter((mark) => mark.kind !== 'environment');
    // In a package only data from outside counts; what is not known is a rule by shape's.
    if (site.mode === 'package' && marks.every((mark) => mark.kind === 'parameter')) return [];
    return [{ marks, before: text(parts.slice(0, i)), after: text(parts.slice(i + 1)) }];
  });
}

const skeletonOf = (value: Value): string => (partsOf(value) ?? []).map((part) => (typeof part === 'string' ? part : '\uFFFC')).join('');

/** The dangerous part of a statement: a value, or a name that somebody outside chooses. */
function sqlHole(value: Value, site: Site): Hole | undefined {
  if (value.parts === undefined || !STATEMENT.test(skeletonOf(value))) return undefined;
  return unknownHoles(value, 'sql', site).find(({ before, marks }) => !BEFORE_NAME.test(before) || /(?:values?\s*\(|\bin\s*\(|=\s*\w*\()[^)]*$/i.test(before) || marks.some((mark) => mark.kind === 'request'));
}

const SHELL_CALLS = /^(?:os\.(?:system|popen\d?)|commands\.getoutput|commands\.getstatusoutput|popen2\.\w+|subprocess\.(?:getoutput|getstatusoutput))$/;
const PROCESS_CALLS = /^subprocess\.(?:call|check_call|check_output|run|Popen)$|^asyncio\.create_subprocess_shell$/;
/** Functions of a project that hand a text to a shell, by what people call them. */
const RUNS = /(?:^|_)(?:ssh|shell|cmd|command|cli|system|popen|run_?cmd|exec_?cmd|exec_?command|run_?command|execute_?command|getoutput|getstatusoutput|sudo|bash|remote|rcmd|check_output|local|run_ssh|cli_run|ssh_exec)(?:_|$)|^(?:run|_?execute|call|sh|do_cmd|shell_exec|_?eval_cmd|invoke)$/i;

function commandText(site: CallSite): Value | undefined {
  const first = site.args[0]?.value;
  if (first === undefined) return undefined;
  if (SHELL_CALLS.test(site.api) || site.api === 'asyncio.create_subprocess_shell') return first;
  return PROCESS_CALLS.test(site.api) && isLiteral(site.option('shell'), true, 1) ? first : undefined;
}

export const FLOW_PYTHON: readonly FlowRule[] = [
  {
    id: 'py/sql-injection', title: 'SQL built from text', cwe: 89, severity: 9.8, level: 'error',
    message: 'A value becomes part of this SQL, so that it can change the statement. Pass it as a parameter.',
    help: 'Pass values as parameters (`?`, `%s`) in the second argument; check names of tables and columns against a list.',
    call(site) {
      if (TELLS.test(site.name) && !/execute|query/.test(site.name)) return;
      for (const { value } of site.args.slice(0, 3)) {
        const hole = sqlHole(value, site);
        if (/^(?:execute|executemany|executescript|raw)$/.test(site.name)) site.look(value, 'sql');
        if (hole === undefined || (site.mode === 'package' && !SQL_NAME.test(site.name))) continue;
        return site.report({ marks: hole.marks });
      }
    },
    bind(site) {
      if (site.how !== 'return' || site.mode === 'package') return;
      const hole = sqlHole(site.bound, site);
      if (hole !== undefined && /['"=]\s*$|\blike\s*$|values?\s*\(/i.test(hole.before)) site.report({ marks: hole.marks });
    },
    examples: {
      must: [`def f(cursor, name):\n    cursor.execute("SELECT a FROM b WHERE name = '%s'" % name)\n`, `def f(db, scene):\n    sql = "select a from b where scene='{}'".format(scene)\n    return db.exec(sql)\n`, `def f(self, tag):\n    q = "SELECT tag FROM tags WHERE rowid = '" + str(tag) + "'"\n    self.query(q)\n`, `def f(c, x):\n    c.execute(f"DELETE FROM a WHERE id = {x}")\n`],
      mustNot: [`def f(cursor, name):\n    cursor.execute("SELECT a FROM b WHERE name = %s", (name,))\n`, `def f(c, x):\n    c.execute("DELETE FROM a WHERE id = %d" % int(x))\n`, `TABLE = 'a'\ndef f(c, x):\n    c.execute("SELECT a FROM {} WHERE id = ?".format(TABLE), (x,))\n`, `def f(log, x):\n    log.info("select %s from the list" % x)\n`, `def f(c, ids):\n    marks = ','.join('?' for _ in ids)\n    c.execute("SELECT a FROM b WHERE id IN (%s)" % marks, ids)\n`],
    },
  },
  {
    id: 'py/command-injection', title: 'Shell command built from text', cwe: 78, severity: 9.8, level: 'error',
    message: 'A shell runs this text, so that a value in it can add commands. Give a list of arguments, and no shell.',
    help: 'Give subprocess a list of arguments and no `shell=True`; quote with shlex.quote where a shell is needed.',
    call(site) {
      const text = commandText(site);
      if (text !== undefined) {
        const marks = openOf(text, 'command');
        const holes = unknownHoles(text, 'command', site);
        site.look(text, 'command');
        if (holes.length > 0 || (marks.length > 0 && site.mode === 'fragment')) site.report({ marks: holes[0]?.marks ?? marks });
        return;
      }
      if (site.mode === 'package' || !RUNS.test(site.name) || TELLS.test(site.name)) return;
      for (const { value } of site.args.slice(0, 2)) {
        if (value.parts === undefined || !/^[\w./\uFFFC-]+ /.test(skeletonOf(value)) || STATEMENT.test(skeletonOf(value))) continue;
        const hole = unknownHoles(value, 'command', site)[0];
        if (hole !== undefined) return site.report({ marks: hole.marks });
      }
    },
    examples: {
      must: [`import os\ndef f(name):\n    os.system("ls %s" % name)\n`, `import subprocess\ndef f(x):\n    subprocess.call("javac tmp/%s" % x, shell=True)\n`, `def f(self, host, name):\n    cmd = 'svctask mkhost -name %s' % name\n    self._run_ssh(cmd)\n`, `import subprocess\ndef f(cmd):\n    return subprocess.check_output(cmd, shell=True)\n`],
      mustNot: [`import subprocess\ndef f(x):\n    subprocess.call(['javac', x])\n`, `import os\nos.system("ls -l")\n`, `import subprocess, shlex\ndef f(x):\n    subprocess.call("ls " + shlex.quote(x), shell=True)\n`, `def f(self, name):\n    self._run_ssh(['svctask', name])\n`],
    },
  },
  {
    id: 'py/code-injection', title: 'Text run as code', cwe: 95, severity: 9.3, level: 'error',
    message: 'This text is run as code. Parse data with json or ast.literal_eval, or choose among functions that you name yourself.',
    help: 'Parse data with json or ast.literal_eval, or choose among functions that you name yourself.',
    call(site) {
      if (!/^#(?:eval|exec|execfile|compile)$/.test(site.api) || site.args[0] === undefined) return;
      const marks = openOf(site.args[0].value, 'code');
      site.look(site.args[0].value, 'code');
      if (marks.length > 0) site.report({ marks });
    },
    examples: { must: [`def f(text):\n    return eval(text)\n`, `def f(request):\n    exec(request.POST['code'])\n`], mustNot: [`eval("1 + 1")\n`, `import ast\ndef f(t):\n    return ast.literal_eval(t)\n`] },
  },
  {
    id: 'py/markup', title: 'Text becomes markup', cwe: 79, severity: 6.1, level: 'warning',
    message: 'A value becomes markup without escaping, so that it can run scripts. Use format_html, a template that escapes, or html.escape.',
    help: 'Use format_html or a template engine that escapes, or html.escape for each value.',
    call(site) {
      const trusts = /^(?:mark_safe|Markup|SafeString|SafeText|SafeUnicode|HTML|literal|safe)$/.test(site.name);
      const sends = /^(?:HttpResponse|HttpResponseBadRequest|HttpResponseNotFound|HttpResponseForbidden|HTMLResponse|make_response|write|respond|render_template_string|Response|send_html|set_content)$/.test(site.name);
      const value = site.args[0]?.value;
      if ((!trusts && !sends) || value === undefined) return;
      const markup = /<\s*\/?[a-z!]/i.test(skeletonOf(value));
      const holes = unknownHoles(value, 'html', site);
      if (trusts && (holes.length > 0 || (value.parts === undefined && openOf(value, 'html').length > 0 && site.mode === 'fragment'))) return site.report({ marks: holes[0]?.marks ?? openOf(value, 'html') });
      if (sends && markup && holes.length > 0) return site.report({ marks: holes[0]?.marks ?? [] });
      const reflected = sends && site.name !== 'Response' ? openOf(value, 'html', ['request']) : [];
      if (reflected.length > 0 && value.kind !== 'object') site.report({ marks: reflected });
    },
    bind(site) {
      if (site.how !== 'return' || site.mode === 'package' || site.bound.parts === undefined) return;
      if (!/<(?:a|img|div|span|p|b|i|li|ul|td|tr|h\d|input|script|form|option|button|label|html|body|code|pre|strong|em|iframe|link|svg|br)\b[^<>]*[>\uFFFC]/i.test(skeletonOf(site.bound))) return;
      const hole = unknownHoles(site.bound, 'html', site)[0];
      if (hole !== undefined) site.report({ marks: hole.marks });
    },
    examples: {
      must: [`from django.utils.safestring import mark_safe\ndef f(user):\n    return mark_safe('<b>%s</b>' % user.name)\n`, `def tag(url, title):\n    return '<a href="%s">%s</a>' % (url, title)\n`],
      mustNot: [`from django.utils.html import format_html\ndef f(user):\n    return format_html('<b>{}</b>', user.name)\n`, `from html import escape\ndef tag(title):\n    return '<b>%s</b>' % escape(title)\n`],
    },
  },
  {
    id: 'py/path-traversal', title: 'Path from a request', cwe: 22, severity: 7.5, level: 'error',
    message: '%s becomes part of this path, so that `..` or an absolute path leads out of the folder. Resolve it and check that it lies in the folder, or take its basename.',
    help: 'Resolve the path and check that it lies in the folder (commonpath), or use secure_filename.',
    call(site) {
      const files = /^(?:#open|io\.open|os\.(?:remove|unlink|listdir|rmdir|mkdir|makedirs|rename|stat|open|chmod|walk|scandir|startfile)|shutil\.\w+|flask\.(?:send_file)|#send_file|codecs\.open|pathlib\.Path|os\.path\.(?:isfile|isdir|exists)|#file|zipfile\.ZipFile|tarfile\.open|aiofiles\.open)$/.test(site.api) || /^(?:send_file|FileResponse|static_file|serve_file|read_file|write_file)$/.test(site.name);
      if (!files && site.mode === 'fragment' && !/^(?:os\.path|posixpath|re|#str)\b/.test(site.api) && !TELLS.test(site.name)) {
        // Whatever takes a path below a folder that was made of what a caller gave.
        const marks = site.args.filter((arg) => arg.value.tags?.includes('joined path') === true).flatMap((arg) => openOf(arg.value, 'path', ['request', 'parameter']));
        if (marks.length > 0) site.report({ marks });
        return;
      }
      if (!files || site.args[0] === undefined) return;
      const { value } = site.args[0];
      const marks = openOf(value, 'path', site.mode === 'fragment' ? ['request', 'parameter', 'message'] : ['request', 'message']);
      // A function may open what its caller names; below a folder of its own it may not open another.
      const below = marks.filter((mark) => mark.kind !== 'parameter' || (partsOf(value) ?? []).some((part, i) => i > 0 && typeof part !== 'string' && part.marks.some((one) => one.what === mark.what)));
      site.look(value, 'path');
      if (below.length > 0) site.report({ marks: below });
    },
    examples: {
      must: [`import os\ndef f(request):\n    return open(os.path.join('/srv', request.GET['name'])).read()\n`, `import os\nROOT = '/srv'\ndef read(name):\n    with open(os.path.join(ROOT, name)) as f:\n        return f.read()\n`],
      mustNot: [`import os\ndef read(name):\n    return open(os.path.join('/srv', os.path.basename(name))).read()\n`, `def read(path):\n    return open(path).read()\n`, `import os\nROOT = '/srv/'\ndef read(name):\n    p = os.path.realpath(os.path.join(ROOT, name))\n    if not p.startswith(ROOT):\n        raise ValueError()\n    return open(p).read()\n`],
    },
  },
];


import { AUTOESCAPE_ON, DEBUG_OFF, DATA_FILTER, ESCAPE_MARKUP } from '../fix/python-web.js';
import type { ShapeRule } from '../rule.js';
import { keyword, PY_REQUEST_HINT, pyBuilt, pyCall, pyRequest } from './python-shape.js';

/** Rules for Python about requests, files and what is sent back. */
export const PYTHON_WEB: readonly ShapeRule[] = [
  {
    id: 'py/path-traversal', title: 'Path from a request', cwe: 22, severity: 7.5, level: 'error',
    hint: PY_REQUEST_HINT,
    message: 'A request names a file, and "../" leads out of the folder. Use send_from_directory or secure_filename, or refuse what does not resolve below the folder.',
    help: 'Use send_from_directory or secure_filename, or refuse what does not resolve below the folder.',
    match: { any: [pyCall('^(open|io\\.open|os\\.(remove|unlink|listdir|rmdir)|shutil\\.(rmtree|copy\\w*|move)|send_file|FileResponse|Path|pathlib\\.Path)$', pyRequest), pyCall('^os\\.path\\.join$', pyRequest, null)] },
    accept: (node) => !/secure_filename|basename|safe_join|sanit|\.name\b/.test(node.text()),
    examples: { must: ['open(request.args["f"])\n', 'open(os.path.join(ROOT, request.args.get("f")))\n', 'send_file("/data/" + request.args["f"])\n'], mustNot: ['open("a")\n', 'open(os.path.join(ROOT, secure_filename(request.args["f"])))\n', 'open(path)\n'] },
  },
  {
    id: 'py/reflected-xss', title: 'Request data sent back as a page', cwe: 79, severity: 6.1, level: 'error',
    hint: PY_REQUEST_HINT,
    message: 'Data of the request is sent back as it came, and a browser may run it. Escape it with markupsafe.escape, or use a template.',
    help: 'Escape it with markupsafe.escape, or use a template that escapes.',
    match: { any: [{ kind: 'return_statement', has: { all: [pyBuilt, pyRequest] } }, pyCall('^(make_response|Response|HttpResponse|HTMLResponse|Markup|mark_safe)$', { all: [{ any: [pyBuilt, { kind: 'call' }, { kind: 'subscript' }] }, pyRequest] })] },
    accept: (node) => (!node.is('return_statement') || /<\w|<\//.test(node.text())) && !/escape|sanit|clean\(|bleach|json|render_template/i.test(node.text()),
    examples: {
      must: ['def f():\n    return f"<h1>{request.args[\'q\']}</h1>"\n', 'def f():\n    return "<p>" + request.form["n"]\n', 'HttpResponse(request.GET["q"])\n'],
      mustNot: ['def f():\n    return f"<h1>{escape(request.args[\'q\'])}</h1>"\n', 'def f():\n    return {"q": request.args["q"]}\n', 'def f():\n    return f"{request.args[\'q\']}"\n', 'HttpResponse("ok")\n'],
    },
    fix: ESCAPE_MARKUP,
  },
  {
    id: 'py/open-redirect', title: 'Redirect to an address from a request', cwe: 601, severity: 6.1, level: 'error',
    hint: PY_REQUEST_HINT,
    message: 'A request chooses where the browser goes next. Allow paths of your own site only, or look the target up in a list.',
    help: 'Allow paths of your own site only, or look the target up in a list.',
    match: pyCall('^(flask\\.)?(redirect|HttpResponseRedirect|RedirectResponse)$', pyRequest),
    accept: (node) => !/url_for\(|(?:safe|valid|allowed|local)\w*\(|^\w+\(f?["']\/[^/{]/i.test(node.text()),
    examples: { must: ['redirect(request.args.get("next"))\n', 'HttpResponseRedirect(request.GET["next"])\n'], mustNot: ['redirect("/home")\n', 'redirect(url_for("user", id=request.args["id"]))\n', 'redirect(target)\n'] },
  },
  {
    id: 'py/ssrf', title: 'Server fetches an address from a request', cwe: 918, severity: 8.6, level: 'error',
    hint: PY_REQUEST_HINT,
    message: 'A request chooses what this server fetches, also inside your network. Compare the host with a list, after resolving it.',
    help: 'Compare the host with a list of allowed ones, after resolving it.',
    match: pyCall('^(requests|httpx)\\.(get|post|put|patch|delete|head|request)$|^(urllib\\.request\\.)?urlopen$', pyRequest),
    accept: (node) => !/^[\w.]+\(f?["']https?:\/\/[^/{"']+\//.test(node.text()),
    examples: { must: ['requests.get(request.args["url"])\n', 'urllib.request.urlopen(request.form["u"])\n'], mustNot: ['requests.get("https://api.example.com/x")\n', 'requests.get(f"https://api.example.com/u/{request.args[\'id\']}")\n', 'requests.get(url)\n'] },
  },
  {
    id: 'py/debug-server', title: 'Debugger on for everybody', cwe: 489, severity: 7.2, level: 'warning',
    hint: /debug\s*=\s*True/,
    message: 'The debugger of the development server runs code for whoever reaches it. Leave debug out, or read it from the environment.',
    help: 'Leave debug out, or read it from the environment.',
    match: { all: [pyCall('^(app|application|server|socketio)\\.run$'), keyword('debug', '^True$')] },
    examples: { must: ['app.run(debug=True)\n', 'app.run(host="127.0.0.1", debug=True)\n'], mustNot: ['app.run()\n', 'app.run(debug=DEBUG)\n', 'task.run(debug=True)\n'] },
    fix: DEBUG_OFF,
  },
  {
    id: 'py/autoescape-off', title: 'Templates that do not escape', cwe: 79, severity: 6.1, level: 'warning',
    hint: /autoescape/,
    message: 'Values become markup in these templates. Set autoescape=True or select_autoescape().',
    help: 'Set autoescape=True, or select_autoescape() for templates of several kinds.',
    match: { all: [pyCall('(^|\\.)(Environment|Template|SandboxedEnvironment|Jinja2Templates)$'), keyword('autoescape', '^False$')] },
    examples: { must: ['Environment(loader=l, autoescape=False)\n', 'jinja2.Environment(autoescape=False)\n'], mustNot: ['Environment(autoescape=True)\n', 'Environment(loader=l)\n', 'Environment(autoescape=select_autoescape())\n'] },
    fix: AUTOESCAPE_ON,
  },
  {
    id: 'py/tar-extract', title: 'Archive that writes where it likes', cwe: 22, severity: 7.5, level: 'warning',
    hint: /tarfile/,
    message: 'Members named "../x" or links lead out of the folder. Pass filter="data".',
    help: 'Pass filter="data" (Python 3.12, and the security releases of 3.8 to 3.11).',
    match: pyCall('\\.extractall$'),
    accept: (node) => !/\b(?:filter|members)\s*=/.test(node.text()) && /(?:^|[^a-z])(?:tar|tf|tgz|t|archive)\w*(?:(?:\.open)?\(.*\))?\.extractall$/is.test(node.field('function')?.text() ?? '') && !/zip/i.test(node.field('function')?.text() ?? ''),
    examples: { must: ['import tarfile\ntar.extractall(path)\n', 'import tarfile\ntarfile.open(f).extractall()\n'], mustNot: ['import tarfile\ntar.extractall(path, filter="data")\n', 'import tarfile\nzip_file.extractall(path)\n', 'tar.extractall(path)\n'] },
    fix: DATA_FILTER,
  },
  {
    id: 'py/xml-entities', title: 'XML from a request', cwe: 611, severity: 6.5, level: 'warning',
    hint: /\b(?:ET|etree|ElementTree|minidom|sax|pulldom)\b/,
    message: 'Entities in this document can use up memory, and with some parsers read files. Parse it with defusedxml.',
    help: 'Parse documents of others with defusedxml.',
    match: pyCall('(^|\\.)(ET|etree|ElementTree|minidom|sax|pulldom)\\.(parse|fromstring|parseString|XML|iterparse)$', pyRequest),
    examples: { must: ['ET.fromstring(request.data)\n', 'xml.dom.minidom.parseString(request.get_data())\n'], mustNot: ['ET.parse("a.xml")\n', 'ET.fromstring(text)\n'] },
  },
  {
    id: 'py/assert-guard', title: 'Guard that can be compiled away', cwe: 617, severity: 5, level: 'note',
    hint: /\bassert\b/,
    message: 'python -O leaves asserts out, and this one guards something. Raise an exception instead.',
    help: 'Raise an exception instead of asserting.',
    match: { kind: 'assert_statement', regex: 'is_admin|is_authenticated|is_superuser|is_staff|has_perm|permission|authori[sz]ed|\\bis_owner' },
    examples: { must: ['assert user.is_admin\n', 'assert request.user.has_perm("x"), "no"\n'], mustNot: ['assert x is not None\n', 'if not user.is_admin:\n    raise Forbidden()\n'] },
  },
  {
    id: 'py/bind-all', title: 'Server on every interface', cwe: 1327, severity: 4, level: 'note',
    hint: /0\.0\.0\.0/,
    message: 'Every network that this machine is in can reach this server. Bind to 127.0.0.1 where that is not meant.',
    help: 'Bind to 127.0.0.1 where others need not reach the server.',
    match: { any: [{ all: [pyCall('\\.(run|serve|run_app)$|^(run|serve)$'), keyword('host', '^["\']0\\.0\\.0\\.0["\']$')] }, pyCall('\\.bind$', { regex: '^\\(["\'](0\\.0\\.0\\.0)?["\'],' })] },
    examples: { must: ['app.run(host="0.0.0.0")\n', 's.bind(("0.0.0.0", 80))\n'], mustNot: ['app.run(host="127.0.0.1")\n', 's.bind(("localhost", 80))\n'] },
  },
  {
    id: 'py/world-writable', title: 'File that everybody may write', cwe: 732, severity: 5.5, level: 'warning',
    hint: /chmod/,
    message: 'Every user of this machine may change this file. Leave write to its owner: 0o755 or 0o644.',
    help: 'Leave write to the owner: 0o755 for folders and programs, 0o644 for other files.',
    match: { any: [pyCall('^os\\.(chmod|fchmod)$', { regex: '^0o?[0-7]?[0-7]{2}[2367]$' }, 2), pyCall('\\.chmod$', { regex: '^0o[0-7]?[0-7]{2}[2367]$' })] },
    examples: { must: ['os.chmod(p, 0o777)\n', 'path.chmod(0o666)\n'], mustNot: ['os.chmod(p, 0o755)\n', 'os.chmod(p, 0o1755)\n', 'os.chmod(p, mode)\n'] },
    fix: {
      title: 'Leave write to the owner',
      edits: (node) => {
        const mode = node.field('arguments')?.namedChildren().find((a) => /^0o(?:777|666)$/.test(a.text()));
        return mode === undefined ? null : [{ start: mode.range().start.index, end: mode.range().end.index, text: mode.text() === '0o777' ? '0o755' : '0o644' }];
      },
      examples: { mustChange: [['os.chmod(p, 0o777)\n', 'os.chmod(p, 0o755)\n'], ['path.chmod(0o666)\n', 'path.chmod(0o644)\n']], mustNotChange: ['os.chmod(p, 0o1777)\n', 'os.chmod(p, 0o772)\n'] },
    },
  },
];


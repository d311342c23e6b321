import type { SgNode } from '@ast-grep/napi';
import { HTTP_ONLY, INSIDE_PARAMETER, OUTSIDE_NAME } from '../fix/express.js';
import { call, type ShapeRule } from '../rule.js';

const FILE_CALL = '(^|\\.)(readFile|readFileSync|createReadStream|writeFile|writeFileSync|createWriteStream|appendFile|appendFileSync|unlink|unlinkSync|sendFile|download)$';
const JOIN = '^path\\.(join|resolve)$';
const FUNCTIONS: ReadonlySet<string> = new Set(['function_declaration', 'function_expression', 'arrow_function', 'method_definition']);
const SESSION = /sess|\bsid\b|token|auth|jwt|login|remember|identity|credential/i;
/** Tokens against forged requests are read by scripts on purpose. */
const FOR_SCRIPTS = /csrf|xsrf/i;
const ROUTE = '^(app|router|\\w*[rR]outer|\\w*[aA]pp|api|server|routes)\\.(get|post|put|patch|delete)$';
/** Middleware that lets some people through, by the names people give it. */
const GUARD = /(?:^|\.)(?:(?:require|ensure|must|needs?|only|assert)(?:[A-Z_]\w*)?|is(?:Auth|Admin|Logged|Owner|Signed|User)\w*|\w*auth(?!or(?!i))\w*|\w*(?:admin|logged_?in|signed_?in|permission|protect|guard|role|jwt|acl|rbac|session_?required)\w*)$/i;
const PUBLIC = /log-?in|log-?out|sign-?(?:in|up|out|off)|regist|reset|forgot|recover|password|hook|callback|token|refresh|verif|confirm|health|public|contact|subscribe|csp|metrics|oauth|saml|auth|session|track|search|ping/i;
/** A handler that looks at who asks. */
const ASKS_ITSELF = /\b(?:req|request)\.(?:user|session|auth|isAuthenticated|account|admin)\b|\b40[13]\b|\b(?:authori[sz]e|authenticate|require(?:User|Admin|Auth|Login)|checkPermission|can)\w*\(|x-api-key|authorization|signature/i;

/** Characters of a file whose routes are compared with each other. */
const LONG = 200_000;

/** Rules about express applications, and about functions that such applications call. */
export const EXPRESS: readonly ShapeRule[] = [
  {
    id: 'js/path-parameter', title: 'Path from a name that a caller gives', cwe: 22, severity: 6.5, level: 'warning',
    hint: /path\.(?:join|resolve)/,
    message: 'Where this name comes from outside, "../" leads out of the folder. Use path.basename for a name, or refuse what is not below the folder.',
    help: 'Use path.basename for a name, or resolve the path and refuse what is not below the folder.',
    match: call(FILE_CALL, { kind: 'call_expression', has: { field: 'function', regex: JOIN } }),
    // A function that is given the folder as well leaves the choice to its caller; paths by __dirname are mostly those of scripts and fixtures.
    accept: (node) => {
      const [root, ...parts] = node.field('arguments')?.namedChildren()[0]?.field('arguments')?.namedChildren() ?? [];
      const owner = node.ancestors().find((a) => FUNCTIONS.has(String(a.kind())));
      if (root === undefined || owner === undefined || /__dirname|import\.meta|cwd\(\)|fixture|test|tmp/i.test(root.text()) || checked(owner, node)) return false;
      const own = parametersOf(owner);
      return !own.has(/^\w+/.exec(root.text())?.[0] ?? '') && parts.some((part) => part.is('identifier') && own.has(part.text()) && OUTSIDE_NAME.test(part.text()));
    },
    examples: {
      must: [
        `const read = (name) => fs.readFileSync(path.join(root, 'invoices', name), 'utf8');`, `function save(fileName, text) { return fs.promises.writeFile(path.resolve(UPLOADS, fileName), text); }`, `class S { send(res, id) { res.sendFile(path.join(this.dir, id)); } }`,
      ],
      mustNot: [
        'function read(dir, name) { return fs.readFileSync(path.join(dir, name)); }', 'function read(name) { return fs.readFileSync(path.join(root, path.basename(name))); }', 'function load(name) { return fs.readFileSync(path.join(__dirname, name)); }',
        'function read() { return fs.readFileSync(path.join(root, name)); }', `function read(name) { if (!/^\\w+$/.test(name)) throw new Error('no'); return fs.readFileSync(path.join(root, name)); }`, 'function read(entry) { return fs.readFileSync(path.join(root, entry)); }',
      ],
    },
    fix: INSIDE_PARAMETER,
  },
  {
    id: 'js/insecure-cookie', title: 'Session cookie that scripts can read', cwe: 1004, severity: 5.4, level: 'warning',
    hint: /cookie/i,
    // `secure` is advice only: a test or a machine for development over plain http would lose the cookie.
    message: 'Scripts of the page can read this cookie. Set httpOnly: true and sameSite; where the site is served over https, also secure: true.',
    help: 'Set httpOnly: true and sameSite: "lax" (or "strict"); where the site is served over https, also secure: true.',
    match: call('^(res|response|reply)\\.(cookie|setCookie)$'),
    accept: (node) => {
      const [name, , options] = node.field('arguments')?.namedChildren().filter((child) => !child.is('comment')) ?? [];
      if (name === undefined || !SESSION.test(name.text()) || FOR_SCRIPTS.test(name.text())) return false;
      if (options === undefined) return true;
      if (!options.is('object')) return false;
      const pairs = options.namedChildren();
      const httpOnly = pairs.find((pair) => pair.is('pair') && /^["']?httpOnly["']?$/.test(pair.field('key')?.text() ?? ''))?.field('value');
      if (httpOnly != null) return /^(?:false|0|!1)$/.test(httpOnly.text());
      return !pairs.some((pair) => pair.is('spread_element') || pair.text() === 'httpOnly');
    },
    examples: {
      must: [`res.cookie('session', id)`, `res.cookie('auth_token', t, { httpOnly: false })`, `res.cookie("sid", s, { maxAge: 5, secure: true })`],
      mustNot: [`res.cookie('theme', 'dark')`, `res.cookie('session', id, { httpOnly: true })`, `res.cookie('session', id, options)`, `res.cookie('session', id, { ...defaults })`, `res.cookie('XSRF-TOKEN', t)`],
    },
    fix: HTTP_ONLY,
  },
  {
    id: 'js/missing-authorisation', title: 'Route without the guard of its neighbours', cwe: 862, severity: 8.2, level: 'warning',
    hint: /\.(?:post|put|patch|delete)\(/,
    message: 'This route changes something and asks nobody who they are, while others in this file do. Put the guard in front of its handler, or say why it needs none.',
    help: 'Put the guard that its neighbours have in front of the handler. Which one is right is for a person to say.',
    match: { all: [call(ROUTE, { any: [{ kind: 'string' }, { kind: 'template_string' }] }), call('\\.(post|put|patch|delete)$')] },
    accept: (node) => {
      const [path, ...handlers] = argumentsOf(node);
      const last = handlers.at(-1);
      if (path === undefined || last === undefined || PUBLIC.test(path.text()) || isGuarded(node) || ASKS_ITSELF.test(last.text())) return false;
      const root = node.ancestors().at(-1) ?? node;
      // The whole file is searched for every such route: in a very long one that would take the square of its length.
      if (root.range().end.index > LONG) return false;
      // A guard for all routes of the file may cover this one.
      if (root.findAll({ rule: call('\\.use$') }).some((use) => argumentsOf(use).some(isGuard))) return false;
      return root.findAll({ rule: call(ROUTE) }).filter(isGuarded).length >= 2;
    },
    examples: {
      must: [
        `app.post('/a', requireAdmin, a); app.put('/b', requireAdmin, b); app.delete('/products/:id', (req, res) => { remove(req.params.id); res.end(); });`,
        `router.get('/a', passport.authenticate('jwt'), a); router.post('/b', isLoggedIn, b); router.patch('/c', validate(body), c);`,
      ],
      mustNot: [
        `app.post('/a', requireAdmin, a); app.delete('/b', b);`, `app.post('/a', requireAdmin, a); app.put('/b', requireAdmin, b); app.post('/login', login);`,
        `router.use(requireUser); router.post('/a', requireAdmin, a); router.put('/b', requireAdmin, b); router.delete('/c', c);`, `app.post('/a', requireAdmin, a); app.put('/b', requireAdmin, b); app.get('/c', c);`,
        `app.post('/a', requireAdmin, a); app.put('/b', requireAdmin, b); app.delete('/c', (req, res) => { if (!req.user) return res.sendStatus(401); });`, `app.post('/a', author, a); app.put('/b', author, b); app.delete('/c', c);`,
      ],
    },
  },
];

/** True when the function looks at the parameter some other way before: a test, a comparison with the root, a name that cleans. */
function checked(owner: SgNode, node: SgNode): boolean {
  const before = owner.text().slice(0, Math.max(0, node.range().start.index - owner.range().start.index));
  return /\.test\(|\.match\(|startsWith\(|basename\(|includes\(|indexOf\(|normali[sz]e\(|sanit|valid|assert|relative\(|\.has\(/i.test(before);
}

function parametersOf(owner: SgNode): ReadonlySet<string> {
  const list = owner.field('parameters') ?? owner.field('parameter');
  if (list === null) return new Set();
  const names = list.is('identifier') ? [list] : list.findAll({ rule: { any: [{ kind: 'identifier' }, { kind: 'shorthand_property_identifier_pattern' }] } });
  return new Set(names.map((name) => name.text()));
}

function argumentsOf(node: SgNode): readonly SgNode[] {
  return node.field('arguments')?.namedChildren().filter((child) => !child.is('comment')) ?? [];
}

/** A route with a guard between its path and its handler. */
function isGuarded(route: SgNode): boolean {
  return argumentsOf(route).slice(1, -1).some(isGuard);
}

function isGuard(argument: SgNode): boolean {
  if (argument.is('array')) return argument.namedChildren().some(isGuard);
  const name = argument.is('call_expression') ? argument.field('function') : argument;
  return name !== null && (name.is('identifier') || name.is('member_expression')) && GUARD.test(name.text());
}

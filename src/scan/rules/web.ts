import { ESCAPE_HTML, LOCAL_REDIRECT } from '../fix/web.js';
import { PATH_INSIDE } from '../fix/paths.js';
import { call, fromRequest, notLiteral, REQUEST_HINT, type ShapeRule } from '../rule.js';

const ESCAPED = /\b\w*(?:escape|encode|sanit|purify)\w*\s*\(/i;

/** Functions that let only some targets through, by the names people give them. */
const LOCAL = /\b(?:local|safe|allowed|valid(?:ate)?|internal|relative|own|site)\w*(?:path|url|uri|redirect|target|return|next)\w*\s*\(/i;

/** Rules about requests and what is sent back. */
export const WEB: readonly ShapeRule[] = [
  {
    id: 'js/path-traversal', title: 'Path from a request', cwe: 22, severity: 7.5, level: 'error',
    hint: REQUEST_HINT,
    message: 'A request names a file, and "../" leads out of the folder. Resolve the path and refuse it unless it is inside the folder, or look it up in a list.',
    help: 'Resolve the path and refuse it unless it begins with the folder; or look names up in a list.',
    match: {
      any: [
        call('(^|\\.)(readFile|readFileSync|createReadStream|writeFile|writeFileSync|createWriteStream|appendFile|appendFileSync|unlink|unlinkSync|rm|rmSync|readdir|readdirSync|sendFile|download)$', fromRequest),
        call('^path\\.(join|resolve)$', fromRequest, null),
      ],
    },
    accept: (node) => !/\b(?:basename|sanitize\w*|joinInside|safe\w*)\s*\(/i.test(node.text()),
    examples: {
      must: [`fs.readFile('./up/' + req.params.name, cb)`, `res.sendFile(path.join(dir, req.query.f))`, `fs.createReadStream(\`/data/\${req.query.id}\`)`],
      mustNot: [`fs.readFile('./a', cb)`, 'fs.readFile(path.join(dir, path.basename(req.params.name)), cb)', `res.sendFile(file)`],
    },
    fix: PATH_INSIDE,
  },
  {
    id: 'js/reflected-xss', title: 'Request data sent back as a page', cwe: 79, severity: 6.1, level: 'error',
    hint: REQUEST_HINT,
    message: 'Data of the request is sent back as it came, and a browser may run it. Escape it for HTML, use a template that does, or send JSON.',
    help: 'Escape for HTML, use a template engine that escapes, or send JSON.',
    match: { all: [call('^(res|response|reply|ctx\\.res)(\\.(status|type|set|header|code)\\([^()]*\\))*\\.(send|write|end)$', { all: [fromRequest, { not: { kind: 'object' } }] })] },
    accept: (node) => !ESCAPED.test(node.text()) && !/JSON\.stringify|(?:application\/json|text\/plain)/.test(node.text()),
    examples: {
      must: [`res.send(\`<h1>\${req.query.name}</h1>\`)`, `res.send('Hi ' + req.body.n)`, 'res.end(req.query.q)', 'res.status(200).send("<p>" + req.params.x)'],
      mustNot: [`res.send(\`<h1>\${escapeHtml(req.query.name)}</h1>\`)`, 'res.send({ name: req.query.name })', 'res.json(req.body)', `res.send('ok')`, 'res.end(JSON.stringify(req.body))'],
    },
    fix: ESCAPE_HTML,
  },
  {
    id: 'js/dom-xss', title: 'Text becomes markup', cwe: 79, severity: 6.1, level: 'warning',
    hint: /innerHTML|outerHTML|document\.write|insertAdjacentHTML/,
    message: 'This makes text into markup. Use textContent, or sanitise it first.',
    help: 'Use textContent, or sanitise the markup first.',
    match: {
      any: [
        { kind: 'assignment_expression', all: [{ has: { field: 'left', regex: '\\.(innerHTML|outerHTML)$' } }, { has: { field: 'right', all: [notLiteral] } }] },
        call('^document\\.(write|writeln)$', notLiteral), call('\\.insertAdjacentHTML$', notLiteral, 2),
      ],
    },
    accept: (node) => !ESCAPED.test(node.text()),
    examples: { must: ['el.innerHTML = name', 'document.write(location.hash)', 'el.insertAdjacentHTML("beforeend", x)'], mustNot: ['el.innerHTML = ""', 'el.textContent = name', 'el.innerHTML = DOMPurify.sanitize(x)'] },
  },
  {
    id: 'js/open-redirect', title: 'Redirect to an address from a request', cwe: 601, severity: 6.1, level: 'error',
    hint: REQUEST_HINT,
    message: 'A request chooses where the browser goes next. Allow paths of your own site only, or look the target up in a list.',
    help: 'Allow paths of your own site only, or look the target up in a list.',
    match: {
      any: [
        call('^(res|response|reply|ctx)\\.redirect$', fromRequest, null),
        call('^(res|response)\\.(setHeader|set|header)$', fromRequest, 2),
      ],
    },
    accept: (node) => !LOCAL.test(node.text()) && (/\.redirect\(/.test(node.text()) || /\(\s*["']location["']/i.test(node.text())) && !/\.redirect\(\s*[`"']\/[^/\\$`"']/.test(node.text()),
    examples: {
      must: ['res.redirect(req.query.next)', 'res.redirect(302, req.body.url)', `res.setHeader('Location', req.query.to)`, `res.redirect(\`\${req.query.base}/x\`)`],
      mustNot: [`res.redirect('/home')`, `res.redirect(\`/users/\${req.params.id}\`)`, `res.setHeader('X-Id', req.headers['x-id'])`, 'res.redirect(target)', 'res.redirect(localPath(req.query.next))'],
    },
    fix: LOCAL_REDIRECT,
  },
  {
    id: 'js/ssrf', title: 'Server fetches an address from a request', cwe: 918, severity: 8.6, level: 'error',
    hint: REQUEST_HINT,
    message: 'A request chooses what this server fetches, also inside your network. Compare the host with a list, after resolving it.',
    help: 'Compare the host with a list of allowed ones, after resolving it.',
    match: call('^(fetch|axios|got|request|needle|superagent)$|^(axios|got|needle|superagent|https?|undici)\\.(get|post|put|head|request|fetch|delete)$', fromRequest),
    accept: (node) => !/^\w[\w.]*\(\s*[`"']https?:\/\/[^/$`"']+\//.test(node.text()),
    examples: {
      must: ['fetch(req.query.url)', 'axios.get(req.body.target)', `https.get(\`http://\${req.query.host}/x\`)`, 'axios({ url: req.query.u })'],
      mustNot: [`fetch('https://api.example.com/x')`, `fetch(\`https://api.example.com/u/\${req.params.id}\`)`, 'fetch(url)'],
    },
  },
  {
    id: 'js/header-reflects-origin', title: 'Any origin allowed with credentials', cwe: 942, severity: 6.5, level: 'warning',
    hint: /access-control-allow-origin/i,
    message: 'Every site may read answers in the name of the user. Compare the origin with a list.',
    help: 'Compare the origin with a list of allowed ones.',
    match: call('\\.(setHeader|set|header)$', { any: [{ regex: '\\breq\\.(headers\\.origin|headers\\[.origin.\\]|header\\(.[oO]rigin.\\)|get\\(.[oO]rigin.\\))' }] }, 2),
    accept: (node) => /access-control-allow-origin/i.test(node.text()),
    examples: { must: [`res.setHeader('Access-Control-Allow-Origin', req.headers.origin)`], mustNot: [`res.setHeader('Access-Control-Allow-Origin', 'https://app.example.com')`, `res.setHeader('X-From', req.headers.origin)`] },
  },
  {
    id: 'js/unescaped-regex', title: 'Regular expression from a request', cwe: 1333, severity: 5.3, level: 'warning',
    hint: REQUEST_HINT,
    message: 'A request supplies the pattern, and some patterns take forever. Escape it, or search for plain text.',
    help: 'Escape the text, or search with includes().',
    match: { any: [{ kind: 'new_expression', all: [{ has: { field: 'constructor', regex: '^RegExp$' } }, { has: { field: 'arguments', has: fromRequest } }] }, call('^RegExp$', fromRequest)] },
    accept: (node) => !ESCAPED.test(node.text()),
    examples: { must: ['new RegExp(req.query.q)', `new RegExp('^' + req.body.p, 'i')`], mustNot: ['new RegExp(escapeRegExp(req.query.q))', 'new RegExp(pattern)'] },
  },
];


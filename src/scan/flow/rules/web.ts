import { nameOf } from '../ir.js';
import { type FlowRule, isLiteral, isText } from '../rule.js';
import { type Mark, partsOf, type SourceKind, type Value } from '../value.js';
import { holes, openOf, OUTSIDE, textOf } from './terms.js';

const PAGE: readonly SourceKind[] = ['browser', 'message'];
const FROM_CLIENT: readonly SourceKind[] = ['request', 'browser', 'message'];

/** Marks that can choose where a URL leads: at its very front, or inside its host. */
function leading(value: Value | undefined, kinds: readonly SourceKind[], danger: 'url' | 'redirect'): readonly Mark[] {
  if (value === undefined) return [];
  return holes(value, danger, kinds).filter(({ before }) => before === '' || /^(?:https?:)?\/\/[^/?#]*$/i.test(before) || /^\uFFFC/.test(before) && before.length < 2 || /^javascript:/i.test(before)).flatMap(({ marks }) => marks);
}

/** Data inside a path, a query or a fragment that could change its shape. */
function inUrl(url: Value): readonly Mark[] {
  return holes(url, 'url', ['browser', 'parameter', 'request', 'message']).filter(({ before, hole }) => /[/?#&=]/.test(before.replace(/^\w+:\/\/[^/?#]*/, '')) && hole.kind !== 'number').flatMap((one) => one.marks);
}

const HTTP_CLIENT = /^(?:#fetch|#(?:window|globalThis)\.fetch|node-fetch|axios(?:\.create\(\))?(?:\.(?:get|post|put|patch|delete|head|request|options))?|got(?:\.\w+)?|undici\.(?:fetch|request|stream)|https?\.(?:get|request)|superagent\.\w+|ky(?:\.\w+)?|needle(?:\.\w+)?|request(?:\.(?:get|post|put|del|head|defaults))?|cross-fetch|isomorphic-fetch|phin|bent|wreck\.\w+|puppeteer.*\.goto|playwright.*\.goto|follow-redirects\.https?\.(?:get|request))$/;

/** What goes to browsers and to other hosts. */
export const FLOW_WEB: readonly FlowRule[] = [
  {
    id: 'js/ssrf', title: 'Server fetches an address from a request', cwe: 918, severity: 8.6, level: 'error',
    message: '%s chooses the host that this server connects to. Check the host against a list, and refuse private addresses.',
    help: 'Check the host against a list of your own, and refuse private addresses.',
    call(site) {
      const called = HTTP_CLIENT.test(site.api) || (/^(?:fetch|goto)$/.test(site.name) && /^(?:#fetch|.*\.goto)$/.test(site.api || `#${site.name}`));
      if (!called) return;
      const target = site.args[0]?.value;
      const url = target?.members?.get('url') ?? target?.members?.get('uri') ?? target;
      if (url !== undefined) site.look(url, 'url');
      const marks = [...leading(url, ['request', 'message'], 'url'), ...['host', 'hostname', 'baseURL'].flatMap((key) => openOf(target?.members?.get(key) ?? site.option(key, 1), 'url', ['request', 'message']))];
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`app.get('/p', async (req, res) => { const r = await fetch(req.query.url); })`, `const axios = require('axios'); app.post('/x', (req, res) => axios.get(\`http://\${req.body.host}/status\`));`, `const http = require('http'); app.get('/x', (req, res) => { http.get({ host: req.query.h, path: '/' }); })`],
      mustNot: [`app.get('/p', async (req, res) => { await fetch('https://api.example.org/u/' + encodeURIComponent(req.params.id)); })`, `const HOSTS = ['a.example']; app.get('/p', async (req, res) => { const u = new URL(req.query.url); if (!HOSTS.includes(u.hostname)) return res.sendStatus(400); await fetch(u); })`, `fetch('/api')`],
    },
  },
  {
    id: 'js/open-redirect', title: 'Redirect to an address from a request', cwe: 601, severity: 6.1, level: 'error',
    message: '%s chooses where the browser goes. Allow paths of your own (`/` and not `//`), or check the host against a list.',
    help: 'Allow paths of your own (`/` and not `//`), or check the host against a list.',
    call(site) {
      const receiver = site.receiverExpr === null ? '' : nameOf(site.receiverExpr);
      const server = site.name === 'redirect' && site.receiver !== null && !/^(?:app|router)$/.test(receiver);
      const last = site.args.at(-1)?.value;
      if (server || (site.name === 'redirect' && site.receiver === null && site.api !== '')) {
        const marks = leading(last, ['request'], 'redirect');
        if (last !== undefined) site.look(last, 'redirect');
        if (marks.length > 0) site.report({ marks });
        return;
      }
      if (/^(?:setHeader|header|set|writeHead)$/.test(site.name)) {
        const location = isText(site.args[0]?.value) && /^location$/i.test(site.args[0].value.literal) ? site.args[1]?.value : site.option('Location') ?? site.option('location');
        const marks = leading(location, ['request'], 'redirect');
        if (marks.length > 0) site.report({ marks });
        return;
      }
      const moves = /^#(?:window\.)?(?:open)$/.test(site.api) || /^#(?:window\.|document\.|top\.|parent\.|self\.)?location\.(?:assign|replace)$/.test(site.api) || (/^(?:assign|replace)$/.test(site.name) && site.receiver?.api === '#location') || /^next\/navigation\.useRouter\(\)\.(?:push|replace)$|^next\/router\.useRouter\(\)\.(?:push|replace)$|^react-router(?:-dom)?\.useNavigate\(\)$|^vue-router\.useRouter\(\)\.(?:push|replace)$|^#(?:chrome|browser)\.tabs\.(?:create|update)$|^electron\.shell\.openExternal$|^(?:react-native\.)?Linking\.openURL$|^expo-linking\.openURL$|^expo-web-browser\.openBrowserAsync$/.test(site.api);
      if (!moves) return;
      const target = site.args[0]?.value;
      if (target !== undefined) site.look(target, 'redirect');
      const marks = leading(target?.members?.get('url') ?? target, [...FROM_CLIENT, ...(/openExternal|openURL|Browser/.test(site.api) ? ['parameter' as const] : [])], 'redirect');
      if (marks.length > 0) site.report({ marks });
    },
    store(site) {
      const whole = site.name === 'location' && /^#?(?:window|document|top|parent|self|globalThis)$/.test(site.of.api ?? '');
      const href = site.name === 'href' && (site.of.api === '#location' || /location$/.test(site.of.api ?? ''));
      const frame = site.name === 'src' && /iframe|frame/i.test(nameOf(site.ofExpr));
      if (!whole && !href && !frame) return;
      site.look(site.stored, 'redirect');
      const marks = leading(site.stored, FROM_CLIENT, 'redirect');
      if (marks.length > 0) site.report({ marks });
    },
    bind(site) {
      if (site.how !== 'variable' || (site.name !== 'location' && site.name !== '#location')) return;
      const marks = leading(site.bound, PAGE, 'redirect');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`app.get('/l', (req, res) => res.redirect(req.query.next))`, `const p = new URLSearchParams(window.location.search); window.location.href = p.get('to');`, `window.addEventListener('hashchange', () => { location.assign(location.hash.slice(1)); });`, `window.open(document.referrer);`, `app.get('/l', (req, res) => { res.setHeader('Location', req.query.u); })`],
      mustNot: [`app.get('/l', (req, res) => res.redirect('/home'))`, `app.get('/l', (req, res) => res.redirect('/u/' + req.params.id))`, `location.href = 'https://a.example/?n=' + encodeURIComponent(location.search);`, `const next = new URLSearchParams(location.search).get('next'); location.href = /^https:\\/\\/a\\.example$/.test(next) ? next : '/';`, `window.location.href = window.location.origin + '/x';`],
    },
  },
  {
    id: 'js/url-parameter', title: 'Unencoded value in a URL', cwe: 116, severity: 4.3, level: 'warning',
    message: '%s becomes part of this URL as it is, so that it can add parameters or leave its path. Use encodeURIComponent or URLSearchParams.',
    help: 'Encode values with encodeURIComponent, or build the query with URLSearchParams.',
    text(site) {
      if (site.tag !== null) return;
      const parts = partsOf(site.built);
      const head = parts?.[0];
      if (typeof head !== 'string' || !/^(?:https?|wss?):\/\/[^/?#\s]+[/?#]/i.test(head)) return;
      const marks = inUrl(site.built);
      if (marks.length > 0) site.report({ marks });
    },
    call(site) {
      const target = /^(?:#fetch|axios(?:\.\w+)?)$/.test(site.api) ? site.args[0]?.value : site.name === 'open' && site.args.length >= 2 && site.receiver !== null ? site.args[1]?.value : site.api === '#jsx' ? site.args[1]?.value.members?.get('src') ?? site.args[1]?.value.members?.get('href') : undefined;
      const head = target === undefined ? undefined : partsOf(target)?.[0];
      if (target === undefined || typeof head !== 'string' || !/^\/(?!\/)/.test(head)) return;
      const marks = inUrl(target).filter((mark) => mark.kind !== 'request');
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: ['export function f(q) { return `https://api.example.com/s?q=${q}`; }', `const q = new URLSearchParams(location.search).get('q'); fetch('https://api.example.com/s?q=' + q + '&n=1');`],
      mustNot: ['export function f(q) { return `https://api.example.com/s?q=${encodeURIComponent(q)}`; }', 'export function f(n) { return `https://api.example.com/s?p=${n.toFixed(2)}`; }', 'export function f(q) { return `Hello ${q}`; }', 'export function f(host) { return `https://${host}/v1/status`; }'],
    },
  },
  {
    id: 'js/dom-xss', title: 'Text becomes markup', cwe: 79, severity: 6.1, level: 'warning',
    message: '%s becomes markup of the page, so that it can run scripts. Use textContent, or sanitize it.',
    help: 'Use textContent, or a sanitizer such as DOMPurify.',
    store(site) {
      const handler = /^on[a-z]+$/.test(site.name ?? '') && site.stored.kind === 'string';
      if (!/^(?:innerHTML|outerHTML|srcdoc)$/.test(site.name ?? '') && !handler) return;
      const marks = openOf(site.stored, 'html', [...OUTSIDE, 'network']);
      site.look(site.stored, 'html');
      if (marks.length > 0) site.report({ marks });
    },
    call(site) {
      const { name, api, args } = site;
      const text = /^(?:insertAdjacentHTML)$/.test(name) ? args[1]?.value : /^#(?:window\.)?document\.(?:write|writeln)$/.test(api) || /^(?:createContextualFragment|parseHTML|bypassSecurityTrustHtml|setHTMLUnsafe|parseHTMLUnsafe|unsafeHTML|html_unsafe)$/.test(name) ? args[0]?.value : /^(?:html|append|prepend|after|before|replaceWith|wrap)$/.test(name) && /^(?:#?\$|#?jQuery|jquery|cheerio)\(\)/.test(site.receiver?.api ?? '') ? args[0]?.value : undefined;
      if (text !== undefined) site.look(text, 'html');
      const marks = [...(text === undefined ? [] : openOf(text, 'html', [...OUTSIDE, 'network']))];
      if (api === '#jsx') {
        const attributes = args[1]?.value;
        const inner = attributes?.members?.get('dangerouslySetInnerHTML')?.members?.get('__html');
        if (inner !== undefined) site.look(inner, 'html');
        if (inner !== undefined) marks.push(...openOf(inner, 'html', [...OUTSIDE, 'network']));
        if (isText(args[0]?.value) && args[0].value.literal === 'a') marks.push(...leading(attributes?.members?.get('href'), PAGE, 'redirect').filter((mark) => !mark.clean.includes('html')));
        const srcdoc = attributes?.members?.get('srcDoc');
        if (srcdoc !== undefined) marks.push(...openOf(srcdoc, 'html', OUTSIDE));
      }
      if (/^(?:#?\$|#?jQuery|jquery)$/.test(api) && args[0]?.value.parts !== undefined && /^\s*</.test(textOf(args[0].value))) marks.push(...openOf(args[0].value, 'html', OUTSIDE));
      if (marks.length > 0) site.report({ marks });
    },
    examples: {
      must: [`const n = new URLSearchParams(location.search).get('n'); document.getElementById('a').innerHTML = n;`, 'function render(user) { document.querySelector("#c").innerHTML = `<h2>${user.bio}</h2>`; }', `function swap(el, markup) { el.outerHTML = markup; }`, `export const C = ({ body }) => <div dangerouslySetInnerHTML={{ __html: body }} />;`, `function f(msg) { document.write('<p>' + msg + '</p>'); }`],
      mustNot: [`document.getElementById('a').textContent = new URLSearchParams(location.search).get('n');`, `document.getElementById('s').innerHTML = '<span></span>';`, `function f(el, t) { el.innerHTML = DOMPurify.sanitize(t); }`, `function f(el, t) { el.innerHTML = escapeHtml(t); }`],
    },
  },
  {
    id: 'js/reflected-xss', title: 'Request data sent back as a page', cwe: 79, severity: 6.1, level: 'error',
    message: '%s is sent back as a page without escaping, so that it can run scripts. Escape it, or send it as JSON or text.',
    help: 'Escape it, send JSON or plain text, or use a template engine that escapes.',
    call(site) {
      if (!/^(?:send|write|end|html)$/.test(site.name) || site.receiver === null || site.args[0] === undefined) return;
      const name = nameOf(site.receiverExpr ?? site.args[0].expr);
      if (!/^(?:res|resp|response|reply|ctx|c|type|status|set|header)$/.test(name)) return;
      const { value } = site.args[0];
      const text = textOf(value);
      const markup = /<[a-z!/]/i.test(text) || site.name === 'html';
      // An object is sent as JSON, and a text alone only where nothing says otherwise.
      const chain = site.source(site.receiverExpr ?? site.args[0].expr);
      if (/type\(\s*['"](?:text\/plain|application\/json|json|txt|text)|text\/plain|application\/json|octet-stream/.test(chain)) return;
      const marks = openOf(value, 'html', ['request']);
      site.look(value, 'html');
      if (marks.length === 0 || (value.kind === 'object' && !markup)) return;
      if (markup || (partsOf(value) !== undefined && site.name === 'send') || site.name === 'send') site.report({ marks });
    },
    examples: {
      must: ['app.get("/x", (req, res) => res.send(`<h1>${req.query.q}</h1>`))', `app.get('/x', (req, res) => { res.write('<p>' + req.params.n + '</p>'); })`],
      mustNot: ['app.get("/x", (req, res) => res.send(`<h1>${escapeHtml(req.query.q)}</h1>`))', `app.get('/x', (req, res) => res.json({ q: req.query.q }))`, `app.get('/x', (req, res) => res.type('text/plain').send(req.query.q))`],
    },
  },
  {
    id: 'js/insecure-cookie', title: 'Session cookie that scripts can read', cwe: 1004, severity: 5.4, level: 'warning',
    message: 'This cookie lacks what keeps it from scripts and other sites. Set httpOnly, secure and sameSite.',
    help: 'Set `httpOnly: true`, `secure: true` and `sameSite`.',
    call(site) {
      if (site.name !== 'cookie' && !(site.name === 'set' && /^(?:js-cookie|#Cookies|universal-cookie|cookies-next|cookies)\b/.test(site.api)) || site.args.length < 2) return;
      const [name, , options] = site.args;
      if (!isText(name?.value) || !/sess|sid|token|auth|jwt|login|remember|csrf|id$|user/i.test(name.value.literal)) return;
      if (site.name === 'set') {
        if (/token|jwt|sess|auth|sid/i.test(name.value.literal)) site.report({ message: 'Scripts can read this cookie, for a script sets it. Let the server set it with httpOnly.' });
        return;
      }
      const off = options === undefined || isLiteral(options.value.members?.get('httpOnly'), false) || isLiteral(options.value.members?.get('secure'), false) || (options.value.members !== undefined && options.value.marks.length === 0 && options.value.tags === undefined && options.value.api === undefined && !options.value.members.has('httpOnly'));
      if (off) site.report();
    },
    store(site) {
      if (site.name !== 'cookie' || !/document$/.test(site.of.api ?? '') && !/document$/.test(nameOf(site.ofExpr))) return;
      const text = textOf(site.stored);
      if (text === '' || /max-age=0\b|max-age=-|expires=thu, 01 jan 1970/i.test(text)) return;
      if (/\uFFFC$/.test(text) && !text.includes(';')) return;
      if (!/;\s*secure\s*(?:;|$|\uFFFC)/i.test(text) || !/;\s*samesite\s*=\s*(?:strict|lax|none|\uFFFC)/i.test(text)) site.report({ message: 'This cookie lacks Secure or SameSite. Add `; Secure; SameSite=Lax`, and let the server set what is secret.' });
      else if (/^\s*[\w-]*(?:sess|token|jwt|auth|sid)[\w-]*=/i.test(text)) site.report({ message: 'Scripts can read this cookie, for a script sets it. Let the server set it with HttpOnly.' });
    },
    examples: {
      must: [`res.cookie('sid', id);`, `res.cookie('session', id, { httpOnly: false });`, `document.cookie = 'sid=abc; Path=/; SameSite=Strict';`, `document.cookie = 'theme=dark';`],
      mustNot: [`res.cookie('sid', id, { httpOnly: true, secure: true, sameSite: 'lax' });`, `document.cookie = 'theme=dark; Secure; SameSite=Lax';`, `document.cookie = 'a=; max-age=0';`],
    },
  },
  {
    id: 'js/header-reflects-origin', title: 'Any origin allowed', cwe: 942, severity: 6.5, level: 'warning',
    message: 'Every origin may read these answers. Name the origins that may.',
    help: 'Compare the origin with a list of your own, and answer with it only then.',
    call(site) {
      const { name, args, api } = site;
      if (/^(?:setHeader|header|set|append|writeHead|add_header)$/.test(name)) {
        const value = isText(args[0]?.value) && /^access-control-allow-origin$/i.test(args[0].value.literal) ? args[1]?.value : site.option('Access-Control-Allow-Origin') ?? site.option('access-control-allow-origin');
        if (value !== undefined && (isLiteral(value, '*') || openOf(value, 'header', ['request']).length > 0)) site.report({ marks: openOf(value, 'header', ['request']) });
        return;
      }
      if (!/^(?:cors|@koa\/cors|@fastify\/cors|hono\/cors\.cors|koa2-cors|koa-cors)$/.test(api) && !/^(?:cors|enableCors)$/.test(name) && !(name === 'register' && /cors/i.test(args[0]?.value.api ?? nameOf(args[0]?.expr ?? { k: 'name', name: '', at: site.at })))) return;
      const options = name === 'register' ? args[1]?.value : args[0]?.value;
      const origin = options?.members?.get('origin');
      const all = origin === undefined ? (options === undefined || (options.members !== undefined && options.tags === undefined)) && /^(?:cors|@koa\/cors)$/.test(api) : isLiteral(origin, '*', true) || origin.literal === '*' || [...(origin.members?.values() ?? [])].some((one) => isLiteral(one, '*')) || /^\.[*+]$/.test(origin.regex?.pattern ?? '');
      const wave = origin?.closure !== undefined && /callback\(null,\s*true\)|cb\(null,\s*true\)|=>\s*true|=>\s*origin\b/.test(site.source(origin.closure.fn.body[0]?.s === 'return' && origin.closure.fn.body[0].of !== null ? origin.closure.fn.body[0].of : { k: 'mix', parts: [], at: origin.closure.fn.at })) && origin.closure.fn.body.length === 1 && origin.closure.fn.body[0]?.s !== 'if';
      if (all || wave) site.report();
    },
    bind(site) {
      if (/^access-control-allow-origin$/i.test(site.name) && isLiteral(site.bound, '*')) site.report();
    },
    examples: {
      must: [`res.setHeader('Access-Control-Allow-Origin', '*');`, `const cors = require('cors'); app.use(cors({ origin: '*' }));`, `const cors = require('cors'); app.use(cors());`, `app.use((req, res, next) => { res.header('Access-Control-Allow-Origin', req.headers.origin); next(); })`],
      mustNot: [`res.setHeader('Access-Control-Allow-Origin', 'https://a.example');`, `const cors = require('cors'); app.use(cors({ origin: ['https://a.example'] }));`, `const OK = new Set(['https://a.example']); app.use((req, res, next) => { const o = req.headers.origin; if (OK.has(o)) res.setHeader('Access-Control-Allow-Origin', o); next(); })`],
    },
  },
];


import { type Expr, nameOf, pathOf } from '../ir.js';
import type { CallSite, FlowRule, Site } from '../rule.js';

const METHODS = /^(?:get|post|put|patch|delete|all|del)$/;
const GUARD = /auth|login|session|guard|protect|permission|role|admin|owner|verify|jwt|token|passport|acl|rbac|can[A-Z]|require|ensure|check|access|authorize|isUser|user|policy|bearer|apikey|api_key|signed|signature|csrf|restrict|allow|member|scope|identity|credential|principal|secure/i;
const NOT_GUARDS = /^(?:express|bodyParser|json|urlencoded|cors|helmet|compression|morgan|logger|multer|rateLimit|limiter|cookieParser|static|validate|asyncHandler|wrap|celebrate|cache|noCache|parser|upload|throttle|requestId|responseTime|accessLog(?:ger)?|userAgent)/i;
/** Paths whose routes serve somebody in particular. */
const SENSITIVE = /(?:^|\/)(?:admin|users?|accounts?|billing|payments?|payouts?|invoices?|transfers?|private|manage|management|patients?|audit|keys|tokens|secrets|backups?|employees?|payroll|impersonate|wallets?)(?:\/|$|:)/i;
const PUBLIC = /(?:^|\/)(?:login|logout|signin|sign-in|signup|sign-up|register|health|healthz|status|ping|metrics|public|webhooks?|callback|oauth|auth|forgot|reset|verify|static|assets|docs|favicon\S*|robots\.txt|\.well-known|version|ready|live|token|sso|csrf)(?:\/|$|-|:)/i;
const ROUTER = /(?:^|\.)(?:app|router|routes|api|server|fastify|[a-z]+Router|r)$/i;

interface Routes {
  guardedAll: boolean;
}

/** Routes, and who may use them. */
export const FLOW_ACCESS: readonly FlowRule[] = [
  {
    id: 'js/missing-authentication', title: 'Route for somebody in particular, open to anybody', cwe: 306, severity: 7.5, level: 'warning',
    message: 'No guard stands before this route, and nothing in it looks at who asks. Put an authentication guard before it.',
    help: 'Put an authentication guard before the route, on the router, or at the beginning of the handler.',
    call(site) {
      const router = site.receiverExpr;
      if (router === null || !ROUTER.test(pathOf(router) ?? '') && !/^(?:express|fastify|koa-router|@koa\/router|restify|hono|polka)\b/.test(site.receiver?.api ?? '')) return;
      const key = `routes:${pathOf(router)}`;
      const state = (site.frame.state.notes.get(key) as Routes | undefined) ?? { guardedAll: false };
      if (site.name === 'use' || site.name === 'addHook' || site.name === 'all' && site.args[0]?.value.literal === '*' || site.name === 'register') {
        site.fact(`${site.name} ${String(site.args[0]?.value.literal ?? '')}`.trim(), guardsOf(site, site.args));
        if (site.args.some((arg) => isGuard(site, arg.expr))) site.frame.state.notes.set(key, { guardedAll: true });
        return;
      }
      const path = site.args[0]?.value.literal;
      if (!METHODS.test(site.name) || typeof path !== 'string' || site.args.length < 2) return;
      site.fact(`${site.name.toUpperCase()} ${path}`, guardsOf(site, site.args.slice(1, -1)));
      if (state.guardedAll || allGuarded(site)) return;
      const writes = site.name !== 'get' && site.name !== 'all';
      if (PUBLIC.test(path) || !(SENSITIVE.test(path) && (writes || /admin|account|billing|private|manage|payroll|secret|token|key|audit|users?$|wallet|patient|backup/i.test(path)) || (site.name === 'delete' && /:/.test(path)))) return;
      const handlers = site.args.slice(1);
      if (handlers.slice(0, -1).some((arg) => isGuard(site, arg.expr)) || /preHandler|onRequest|preValidation/.test(handlers.map((arg) => site.source(arg.expr)).join(' '))) return;
      const last = handlers.at(-1);
      if (last === undefined || looksAtAsker(site, last.expr)) return;
      site.report();
    },
    examples: {
      must: [`const app = express(); app.get('/admin/users', async (req, res) => { res.json(await listUsers()); });`, `const router = Router(); router.delete('/api/accounts/:id', deleteAccount);`],
      mustNot: [`const app = express(); app.get('/admin/users', requireAdmin, (req, res) => res.json([]));`, `const app = express(); app.use(authenticate); app.get('/admin/users', (req, res) => res.json([]));`, `const app = express(); app.get('/health', (req, res) => res.send('ok'));`, `const app = express(); app.get('/admin', (req, res) => { if (!req.user) return res.sendStatus(401); res.json([]); });`],
    },
  },
];

/** What the guards among these are called. */
function guardsOf(site: CallSite, args: CallSite['args']): readonly string[] {
  return args.filter((arg) => isGuard(site, arg.expr)).map((arg) => `guard ${site.source(arg.expr).replace(/\s+/g, ' ').slice(0, 80)}`);
}

/** A guard on a router above, by `app.use('/admin', auth)` too. */
function allGuarded(site: CallSite): boolean {
  for (const [key, value] of site.frame.state.notes) if (key.startsWith('routes:') && (value as Routes).guardedAll && /app|router/i.test(key)) return true;
  return false;
}

function isGuard(site: Site, expr: Expr): boolean {
  if (expr.k === 'function') return looksAtAsker(site, expr);
  if (expr.k === 'array') return expr.items.some((item) => isGuard(site, item.value));
  if (expr.k === 'literal') return false;
  const text = pathOf(expr) ?? (expr.k === 'call' ? (pathOf(expr.callee) ?? '') : nameOf(expr));
  const inner = expr.k === 'call' ? expr.args.some((arg) => arg.value.k !== 'literal' && arg.value.k !== 'object' && isGuard(site, arg.value)) : false;
  // One that only lets pass guards nothing.
  const { closure } = site.value(expr.k === 'call' ? expr.callee : expr);
  if (closure !== undefined && closure.fn.body.length === 1 && /^\s*(?:return\s+)?next\(\);?\s*$/.test(bodyText(site, closure.fn.at))) return false;
  const name = text.split('.').at(-1) ?? text;
  return inner || (GUARD.test(text) && !NOT_GUARDS.test(name) && !NOT_GUARDS.test(text));
}

const bodyText = (site: Site, at: Expr['at']): string => /\{([\s\S]*)\}\s*$/.exec(site.whole(at))?.[1] ?? '';

const ASKS = /\breq(?:uest)?\.(?:user|session|auth|isAuthenticated|account|principal|tenant|currentUser|identity|apiKey|token|jwt|userId)\b|\bctx\.(?:state\.)?(?:user|session|auth|isAuthenticated)\b|\b(?:res\.locals\.user|getServerSession|currentUser|verifyToken|requireAuth|jwt\.verify|authenticate|authorize|checkAuth|assertAuth\w*|ensureAuth\w*|requireRole|requireAdmin|isAdmin|getSession|requireUser|verifySession|verifyApiKey|timingSafeEqual)\b|authorization['"\])]|headers\.authorization|x-api-key/i;

/** True where a handler looks at who asks. */
function looksAtAsker(site: Site, expr: Expr): boolean {
  if (expr.k === 'function') return ASKS.test(site.source({ ...expr, at: expr.fn.at })) || ASKS.test(site.whole(expr.fn.at));
  if (expr.k === 'call') return expr.args.some((arg) => looksAtAsker(site, arg.value));
  const closure = site.value(expr).closure;
  return closure !== undefined && ASKS.test(site.whole(closure.fn.at));
}

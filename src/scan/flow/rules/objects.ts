import { nameOf, pathOf } from '../ir.js';
import type { FlowRule, } from '../rule.js';
import { open, tagged, type Value } from '../value.js';
import { openOf } from './terms.js';

const PRIVILEGE = /^(?:role|roles|isAdmin|is_admin|admin|isStaff|is_staff|is_superuser|superuser|permissions?|privileges?|scopes?|accessLevel|access_level|isOwner|owner_?id|isVerified|is_verified|verified|emailVerified|email_verified|plan|tier|credits?|balance|isModerator|isSuperAdmin|accountType|user_?type|clearance|authorities|approved|tenant_?id)$/i;
const MAKES = /^(?:create|insert|insertOne|insertMany|update|updateOne|updateMany|findByIdAndUpdate|findOneAndUpdate|save|upsert|build|bulkCreate|merge|patch|set|assign|replaceOne|findAndModify|updateUser|createUser|fill|forceFill|new)$/;
const MODEL = /^[A-Z]\w*$/;

/** A key that a caller chooses: any name, `__proto__` too. */
function chosen(key: Value, keyTag: boolean): boolean {
  if (key.kind === 'number' || key.kind === 'boolean' || key.literal !== undefined) return false;
  return open(key, 'key').length > 0 || keyTag;
}

/** Names of members, and whole objects, that somebody else chooses. */
export const FLOW_OBJECTS: readonly FlowRule[] = [
  {
    id: 'js/prototype-pollution', title: 'Member whose name a caller chooses', cwe: 1321, severity: 7.5, level: 'warning',
    message: '%s chooses which member is written, and __proto__ changes every object. Use a Map, or check the name against a list.',
    help: 'Use a Map or an object without a prototype, or check the name against a list.',
    store(site) {
      const { key, keyExpr, of } = site;
      if (/(?:^|\.)(?:__proto__|constructor\.prototype)$/.test(pathOf(site.ofExpr) ?? '') && !/^[A-Z]/.test(pathOf(site.ofExpr) ?? '') && !/^this\./.test(pathOf(site.ofExpr) ?? '')) return site.report({ message: 'This changes every object of the kind. Set the member on the object itself.' });
      if (key === null || keyExpr === null) return;
      if (of.kind === 'array' || /^new Map|^#Map|#(?:localStorage|sessionStorage|Uint8Array|Array|Float\w+Array|Buffer)/.test(of.api ?? '') || site.frame.lookup(nameOf(site.ofExpr))?.tags?.includes('null prototype') === true) return;
      site.look(key, 'key');
      const loop = tagged(key, 'key');
      if (!chosen(key, false)) return;
      const marks = open(key, 'key').filter((mark) => mark.kind !== 'file' && mark.kind !== 'network' && mark.kind !== 'environment');
      if (marks.length === 0) return;
      // A copy of what another object has matters only where it goes deeper or the target is the caller's.
      const shallow = loop && !openOf(of, 'key').length && !/^(?:target|dest|destination|to|obj|object|base|dst|out|acc|result|a|output|into)$/i.test(nameOf(site.ofExpr));
      if (shallow) return;
      const named = marks.some((mark) => mark.kind !== 'parameter');
      const nested = openOf(of, 'key').length > 0 || loop;
      const wide = /^(?:key|prop|property|name|field|path|attr|attribute|k|segment|part|last|head|first)$/i.test(nameOf(keyExpr).replace(/^.*[a-z](?=[A-Z])/, ''));
      if (named || (nested && wide)) site.report({ marks });
    },
    call(site) {
      if (tagged(site.callee, 'chosen')) return site.report({ message: 'A request chooses which function is called. Check the name against a list, or use a Map.' });
      if (!/^(?:merge|mergeWith|defaultsDeep|set|setWith|extend|deepmerge|zipObjectDeep|mergeDeep|deepMerge|deepExtend|deepAssign)$/.test(site.name)) return;
      const library = /^(?:lodash(?:\.\w+)?|lodash-es|#_|#jQuery|#\$|deepmerge|merge-deep|deep-extend|dot-prop|object-path|dset|set-value|mpath|hoek|@hapi\/hoek|merge|defaults-deep|just-extend|extend|node\.extend)\b/.test(site.api);
      if (!library || /^(?:Map|Set)/.test(site.receiver?.api ?? '')) return;
      const deep = !/^extend$/.test(site.name) || site.args[0]?.value.literal === true;
      const last = /^set/.test(site.name) ? site.args.slice(1, 2) : site.args.slice(1);
      const marks = last.flatMap((arg) => openOf(arg.value, 'key', ['request', 'browser', 'message']));
      if (deep && marks.length > 0) site.report({ marks, message: '%s is merged into an object, and __proto__ in it changes every object. Check it against a schema first.' });
    },
    read(site) {
      // Which function is called is chosen by data: constructor, toString, or one that was not meant.
      if (site.called !== true || site.key.kind === 'number') return;
      const marks = openOf(site.key, 'key', ['request', 'browser', 'message']);
      if (marks.length > 0 && site.of.kind !== 'array' && !/^#?Map/.test(site.of.api ?? '')) site.report({ marks, message: '%s chooses which function is called. Check the name against a list, or use a Map.' });
    },
    examples: {
      must: [
        `app.patch('/s', (req, res) => { const s = store.get(req.user); s[req.body.key] = req.body.value; })`, `export function merge(target, source) { for (const key in source) { target[key] = source[key]; } return target; }`,
        `const _ = require('lodash'); app.post('/x', (req, res) => { _.merge({}, req.body); })`, `export function setPath(obj, path, value) { const parts = path.split('.'); let at = obj; for (const part of parts) { at[part] = at[part] || {}; at = at[part]; } }`,
        `app.get('/x', (req, res) => { handlers[req.query.name](res); })`,
      ],
      mustNot: [
        `const m = new Map(); app.post('/x', (req, res) => { m.set(req.body.k, 1); })`, `export function sum(items) { let t = 0; for (let i = 0; i < items.length; i++) t += items[i].n; return t; }`,
        `const OK = ['a', 'b']; app.post('/x', (req, res) => { if (!OK.includes(req.body.k)) return; s[req.body.k] = 1; })`, `export function merge(target, source) { for (const key in source) { if (key === '__proto__' || key === 'constructor') continue; target[key] = source[key]; } }`,
        `export function group(rows) { const out = {}; rows.forEach((row, i) => { out[i] = row; }); return out; }`,
      ],
    },
  },
  {
    id: 'js/mass-assignment', title: 'Request decides what only the server may', cwe: 915, severity: 8.1, level: 'warning',
    message: '%s sets a member that decides what somebody may do, or a whole record. Take the members that a client may set one by one.',
    help: 'Name the members that a client may set, and set roles and owners on the server.',
    store(site) {
      if (site.name === null || !PRIVILEGE.test(site.name)) return;
      const marks = openOf(site.stored, 'all', ['request']);
      if (marks.length > 0 && !guarded(site.frame)) site.report({ marks });
    },
    call(site) {
      if (site.api === '#Object.assign' && site.args[0] !== undefined && site.args[0].expr.k !== 'object') {
        const marks = site.args.slice(1).flatMap((arg) => arg.value.marks.filter((mark) => mark.kind === 'request' && !mark.clean.includes('all') && /(?:body|\.json\(\)|query|payload)$/.test(mark.what)));
        if (marks.length > 0 && !guarded(site.frame)) site.report({ marks });
        return;
      }
      if (!MAKES.test(site.name) || site.receiver === null && !site.construct) {
        if (!(site.construct && MODEL.test(site.name) && /^\.|^#[A-Z]|\//.test(site.api))) return;
      }
      const receiver = site.receiverExpr === null ? site.name : nameOf(site.receiverExpr);
      if (/^(?:map|cache|headers|url|params|searchParams|Object|_|store|res|session|cookies|redis|JSON|Promise|logger|axios|crypto)$/i.test(receiver) && receiver !== 'Object') return;
      for (const { value, expr } of site.args) {
        const whole = value.marks.filter((mark) => mark.kind === 'request' && !mark.clean.includes('all') && /(?:body|\.json\(\)|query|payload)$/.test(mark.what));
        // The body itself, or spread into a record.
        if (receiver === 'Object' ? false : whole.length > 0 && (/\b(?:body|payload)$/.test(pathOf(expr) ?? '') || tagged(value, 'spread')) && (MODEL.test(receiver) || /model|repo|repository|prisma|user|account|collection|db|table|service|entity/i.test(receiver)) && !guarded(site.frame)) return site.report({ marks: whole });
        for (const [key, member] of value.members ?? []) {
          const inner = key === 'data' || key === '$set' || key === 'values' ? [...(member.members ?? [])] : [[key, member] as const];
          const marks = inner.filter(([name]) => PRIVILEGE.test(name)).flatMap(([, one]) => openOf(one, 'all', ['request']));
          if (marks.length > 0 && !guarded(site.frame)) return site.report({ marks });
        }
      }
    },
    examples: {
      must: [`router.patch('/me', async (req, res) => { const user = await User.findById(req.session.id); user.role = req.body.role; await user.save(); })`, `router.post('/u', async (req, res) => { await User.create({ email: req.body.email, isAdmin: req.body.isAdmin }); })`, `router.post('/u', async (req, res) => { await User.create(req.body); })`],
      mustNot: [`router.patch('/me', async (req, res) => { user.name = req.body.name; })`, `router.post('/u', async (req, res) => { await User.create({ email: req.body.email, role: 'member' }); })`, `router.patch('/u/:id', async (req, res) => { if (!req.user.isAdmin) return res.sendStatus(403); user.role = req.body.role; })`],
    },
  },
];

/** True where a role of the one who asks was looked at on the way here. */
function guarded(frame: { readonly state: { readonly notes: Map<string, unknown> }; readonly parent: unknown }): boolean {
  return frame.state.notes.get('authorised') === true;
}

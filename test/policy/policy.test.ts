import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/policy.js';
import type { PolicyText } from '../../src/policy/rules.js';
import type { PolicyExample, PolicyRequest } from '../../src/policy/schema.js';
import { SallyportError } from '../../src/protocol/errors.js';

const root = join(import.meta.dirname, '../..');
const REQUEST: PolicyRequest = {
  principal: 'me', action: 'submit', repository: '/src/app',
  context: { sensitivity: 'internal', labelled: true, kind: 'fix', agent: 'loop', model: 'big', modelLocal: false, verdict: 'none', requesterIsPrincipal: true },
};
const PERMIT = '@id("all") @reason("everything") permit(principal, action, resource);';

function load(text: string, examples: readonly PolicyExample[] = [], more: readonly PolicyText[] = []) {
  return loadPolicy({ name: 'test', levels: [{ level: 'organisation', text }, ...more], examples });
}
function refusal(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof SallyportError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'loaded';
}

describe('the shipped solo policy', () => {
  const text = readFileSync(join(root, 'policies/solo.cedar'), 'utf8');
  const examples = JSON.parse(readFileSync(join(root, 'policies/solo.examples.json'), 'utf8')) as PolicyExample[];

  it('loads and holds all of its examples', () => {
    expect(loadPolicy({ name: 'solo', levels: [{ level: 'organisation', text }], examples }).name).toBe('solo');
    expect(examples.length).toBeGreaterThan(15);
  });

  it('has an example for every rule', () => {
    const policy = loadPolicy({ name: 'solo', levels: [{ level: 'organisation', text }], examples });
    const rules = [...text.matchAll(/@id\("([^"]+)"\)/g)].map((m) => m[1]);
    expect(rules.filter((rule) => !examples.some((e) => policy.decide(e.request).rule === rule))).toEqual([]);
  });

  it('answers with the rule, its reason and the version', () => {
    const policy = loadPolicy({ name: 'solo', levels: [{ level: 'organisation', text }], examples });
    expect(policy.decide({ ...REQUEST, context: { ...REQUEST.context, labelled: false, sensitivity: 'restricted' } })).toEqual({
      action: 'submit', effect: 'ask', rule: 'label-before-remote', policy: 'solo', version: policy.version,
      reason: 'This sends files to a remote model; label the repository first.',
    });
    expect(policy.version).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});

describe('a decision', () => {
  const ASK = '@id("asks") @reason("a person decides") @effect("ask") forbid(principal, action == Action::"submit", resource);';
  const FORBID = '@id("never") @reason("no") forbid(principal, action == Action::"submit", resource);';

  const DEMANDS = '@id("own-kernel") @reason("its sources leave nothing to chance") @demands("second_kernel, memory_limit") forbid(principal, action == Action::"submit", resource) when { context.sensitivity == "internal" };';
  const MORE = '@id("bounded") @reason("x") @demands("disk_limit,memory_limit") forbid(principal, action, resource);';

  it('names what rules of any level demand of sandboxes, and only where something is allowed', () => {
    const policy = load(PERMIT + DEMANDS, [{ name: 'x', request: REQUEST, expect: { effect: 'allow', demands: ['second_kernel', 'memory_limit', 'disk_limit'] } }], [{ level: 'repository', text: MORE }]);
    expect(policy.decide(REQUEST)).toMatchObject({ effect: 'allow', rule: 'all', demands: ['disk_limit', 'memory_limit', 'second_kernel'] });
    expect(policy.decide({ ...REQUEST, context: { ...REQUEST.context, sensitivity: 'public' } })).toMatchObject({ effect: 'allow', demands: ['disk_limit', 'memory_limit'] });
    expect(Object.keys(load(PERMIT + DEMANDS).decide({ ...REQUEST, action: 'approve' }))).not.toContain('demands');
    expect(load(DEMANDS).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'default' });
    expect(load(PERMIT + DEMANDS + FORBID).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'never' });
    expect(refusal(() => load(PERMIT + DEMANDS, [{ name: 'wrong', request: REQUEST, expect: { effect: 'allow', demands: [] } }]))).toMatch(/demands memory_limit, second_kernel, need nothing/);
    const erring = '@id("overflow") @demands("disk_limit") @reason("x") forbid(principal, action, resource) when { 9223372036854775807 + 1 > 0 };';
    expect(load(PERMIT + erring).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'error' });
  });

  it('says what the gate requires, by rules of any level, and accepts, by permits that fit', () => {
    const lax = '@id("docs") @reason("A person reads these.") @accepts("files.protected, proof.red_before") permit(principal, action == Action::"submit", resource) when { context.sensitivity == "public" };';
    const strict = '@id("careful") @reason("x") @gate("notes, check:security") @demands("disk_limit") forbid(principal, action == Action::"submit", resource) when { context.sensitivity != "public" };';
    const more = '@id("more") @reason("x") @gate("advisories, notes") forbid(principal, action == Action::"submit", resource);';
    const open = { ...REQUEST, context: { ...REQUEST.context, sensitivity: 'public' as const } };
    const policy = load(PERMIT + lax + strict, [{ name: 'x', request: REQUEST, expect: { effect: 'allow', gate: { requires: ['notes', 'check:security', 'advisories'], accepts: [] } } }], [{ level: 'repository', text: more }]);
    expect(policy.decide(REQUEST)).toMatchObject({ demands: ['disk_limit'], gate: { requires: ['advisories', 'check:security', 'notes'], accepts: [] } });
    expect(policy.decide(open).gate).toEqual({ requires: ['advisories', 'notes'], accepts: ['files.protected', 'proof.red_before'] });
    expect(Object.keys(load(PERMIT).decide(REQUEST))).not.toContain('gate');
    expect(refusal(() => load(PERMIT + lax, [{ name: 'wrong', request: open, expect: { effect: 'allow', gate: { requires: [], accepts: [] } } }]))).toMatch(/of the gate it has .*files\.protected/);
  });

  it('is a deny by default when no rule permits', () => {
    expect(load('').decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'default' });
  });

  it('is a deny by default, not an ask, when only an ask matches and nothing permits', () => {
    expect(load(ASK).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'default' });
  });

  it('puts deny before ask and ask before allow', () => {
    expect(load(PERMIT).decide(REQUEST)).toMatchObject({ effect: 'allow', rule: 'all' });
    expect(load(PERMIT + ASK).decide(REQUEST)).toMatchObject({ effect: 'ask', rule: 'asks' });
    expect(load(ASK + PERMIT + FORBID).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'never' });
  });

  it('is a deny when any rule errors, also a forbid that Cedar itself would skip', () => {
    const erring = '@id("overflow") @reason("x") forbid(principal, action, resource) when { 9223372036854775807 + (if context.labelled then 1 else 0) > 0 };';
    expect(load(PERMIT + erring).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'error' });
    expect(load(PERMIT + erring).decide({ ...REQUEST, context: { ...REQUEST.context, labelled: false, sensitivity: 'restricted' } })).toMatchObject({ effect: 'deny', rule: 'overflow' });
  });

  it('is a deny when an ask rule errors', () => {
    const erring = '@id("overflow") @effect("ask") @reason("x") forbid(principal, action, resource) when { 9223372036854775807 + 1 > 0 };';
    expect(load(PERMIT + erring).decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'error' });
  });

  it('is a deny for a request that is not of the expected form', () => {
    const policy = load(PERMIT);
    const hostile: unknown[] = [
      null, {}, { ...REQUEST, action: 'destroy' }, { ...REQUEST, extra: 1 }, { ...REQUEST, context: { ...REQUEST.context, labelled: 'yes' } },
      { ...REQUEST, context: { ...REQUEST.context, labelled: false } }, { ...REQUEST, context: { ...REQUEST.context, model: 'none' } },
    ];
    expect(hostile.map((request) => policy.decide(request as PolicyRequest).effect)).toEqual(hostile.map(() => 'deny'));
  });

  it('lets a lower level narrow and never widen', () => {
    const policy = load(PERMIT, [], [{ level: 'repository', text: FORBID }]);
    expect(policy.decide(REQUEST)).toMatchObject({ effect: 'deny', rule: 'never' });
    expect(refusal(() => load('', [], [{ level: 'project', text: PERMIT }]))).toMatch(/^policy.invalid: .*only the organisation may permit/);
  });

  it('keeps two policies with the same rule ids apart', () => {
    const first = load(PERMIT);
    const second = load(PERMIT.replace('permit', 'forbid'));
    expect([first.decide(REQUEST).effect, second.decide(REQUEST).effect, first.decide(REQUEST).effect]).toEqual(['allow', 'deny', 'allow']);
  });
});

describe('loading', () => {
  it.each([
    ['a syntax error', 'permit(principal', /does not parse/],
    ['a template', '@id("t") @reason("x") permit(principal == ?principal, action, resource);', /template/],
    ['a rule without an id', '@reason("x") permit(principal, action, resource);', /@id/],
    ['a rule that calls itself default', '@id("default") @reason("x") permit(principal, action, resource);', /@id/],
    ['a rule without a reason', '@id("x") permit(principal, action, resource);', /@reason/],
    ['a misspelt annotation', '@id("x") @reason("x") @efect("ask") forbid(principal, action, resource);', /unknown annotation @efect/],
    ['an unknown effect', '@id("x") @reason("x") @effect("warn") forbid(principal, action, resource);', /@effect\("warn"\)/],
    ['an unknown guarantee', '@id("x") @reason("x") @demands("no_flaws") forbid(principal, action, resource);', /@demands\("no_flaws"\).*second_kernel/],
    ['a demand on a permit', '@id("x") @reason("x") @demands("disk_limit") permit(principal, action, resource);', /belongs on a forbid/],
    ['a demand that asks', '@id("x") @reason("x") @effect("ask") @demands("disk_limit") forbid(principal, action, resource);', /belongs on a forbid/],
    ['an unknown term of the gate', '@id("x") @reason("x") @gate("notes, perfection") forbid(principal, action, resource);', /"perfection" is not one of notes/],
    ['more coverage than there is', '@id("x") @reason("x") @gate("coverage>=101") forbid(principal, action, resource);', /"coverage>=101" is not one of/],
    ['a term of the gate on a permit', '@id("x") @reason("x") @gate("notes") permit(principal, action, resource);', /@gate.*belongs on a forbid/],
    ['a forbid that accepts', '@id("x") @reason("x") @accepts("files.protected") forbid(principal, action, resource);', /only a permit can accept/],
    ['a permit that accepts what must hold', '@id("x") @reason("x") @accepts("scan.none_new") permit(principal, action, resource);', /"scan\.none_new" is not one of/],
    ['an ask on a permit', '@id("x") @reason("x") @effect("ask") permit(principal, action, resource);', /belongs on a forbid/],
    ['an id used twice', PERMIT + PERMIT, /twice/],
    ['an attribute that is not in the schema', '@id("x") @reason("x") forbid(principal, action, resource) when { context.sensitvity == "public" };', /does not fit the schema/],
    ['an unknown action', '@id("x") @reason("x") forbid(principal, action == Action::"merge", resource);', /does not fit the schema/],
  ])('refuses %s', (_what, text, message) => {
    expect(refusal(() => load(text))).toMatch(message);
  });

  it.each([
    ['another effect', { effect: 'deny' }, /got allow by "all", need deny/],
    ['another rule', { effect: 'allow', rule: 'other' }, /need allow by "other"/],
    ['a rule that must not decide', { effect: 'allow', not: ['all'] }, /must not/],
    ['an unknown key', { effect: 'allow', rul: 'x' }, /expected form/],
  ] as const)('refuses an example with %s', (_what, expectation, message) => {
    const example = { name: 'e', request: REQUEST, expect: expectation } as PolicyExample;
    expect(refusal(() => load(PERMIT, [example]))).toMatch(message);
  });

  it('gives another version for another rule, and the same for the same content', () => {
    expect(load(PERMIT).version).toBe(load(PERMIT).version);
    expect(load(PERMIT).version).not.toBe(load(PERMIT.replace('everything', 'all')).version);
  });
});

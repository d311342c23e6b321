import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/scan/flow/analyse.js';
import { FLOW_RULES, flowRulesFor } from '../../../src/scan/flow/rules.js';

const found = (source: string, rule: string): readonly string[] =>
  analyse(rule.startsWith('py/') ? 'a.py' : 'a.tsx', source, { mode: 'fragment', rules: flowRulesFor(rule.startsWith('py/') ? 'a.py' : 'a.tsx') }).found.map((one) => one.rule).filter((id) => id === rule);

describe.each(FLOW_RULES.map((rule) => [rule.id, rule] as const))('%s', (id, rule) => {
  it.each(rule.examples.must)('finds %s', (source) => expect(found(source, id)).not.toEqual([]));
  it.each(rule.examples.mustNot)('leaves %s', (source) => expect(found(source, id)).toEqual([]));
  it('has a CWE, a remedy and examples of both kinds', () => {
    expect([rule.cwe === null, rule.help === '', rule.examples.must.length === 0, rule.examples.mustNot.length === 0]).toEqual([false, false, false, false]);
  });
});

it('gives each rule an id of its own', () => expect(new Set(FLOW_RULES.map((rule) => rule.id)).size).toBe(FLOW_RULES.length));

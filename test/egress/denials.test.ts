import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Denial, hintOf, linesToAdd, reasonsOf } from '../../src/egress/denials.js';

const denial = (line: Denial['line'], why = 'why'): Denial => ({ rule: 'rule', why, line, by: 'npm ci' });

describe('the lines to add', () => {
  it('stand as they do in sallyport.yaml, each once', () => {
    const denials = [denial({ key: 'packages.exempt', value: '@s/a@1.0.0' }), denial({ key: 'hosts', value: 'x.example' }), denial({ key: 'packages.exempt', value: '@s/a@1.0.0' }), denial({ key: 'packages.exempt', value: 'b@1.0.0' }), denial(null)];
    expect(linesToAdd(denials)).toBe('packages:\n  exempt:\n    - "@s/a@1.0.0" # asked for by npm ci\n    - "b@1.0.0" # asked for by npm ci\nhosts:\n  - "x.example" # asked for by npm ci');
    expect(hintOf(denials)).toBe(`A person may allow it by these lines in sallyport.yaml on the base, or in a file given with --env:\n${linesToAdd(denials)}`);
    expect([linesToAdd([denial(null)]), hintOf([])]).toEqual([null, undefined]);
  });

  it('are read back as they were written, whatever a name holds', () => {
    const value = 'a"b: {c}#d\n- e';
    expect(parse(linesToAdd([{ ...denial({ key: 'hosts', value }), by: 'x\n- evil\u2028\u001b[2J# y' }]) ?? '')).toEqual({ hosts: [value] });
  });

  it('are ten at most, and fit into an event', () => {
    const many = Array.from({ length: 30 }, (_, i) => denial({ key: 'packages.exempt', value: `${'x'.repeat(400)}${i}` }, `why ${i}`));
    expect([(hintOf(many)?.length ?? 0) < 4000, linesToAdd(many.map((d, i) => ({ ...d, line: { key: 'hosts', value: `${i}.example` } })))?.split('\n').length, reasonsOf(many).length, reasonsOf(many).at(-1)]).toEqual([true, 11, 11, 'and 20 more']);
  });
});

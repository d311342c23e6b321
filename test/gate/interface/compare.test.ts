import { describe, expect, it } from 'vitest';
import { compareInterfaces } from '../../../src/gate/interface/compare.js';
import { interfaceConditions, interfaceNotChecked } from '../../../src/gate/interface/condition.js';
import type { Entry, Offered } from '../../../src/sarif/interface/model.js';

/** `name kind parameters`. */
const entry = (offered: readonly string[], more: Partial<Entry> = {}): Entry => ({
  entry: 'main', path: 'index.js', unclear: null, ...more,
  offered: offered.map((text): Offered => {
    const [name = '', kind, ...rest] = text.split(' ');
    return { name, kind: kind as Offered['kind'], parameters: rest.length === 0 ? null : rest.join(' ') };
  }),
});
const compared = (base: readonly Entry[] | null, head: readonly Entry[] | null, problem: string | null = null) => compareInterfaces({ entries: base, problem }, { entries: head, problem: null });
const condition = (...sides: Parameters<typeof compared>) => {
  const offered = compared(...sides);
  return interfaceConditions(offered === null ? {} : { interface: offered }).map(({ holds, detail }) => `${holds}: ${detail}`);
};

describe('proof.interface_kept', () => {
  it('holds where all that was offered is there with the same parameters, and says how much is new', () => {
    expect(condition([entry(['a function (x)', 'B class ()'])], [entry(['B class ()', 'a function (x)', 'C class ()', 'C.m function ()'])])).toEqual(['yes: All that the package offered to others is there with the same parameters; 1 name is new.']);
  });

  it('is unknown where a name is gone, or takes other parameters, or is of another kind; of a class that is gone no member is said', () => {
    expect(condition([entry(['a function (x)', 'B class ()', 'B.m function ()', 'v value'])], [entry(['a function (x, y)', 'v function ()'])])).toEqual(['unknown: Of what the package offers to others 1 name is gone and 2 changed; a person has to say whether that was meant: B of main: was class (); a of main: was function (x), is function (x, y); v of main: was value, is function ().']);
    expect(condition([entry(['B class ()', 'B.m function ()'])], [entry(['B class ()'])])).toEqual(['unknown: Of what the package offers to others 1 name is gone and 0 changed; a person has to say whether that was meant: B.m of main: was function ().']);
  });

  it('is unknown where a way in is gone, though another leads to the same', () => {
    expect(condition([entry(['a value'])], [entry(['a value'], { entry: 'exports .' })])[0]).toMatch(/^unknown: .*1 name is gone/);
  });

  it('is unknown where it cannot be told on one side, whatever else is the same', () => {
    const unclear = entry(['a value'], { unclear: 'index.js line 1 gives its exports to a function' });
    expect(condition([entry(['a value'])], [unclear])).toEqual(['unknown: Whether the package offers what it did cannot be told: main on the head: index.js line 1 gives its exports to a function.']);
    expect(condition([], [], 'the scanner stopped')[0]).toMatch(/^unknown: .*the scanner stopped/);
    expect(condition(null, [entry(['a value'])])[0]).toMatch(/^unknown: .*a side was scanned by a version/);
  });

  it('is not there where neither side has a way into a package, which *not checked* says', () => {
    expect([condition([], []), interfaceNotChecked({})]).toEqual([[], ['the public interface: no way into a package of JavaScript or Python is known']]);
  });
});

it('an interface of any size makes evidence of a bounded one, with what is gone first', () => {
  const names = Array.from({ length: 700 }, (_, i) => `n${i} value`);
  const { changes, counts } = compared([entry(names)], [entry(Array.from({ length: 700 }, (_, i) => `m${i} value`))]) ?? { changes: [], counts: null };
  expect([changes.length, new Set(changes.map((one) => one.state)), counts]).toEqual([500, new Set(['removed']), { removed: 700, changed: 0, added: 700 }]);
});

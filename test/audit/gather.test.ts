import { describe, expect, it } from 'vitest';
import { gathered } from '../../src/audit/gather.js';

/** A store that holds its first transaction until it is let go, and remembers what came in one. */
function held(refuse: (events: readonly string[]) => boolean = () => false) {
  const groups: string[][] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const write = gathered<string, string>(async (task, events, epoch) => {
    groups.push([...events]);
    if (groups.length === 1) await gate;
    if (refuse(events)) throw new Error(`refused ${events.join()}`);
    return events.map((e) => `${task}/${epoch}/${e}`);
  });
  return { groups, write, open };
}

/** Until what was appended in this turn of the loop is on its way. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('appends that come together', () => {
  it('in one turn of the loop go in one transaction', async () => {
    const { groups, write, open } = held();
    open();
    expect(await Promise.all([write('t', ['end of one'], 1), Promise.resolve().then(() => write('t', ['start of the next'], 1))])).toEqual([['t/1/end of one'], ['t/1/start of the next']]);
    expect(groups).toEqual([['end of one', 'start of the next']]);
  });

  it('go in one transaction while another is under way, in their order, and each gets its own', async () => {
    const { groups, write, open } = held();
    const first = write('t', ['a'], 1);
    await turn();
    const all = [first, write('t', ['b', 'c'], 1), write('t', ['d'], 1), write('other', ['x'], null)];
    open();
    expect(await Promise.all(all)).toEqual([['t/1/a'], ['t/1/b', 't/1/c'], ['t/1/d'], ['other/null/x']]);
    expect(groups.map((group) => group.join()).sort()).toEqual(['a', 'b,c,d', 'x']);
  });

  it('of another epoch, or too many for one, wait for the next', async () => {
    const { groups, write, open } = held();
    const many = Array.from({ length: 400 }, (_, i) => `m${i}`);
    const first = write('t', ['a'], 1);
    await turn();
    const all = [first, write('t', ['b'], 1), write('t', ['c'], 2), write('t', ['d'], 1), write('t', many, 1), write('t', many, 1)];
    open();
    await Promise.all(all);
    expect(groups.map((g) => g.length)).toEqual([1, 1, 1, 401, 400]);
  });

  it('fail alone: what is refused for one is tried again for the others', async () => {
    const { groups, write, open } = held((events) => events.includes('bad'));
    const first = write('t', ['a'], 1);
    await turn();
    const all = [first, write('t', ['b'], 1), write('t', ['bad'], 1), write('t', ['c'], 1)].map((p) => p.then((r) => r.join(), (e: Error) => e.message));
    open();
    expect(await Promise.all(all)).toEqual(['t/1/a', 't/1/b', 'refused bad', 't/1/c']);
    expect(groups).toEqual([['a'], ['b', 'bad', 'c'], ['b'], ['bad'], ['c']]);
    expect(await write('t', ['later'], 1)).toEqual(['t/1/later']);
  });
});

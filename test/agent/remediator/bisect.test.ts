import { describe, expect, it } from 'vitest';
import { bisect } from '../../../src/agent/remediator/bisect.js';

/** Keeps what holds and counts the questions. */
async function run(items: readonly number[], holds: (group: readonly number[]) => boolean): Promise<{ kept: number[]; asked: number }> {
  let asked = 0;
  const kept = await bisect(items, async (group) => {
    asked++;
    expect(group.length).toBeGreaterThan(0);
    return holds(group);
  });
  return { kept, asked };
}

describe('halving', () => {
  it('drops the one that breaks with another and keeps all the rest', async () => {
    const { kept, asked } = await run([1, 2, 3, 4, 5, 6, 7, 8], (g) => !(g.includes(2) && g.includes(7)));
    expect(kept).toEqual([1, 2, 3, 4, 5, 6, 8]);
    expect(asked).toBeLessThan(8);
  });

  it('keeps nothing of what never holds, and asks about each at most once alone', async () => {
    expect(await run([1, 2, 3], () => false)).toEqual({ kept: [], asked: 4 });
  });

  it('has no question about nothing', async () => {
    expect(await run([], () => true)).toEqual({ kept: [], asked: 0 });
  });
});

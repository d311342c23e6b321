import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../fixtures/database.js';
import { type Home, openHome, type Ran } from '../support/cli.js';
import { watch } from '../support/hold.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

let home: Home;
let repo: string;
beforeEach(async () => {
  home = openHome();
  repo = join(home.folder, 'shop');
  makeRepo(repo, SHOP);
  expect((await home.sally(['tasks'])).code).toBe(0);
});
afterEach(() => home[Symbol.asyncDispose]());

const row = async (): Promise<{ state: string; verdict: string | null }> => ((await home.sally(['tasks', '--json'])).json as { state: string; verdict: string | null }[])[0] as { state: string; verdict: string | null };
const result = (ran: Ran): object => ({ code: ran.code, verdict: (ran.json as { verdict: string }).verdict });

describe('a run that is stopped', () => {
  it('ends with 130 at Ctrl-C, kills what runs, and resume comes to the same result without asking the model again', async () => {
    await using log = await watch(home.home);
    const live = home.start(['run', 'x', '--repo', repo, '--model', home.model([shell(MEND), shell('sleep 300'), shell(MEND), finish()])]);
    await log.seen("type = 'command.started' and data->'argv'->>2 = 'sleep 300'");
    live.kill('SIGINT');
    const stopped = await live.ended;
    expect({ code: stopped.code, stderr: stopped.stderr }).toEqual({ code: 130, stderr: expect.stringMatching(/stopped .*can be resumed: sallyport resume task_.*\[run\.interrupted\]/s) });
    expect(await row()).toMatchObject({ state: 'stopped', verdict: null });
    expect(await home.sally(['apply', 'last'])).toMatchObject({ code: 2, stderr: expect.stringContaining('[input.wrong_state]') });
    expect(result(await home.sally(['resume', 'last', '--json']))).toEqual({ code: 0, verdict: 'passed' });
    const events = await home.events();
    expect(events.filter((e) => e.type === 'model.requested').length).toBe(4);
    expect(events.filter((e) => e.type === 'run.stopped').map((e) => e.data.reason)).toEqual(['person']);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
    expect(await home.sally(['resume', 'last'])).toMatchObject({ code: 2, stderr: expect.stringContaining('[input.wrong_state]') });
  });

  it('waits with exit code 6 when its tokens are used up, and goes on with more', async () => {
    const args = ['run', 'x', '--repo', repo, '--model', home.model([shell(MEND), shell('cat cart.js'), finish()]), '--max-tokens', '1000', '--json'];
    const waiting = await home.sally(args);
    expect({ code: waiting.code, ...(waiting.json as object) }).toMatchObject({ code: 6, state: 'waiting', verdict: null, error: { code: 'budget.reached', hint: expect.stringContaining('--max-tokens') } });
    expect(await home.sally(['resume', 'last'])).toMatchObject({ code: 6 });
    const asked = (await home.events()).filter((e) => e.type === 'model.requested').length;
    expect(result(await home.sally(['resume', 'last', '--max-tokens', '200000', '--json']))).toEqual({ code: 0, verdict: 'passed' });
    expect((await home.events()).filter((e) => e.type === 'model.requested').length).toBe(3);
    expect(asked).toBeLessThan(3);
  });

  it('works in the background: returns at once, is followed, stopped and resumed', async () => {
    const model = home.model([shell(MEND), shell('sleep 300'), finish()]);
    const detached = await home.sally(['run', 'x', '--repo', repo, '--model', model, '--detach', '--json']);
    expect(detached).toMatchObject({ code: 0, json: { task: expect.stringMatching(/^task_/), state: 'created' } });
    const following = home.start(['log', 'last', '-f']);
    await until(() => following.lines.some((l) => l.text.includes('sleep 300')), 'the log shows what the agent does');
    expect(await row()).toMatchObject({ state: 'running' });
    expect((await home.sally(['show', 'last'])).stdout).toContain('running');
    expect(await home.sally(['resume', 'last'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is at it') });
    expect(await home.sally(['stop', 'last', '--json'])).toMatchObject({ code: 0, json: { state: 'stopped' } });
    expect((await following.ended).code).toBe(0);
    expect(await home.sally(['resume', 'last', '--detach'])).toMatchObject({ code: 0 });
    await until(async () => (await row()).state === 'done', 'the worker ends the task', 60_000);
    expect(await row()).toMatchObject({ verdict: 'passed' });
    expect(await home.sally(['stop', 'last'])).toMatchObject({ code: 2, stderr: expect.stringContaining('has ended') });
  });

  it('shows a sign of life at least every five seconds while nothing happens', async () => {
    const live = home.start(['run', 'x', '--repo', repo, '--model', home.model([shell(`${MEND}; sleep 11`), finish()])]);
    expect((await live.ended).code).toBe(0);
    const gaps = live.lines.map((line, i) => line.at - (live.lines[i - 1]?.at ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(6500);
    expect(live.lines.filter((l) => l.text.includes('…')).length).toBeGreaterThanOrEqual(2);
  });
});

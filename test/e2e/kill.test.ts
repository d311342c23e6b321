import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../fixtures/database.js';
import { type Home, openHome, processesOf } from '../support/cli.js';
import { cgroupsOf } from '../support/sandbox.js';
import { watch } from '../support/hold.js';
import { makeRepo } from '../support/repo.js';
import { finish, MEND, shell, SHOP } from '../support/shop.js';

let home: Home;
let run: string[];
beforeEach(async () => {
  home = openHome();
  makeRepo(join(home.folder, 'shop'), SHOP);
  run = ['run', 'x', '--repo', join(home.folder, 'shop'), '--json', '--model'];
  expect((await home.sally(['tasks'])).code).toBe(0);
});
afterEach(() => home[Symbol.asyncDispose]());

/** The verdict, a log without a gap that verifies, no repeated answer, and nothing of the killed worker's sandboxes. */
async function expectWholeEnd(answers: number): Promise<void> {
  const resumed = await home.sally(['resume', 'last', '--json']);
  expect({ code: resumed.code, ...(resumed.json as object) }).toMatchObject({ code: 0, state: 'done', verdict: 'passed', files: [{ path: 'cart.js' }] });
  const events = await home.events();
  expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i));
  expect(events.filter((e) => e.type === 'model.answered').length).toBe(answers);
  expect(events.filter((e) => e.type === 'gate.judged').map((e) => e.data.verdict)).toEqual(['passed']);
  expect(cgroupsOf(events.flatMap((e) => (e.type === 'sandbox.started' ? [e.data.sandbox] : [])))).toEqual([]);
  expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
}

/** Only the database lives. */
async function expectNothingInside(): Promise<void> {
  await until(() => processesOf(home.folder).every((line) => /postgres|owner\.js/.test(line)), `only the database lives: ${processesOf(home.folder).join('; ')}`, 5000);
}

describe('a worker that is killed', () => {
  it('in the middle of a tool call: its sandbox dies with it, and the next worker tells the agent and comes to the same end', async () => {
    await using log = await watch(home.home);
    const worker = home.start([...run, home.model([shell(MEND), shell('sleep 300'), shell(MEND), finish()])]);
    await log.seen("type = 'command.started' and data->'argv'->>2 = 'sleep 300'");
    worker.kill('SIGKILL');
    await worker.ended;
    await expectNothingInside();
    expect((await home.sally(['tasks', '--json'])).json).toMatchObject([{ verdict: null }]);
    await expectWholeEnd(4); // with the real lease: resume waits for it
  });

  it('when the model has answered and nothing was made of the answer: it is not asked again', async () => {
    await using log = await watch(home.home);
    await log.holdAt("type = 'turn.answered' and (data->>'turn')::int = 2");
    const worker = home.start([...run, home.model([shell(MEND), shell('cat cart.js'), finish()])]);
    await log.held();
    worker.kill('SIGKILL');
    await worker.ended;
    await log.letGo();
    await expectNothingInside();
    await log.expireLeases();
    await expectWholeEnd(3);
  });

  it('when a verdict is about to be written: the log has it once', async () => {
    await using log = await watch(home.home);
    await log.holdAt("type = 'step.ended' and data->>'step' = 'judge.1'");
    const worker = home.start([...run, home.model([shell(MEND), finish()])]);
    await log.held();
    worker.kill('SIGKILL');
    await worker.ended;
    await log.letGo();
    await log.expireLeases();
    const resumed = await home.sally(['resume', 'last', '--json']);
    expect({ code: resumed.code, ...(resumed.json as object) }).toMatchObject({ code: 0, verdict: 'passed' });
    const judged = (await home.events()).filter((e) => e.type === 'gate.judged');
    expect(new Set(judged.map((e) => e.data.evidence.digest)).size).toBe(1);
    expect((await home.sally(['approve', 'last', '--evidence', (resumed.json as { evidence: string }).evidence])).code).toBe(0);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
  });
});

describe('two workers on one task', () => {
  it('the second is refused while the first lives; a frozen one is taken over and writes nothing when it wakes', async () => {
    await using log = await watch(home.home);
    const first = home.start([...run, home.model([shell(MEND), shell('i=0; while true; do i=$((i+1)); echo $i > spam.txt; sleep 0.1; done'), finish()])]);
    await log.seen("type = 'command.started' and data->'argv'->>2 like 'i=0%'");
    expect(await home.sally(['resume', 'last'])).toMatchObject({ code: 2, stderr: expect.stringContaining('is at it') });
    expect(await home.sally(['worker', 'last'])).toMatchObject({ code: 0 });
    first.kill('SIGSTOP');
    const before = await log.count('true');
    const second = await home.sally(['resume', 'last', '--json']);
    expect({ code: second.code, ...(second.json as object) }).toMatchObject({ code: 0, verdict: 'passed' });
    const ended = await log.count('true');
    first.kill('SIGCONT');
    const fenced = await first.ended;
    expect({ code: fenced.code, error: (fenced.json as { error: { code: string } }).error.code }).toEqual({ code: 7, error: 'store.fenced' });
    expect(ended).toBeGreaterThan(before);
    expect(await log.count('true')).toBe(ended);
    const events = await home.events();
    expect(events.filter((e) => e.type === 'run.started' || e.type === 'run.resumed').map((e) => e.data.epoch)).toEqual([1, 2]);
    expect(cgroupsOf(events.flatMap((e) => (e.type === 'sandbox.started' ? [e.data.sandbox] : [])))).toEqual([]);
    expect((await home.sally(['tasks', '--json'])).json).toMatchObject([{ state: 'done', verdict: 'passed' }]);
  });
});

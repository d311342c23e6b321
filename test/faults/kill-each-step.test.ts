import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openHome } from '../support/cli.js';
import { cgroupsOf } from '../support/sandbox.js';
import { killAt } from '../support/hold.js';
import { makeRepo } from '../support/repo.js';
import { BREAK, finish, MEND, shell, SHOP } from '../support/shop.js';

const step = (name: string): [string, string] => [`before the result of ${name} is durable`, `type = 'step.ended' and data->>'step' = '${name}'`];
const first = (type: string): [string, string] => [`before the first ${type}`, `type = '${type}' and not exists (select from sallyport.events o where o.type = '${type}')`];
const inPhase = (type: string, phase: string): [string, string] => [`at ${type} of ${phase}`, `type = '${type}' and exists (select from sallyport.events o where o.type = 'sandbox.started' and o.data->>'phase' = '${phase}' and o.data->>'sandbox' = e.data->>'sandbox')`];
/** The turn whose answer is written is the second, which mends the fault again. */
const PLACES: readonly [string, string][] = [
  ...['source', 'setup', 'baseline', 'agent.1.1', 'agent.1.2', 'agent.1.4', 'change.1', 'verify.1', 'judge.1', 'feedback.1', 'agent.2.1', 'change.2', 'verify.2', 'judge.2', 'end'].map(step),
  ...['run.started', 'source.resolved', 'instructions.read', 'sandbox.started', 'command.started', 'command.ended', 'sandbox.ended', 'check.ended', 'scan.ended', 'model.requested', 'model.answered', 'turn.answered', 'tool.called', 'sandbox.probed', 'tool.ended', 'agent.finished', 'change.extracted', 'gate.judged', 'feedback.given', 'run.ended'].map(first),
  ...(['agent', 'extract', 'scan'] as const).flatMap((phase) => [[`at sandbox.started of ${phase}`, `type = 'sandbox.started' and data->>'phase' = '${phase}'`] as [string, string], inPhase('command.started', phase), inPhase('sandbox.ended', phase)]),
];

describe('a worker that is killed', () => {
  it.concurrent.each(PLACES)('%s: the next one comes to the same verdict', async (_, where) => {
    await using home = openHome();
    makeRepo(join(home.folder, 'shop'), SHOP);
    expect(await home.sally(['tasks'])).toMatchObject({ code: 0 });
    // Each effect is written twice, so that a call that was cut off (and is not repeated blindly) changes nothing about the end.
    const mend = `${MEND}; ${BREAK}`;
    const whole = 'sed -i \'s/"trolley"/"cart"/\' cart.js';
    const model = home.model([shell(mend), shell(mend), shell('cat cart.js'), finish('first'), shell(whole), shell(whole), finish('second')]);
    await killAt(home, where, ['run', 'x', '--repo', join(home.folder, 'shop'), '--json', '--model', model]);
    const resumed = await home.sally(['resume', 'last', '--json']);
    expect({ code: resumed.code, stdout: resumed.stdout }).toEqual({ code: 0, stdout: expect.stringContaining('"verdict":"passed"') });
    const events = await home.events();
    expect(events.map((e) => e.seq)).toEqual(events.map((__, i) => i));
    expect(new Set(events.filter((e) => e.type === 'step.ended').map((e) => e.data.step)).size).toBe(events.filter((e) => e.type === 'step.ended').length);
    expect(events.filter((e) => e.type === 'model.answered').length).toBe(7);
    expect([...new Set(events.flatMap((e) => (e.type === 'gate.judged' ? [`${e.data.round} ${e.data.verdict}`] : [])))]).toEqual(['1 failed', '2 passed']);
    expect(cgroupsOf(events.flatMap((e) => (e.type === 'sandbox.started' ? [e.data.sandbox] : [])))).toEqual([]);
    expect(await home.sally(['audit', 'verify'])).toMatchObject({ code: 0 });
  });
});

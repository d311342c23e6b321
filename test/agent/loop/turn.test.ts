import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemPrompt } from '../../../src/agent/loop/prompt.js';
import { runTurn, type TurnResult } from '../../../src/agent/loop/turn.js';
import { gatewayFetch } from '../../../src/gateway/gateway.js';
import { Meter } from '../../../src/gateway/meter.js';
import { Script, type ScriptedModel, startScriptedModel } from '../../../src/gateway/scripted/server.js';
import { SallyportError } from '../../../src/protocol/errors.js';
import type { EventType } from '../../../src/protocol/event.js';
import { DEFAULT_BUDGET } from '../../../src/protocol/task.js';
import type { ExecRequest, ExecResult, Sandbox } from '../../../src/sandbox/sandbox.js';
import { MemoryJournal } from '../../support/journal.js';

/** A sandbox that remembers what was run and answers with its argument: the tools themselves are tested in a real one. */
class EchoSandbox implements Sandbox {
  readonly id = 'sb_t';
  readonly phase = 'agent';
  readonly enforced = [];
  readonly missing = [];
  readonly ran: string[] = [];
  before: (request: ExecRequest) => void = () => undefined;

  async exec(request: ExecRequest): Promise<ExecResult> {
    this.ran.push(request.argv.at(-1) ?? '');
    this.before(request);
    return { exit: 0, signal: null, reason: 'exited', stdout: Buffer.from(`ran ${request.argv.at(-1)}`), stderr: Buffer.alloc(0), ms: 1 };
  }
  executed() {
    return null;
  }
  async close() {
    return { oomKills: 0, pidsRefused: 0, peakBytes: null, cpuMs: null };
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

let journal: MemoryJournal;
let sandbox: EchoSandbox;
let model: ScriptedModel | undefined;
let controller: AbortController;
beforeEach(() => {
  journal = new MemoryJournal();
  sandbox = new EchoSandbox();
  controller = new AbortController();
});
afterEach(async () => {
  await model?.[Symbol.asyncDispose]();
  model = undefined;
});

const shell = (command: string) => ({ name: 'shell', args: { command } });
async function script(...turns: object[]): Promise<void> {
  model = await startScriptedModel(Script.parse({ turns }));
}
async function turn(n: number, round = 1): Promise<TurnResult> {
  const baseUrl = model?.baseUrl ?? '';
  const target = { name: 'm', protocol: 'chat', baseUrl, script: null, keyRef: null, local: true } as const;
  return await runTurn({
    round, turn: n, system: systemPrompt('fix', 'Use tabs.', ['test']), task: 'mend it', model: 'm', protocol: 'chat', baseUrl, sandbox: async () => sandbox, events: [...journal.events], load: journal.load, journal, signal: controller.signal,
    fetch: gatewayFetch({ target, baseUrl, key: null, redact: (t) => t, meter: new Meter(DEFAULT_BUDGET, null, { tokens: 0, usd: 0 }), journal, signal: controller.signal, backoff: 1 }),
  });
}
const open: TurnResult = { done: false, reason: null, summary: null, citations: [], findings: [] };
/** Output of the tool calls so far, in order. */
const outputs = (): string[] => journal.of('tool.ended').map((e) => `${e.ok} ${journal.bodies.get(e.output.digest)}`);
/** The last request that the model got. */
const sent = (): { messages: { role: string; content: unknown; tool_calls?: unknown }[]; tools: { function: { name: string } }[] } => JSON.parse(String(journal.bodies.get(journal.of('model.requested').at(-1)?.request.digest ?? '')));

describe('a turn', () => {
  it('asks the model, performs its calls in order and shows it the results', async () => {
    await script({ text: 'look', tools: [shell('ls'), shell('pwd')] }, { tools: [{ name: 'finish', args: { summary: 'done', citations: ['a:1'], findings: [] } }] });
    expect(await turn(1)).toEqual(open);
    expect(journal.types).toEqual(['model.requested', 'model.answered', 'turn.answered', 'tool.called', 'tool.ended', 'tool.called', 'tool.ended']);
    expect([sandbox.ran, outputs()]).toEqual([['ls', 'pwd'], ['true ran ls\n[exit 0]', 'true ran pwd\n[exit 0]']]);
    expect(await turn(2)).toEqual({ done: true, reason: 'finish', summary: 'done', citations: ['a:1'], findings: [] });
    const { messages, tools } = sent();
    expect(messages.map((m) => m.role)).toEqual(['system', 'user', 'assistant', 'tool', 'tool']);
    expect(messages.slice(1).map((m) => m.content)).toEqual(['mend it', 'look', 'ran ls\n[exit 0]', 'ran pwd\n[exit 0]']);
    expect(tools.map((t) => t.function.name)).toEqual(['shell', 'read', 'search', 'apply_patch', 'plan', 'propose_environment', 'finish']);
  });

  it('ends without a tool call, with what the model said', async () => {
    await script({ text: ' I am done. ' });
    expect(await turn(1)).toEqual({ done: true, reason: 'no_tool_calls', summary: 'I am done.', citations: [], findings: [] });
  });

  it.each<[string, object, string]>([
    ['an unknown tool', { name: 'launch', args: {} }, 'There is no tool "launch". There are: shell, read'],
    ['the name of something every object has', { name: 'constructor', args: {} }, 'There is no tool "constructor"'],
    ['the name __proto__', { name: '__proto__', args: {} }, 'There is no tool "__proto__"'],
    ['a name without end', { name: 'x'.repeat(5000), args: {} }, `There is no tool "${'x'.repeat(100)}"`],
    ['a wrong input', { name: 'shell', args: { cmd: 'ls' } }, 'The input of shell is not right: command: '],
    ['a NUL byte', shell('a\0b'), 'The input of shell is not right: command: expected no NUL'],
  ])('tells the model about %s and goes on', async (_, call, part) => {
    await script({ tools: [call, shell('after')] }, { text: 'ok' });
    expect(await turn(1)).toEqual(open);
    expect([outputs()[0]?.startsWith(`false ${part}`), sandbox.ran]).toEqual([true, ['after']]);
    expect((await turn(2)).reason).toBe('no_tool_calls');
  });

  it('tells the model about arguments that are not JSON', async () => {
    const chunk = (delta: object, finish_reason: string | null): string => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 0, model: 'm', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
    await script({ raw: `${chunk({ role: 'assistant', tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'shell', arguments: '{"command": ' } }] }, null)}${chunk({}, 'tool_calls')}data: [DONE]\n\n` }, { text: 'ok' });
    expect(await turn(1)).toEqual(open);
    expect([outputs()[0]?.startsWith('false The input of shell is not right'), (await turn(2)).reason]).toEqual([true, 'no_tool_calls']);
  });

  it.each(['garbage', '{}', '{"choices":[]}', 'null'])('is model.failed when the answer is %j', async (raw) => {
    await script({ raw });
    await expect(turn(1)).rejects.toMatchObject({ code: 'model.failed' });
    expect(journal.of('turn.answered')).toEqual([]);
  });

  it('is model.failed after the last attempt, and keeps the gateway\'s own errors', async () => {
    await script({ status: 400 });
    await expect(turn(1)).rejects.toMatchObject({ code: 'model.failed', message: expect.stringContaining('400') });
    journal.fail = (type: EventType) => (type === 'model.requested' ? new SallyportError('store.fenced', 'taken over') : null);
    await expect(turn(1)).rejects.toMatchObject({ code: 'store.fenced' });
  });

  it('ends when the same calls come four times in a row, and not when they differ', async () => {
    await script({ tools: [shell('a')] }, { tools: [shell('b')] }, { tools: [shell('b')] }, { tools: [shell('b')] }, { tools: [shell('b')] });
    for (const n of [1, 2, 3, 4]) expect(await turn(n)).toEqual(open);
    expect(await turn(5)).toEqual({ done: true, reason: 'no_progress', summary: null, citations: [], findings: [] });
  });

  it('shows feedback of a round to the next one', async () => {
    await script({ tools: [{ name: 'finish', args: { summary: 's' } }] }, { text: 'second' });
    await turn(1);
    await journal.record('feedback.given', { round: 1, body: await journal.keep('the test still fails', 'text/plain') });
    expect((await turn(1, 2)).summary).toBe('second');
    expect(sent().messages.map((m) => m.role)).toEqual(['system', 'user', 'assistant', 'tool', 'user']);
  });
});

describe('a turn that was cut off', () => {
  it('does not ask again for an answer that is on the log', async () => {
    await script({ tools: [shell('ls')] });
    journal.fail = (type) => (type === 'tool.called' ? new Error('crash') : null);
    await expect(turn(1)).rejects.toThrow('crash');
    journal.fail = () => null;
    expect(await turn(1)).toEqual(open);
    expect([journal.of('model.requested').length, sandbox.ran]).toEqual([1, ['ls']]);
  });

  it('repeats no call that ended, reports one that was cut, and does the rest', async () => {
    await script({ tools: [shell('first'), shell('second'), shell('third')] }, { text: 'ok' });
    sandbox.before = ({ argv }) => {
      if (argv.at(-1) === 'second') throw new Error('crash');
    };
    await expect(turn(1)).rejects.toThrow('crash');
    sandbox.before = () => undefined;
    expect(await turn(1)).toEqual(open);
    expect(sandbox.ran).toEqual(['first', 'second', 'third']);
    expect(outputs()).toEqual(['true ran first\n[exit 0]', 'false Interrupted by a restart. Whether it took effect is not known: look before you repeat it.', 'true ran third\n[exit 0]']);
    expect([(await turn(2)).reason, sent().messages.filter((m) => m.role === 'tool').length]).toEqual(['no_tool_calls', 3]);
  });

  it('still knows that it was finished', async () => {
    await script({ tools: [{ name: 'finish', args: { summary: 'done' } }, shell('after')] });
    await turn(1);
    const result = { done: true, reason: 'finish', summary: 'done', citations: [], findings: [] };
    expect([await turn(1), await turn(1)]).toEqual([result, result]);
    expect(sandbox.ran).toEqual(['after']);
  });

  it('by a stop leaves the call open, so that resume reports it', async () => {
    await script({ tools: [shell('slow')] });
    sandbox.before = () => controller.abort(new Error('stopped'));
    await expect(turn(1)).rejects.toThrow('stopped');
    expect(journal.of('tool.ended')).toEqual([]);
    controller = new AbortController();
    expect(await turn(1)).toEqual(open);
    expect([sandbox.ran, outputs().length]).toEqual([['slow'], 1]);
  });
});

describe('the system prompt', () => {
  it('names the kind, the checks and whose instructions follow', () => {
    const text = systemPrompt('fix', 'Use tabs.', ['unit', 'lint']);
    expect([text.includes('Kind of task: fix.'), text.includes('(unit, lint)'), text.endsWith('Instructions of this repository (from its protected base):\n\nUse tabs.')]).toEqual([true, true, true]);
    expect(systemPrompt('ask', '', [])).not.toContain('Instructions of this repository');
  });
});

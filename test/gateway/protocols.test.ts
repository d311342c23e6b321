import { afterEach, describe, expect, it } from 'vitest';
import { complete } from '../../src/agent/loop/client.js';
import { TOOLS } from '../../src/agent/loop/tools.js';
import { gatewayFetch } from '../../src/gateway/gateway.js';
import { Meter } from '../../src/gateway/meter.js';
import { PROTOCOLS, readAnswer } from '../../src/gateway/protocols.js';
import { Script, type ScriptedModel, startScriptedModel } from '../../src/gateway/scripted/server.js';
import { DEFAULT_BUDGET, type ModelTarget } from '../../src/protocol/task.js';
import { MemoryJournal } from '../support/journal.js';

let model: ScriptedModel | undefined;
afterEach(async () => await model?.[Symbol.asyncDispose]());

type Protocol = ModelTarget['protocol'];
type Messages = Parameters<typeof complete>[0]['messages'];
const EACH: readonly Protocol[] = ['chat', 'responses', 'messages'];
const KEY = 'key-0123456789abcdef';

async function setUp(protocol: Protocol, turns: object[]) {
  model = await startScriptedModel(Script.parse({ turns }));
  const { baseUrl } = model;
  const seen: Headers[] = [];
  const journal = new MemoryJournal();
  const meter = new Meter(DEFAULT_BUDGET, { input: 1, output: 2 }, { tokens: 0, usd: 0 });
  const signal = new AbortController().signal;
  const target: ModelTarget = { name: 'm', protocol, baseUrl, script: null, keyRef: 'env:K', local: true };
  const fetch = gatewayFetch({
    target, baseUrl, key: KEY, redact: (t) => t, meter, journal, signal, backoff: 1,
    fetch: async (url, init) => {
      seen.push(new Headers(init?.headers));
      return await globalThis.fetch(url, init);
    },
  });
  const say = (messages: Messages) => complete({ model: 'm', protocol, baseUrl, fetch, system: 'Be brief.', messages, tools: TOOLS, signal });
  return { say, seen, journal, meter };
}
const asked: Messages = [{ role: 'user', content: 'mend it' }];

describe.each(EACH)('the wire protocol "%s", streamed through the gateway', (protocol) => {
  it('carries text and several tool calls, put together from pieces', async () => {
    const { say } = await setUp(protocol, [{ text: 'Looking at it.', tools: [{ name: 'shell', args: { command: 'ls "a b"\n' } }, { name: 'read', args: { path: 'ä.txt', from: 2 } }] }]);
    expect(await say(asked)).toEqual({ text: 'Looking at it.', calls: [{ name: 'shell', input: { command: 'ls "a b"\n' } }, { name: 'read', input: { path: 'ä.txt', from: 2 } }] });
  });

  it('keeps its place in a conversation with tool results and feedback', async () => {
    const { say } = await setUp(protocol, [{ text: 'first' }, { text: 'second' }, { text: 'third' }]);
    const call = (id: string): Messages => [
      { role: 'assistant', content: [{ type: 'text', text: 'x' }, { type: 'tool-call', toolCallId: id, toolName: 'shell', input: { command: 'ls' } }] },
      { role: 'tool', content: [{ type: 'tool-result', toolCallId: id, toolName: 'shell', output: { type: 'text', value: 'a' } }] },
    ];
    expect((await say(asked)).text).toBe('first');
    expect((await say([...asked, ...call('c1')])).text).toBe('second');
    expect((await say([...asked, ...call('c1'), ...call('c2'), { role: 'user', content: 'not yet' }])).text).toBe('third');
  });

  it('asks again when the stream was cut in mid-word, and counts both', async () => {
    const { say, journal } = await setUp(protocol, [{ text: 'a whole sentence', cut: true }]);
    expect((await say(asked)).text).toBe('a whole sentence');
    expect(journal.types.filter((t) => t.startsWith('model.'))).toEqual(['model.requested', 'model.answered', 'model.failed', 'model.requested', 'model.answered']);
    expect(journal.of('model.failed')[0]?.message).toBe('the stream was cut');
  });

  it('counts what the answer says it used', async () => {
    const { say, journal, meter } = await setUp(protocol, [{ text: 'ok' }]);
    await say(asked);
    const { inputTokens, outputTokens, usd } = journal.of('model.answered')[0] ?? {};
    expect([(inputTokens ?? 0) > 50, (outputTokens ?? 0) > 0, meter.spent.tokens]).toEqual([true, true, (inputTokens ?? 0) + (outputTokens ?? 0)]);
    expect(usd).toBeCloseTo(((inputTokens ?? 0) + 2 * (outputTokens ?? 0)) / 1e6, 9);
  });

  it('sends the key as this protocol wants it and nothing of the client\'s own', async () => {
    const { say, seen } = await setUp(protocol, [{ text: 'ok' }]);
    await say(asked);
    const headers = Object.fromEntries(seen[0] ?? []);
    expect(protocol === 'messages' ? headers['x-api-key'] : headers['authorization']).toBe(protocol === 'messages' ? KEY : `Bearer ${KEY}`);
    expect(JSON.stringify(headers)).not.toContain('given-by-the-gateway');
  });

  it('is model.failed when the endpoint refuses, and obeys a passing trouble', async () => {
    const { say } = await setUp(protocol, [{ text: 'ok', status: 503 }]);
    expect((await say(asked)).text).toBe('ok');
    const refused = await setUp(protocol, [{ status: 401 }]);
    await expect(refused.say(asked)).rejects.toMatchObject({ code: 'model.failed', message: expect.stringContaining('401') });
  });
});

describe('reading an answer', () => {
  const CHAT_END = 'data: {"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n';
  it.each<[Protocol, boolean, string, object]>([
    ['chat', true, CHAT_END, { whole: true, input: 3, output: 4 }],
    ['chat', true, CHAT_END.replace('data: [DONE]\n\n', ''), { whole: false, input: 3, output: 4 }],
    ['chat', false, '{"usage":{"prompt_tokens":1}}', { whole: true, input: 1, output: null }],
    ['chat', true, '', { whole: false, input: null, output: null }],
    ['responses', true, 'event: x\r\ndata: {"type":"response.completed",\r\ndata: "response":{"usage":{"input_tokens":5,"output_tokens":6}}}\r\n\r\n', { whole: true, input: 5, output: 6 }],
    ['messages', true, 'data: {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}\n\ndata: {"type":"message_delta","usage":{"output_tokens":8}}\n\ndata: {"type":"message_stop"}\n\n', { whole: true, input: 7, output: 8 }],
    ['messages', false, '{"usage":{"input_tokens":-7}}', { whole: true, input: null, output: null }],
    ['messages', true, 'data: not json\n\n', { whole: false, input: null, output: null }],
  ])('of %s (stream: %s) %j', (protocol, stream, text, expected) => {
    expect(readAnswer(PROTOCOLS[protocol], text, stream)).toEqual(expected);
  });
});

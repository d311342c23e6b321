import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type GatewayOptions, gatewayFetch } from '../../src/gateway/gateway.js';
import { Meter, type Spent } from '../../src/gateway/meter.js';
import { Script, startScriptedModel } from '../../src/gateway/scripted/server.js';
import { DEFAULT_BUDGET } from '../../src/protocol/task.js';
import { createRedactor } from '../../src/redact/redactor.js';
import { MemoryJournal } from '../support/journal.js';

const KEY = 'sk-the-key-of-the-model-endpoint';
const GOOD = JSON.stringify({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 50 } });
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
const say = (status: number, body: string, headers: Record<string, string> = {}): Answer => (_, response) => void response.writeHead(status, headers).end(body);

async function setUp(answers: readonly Answer[], options: Partial<GatewayOptions> = {}, spent: Spent = { tokens: 0, usd: 0 }) {
  const seen: { body: string; authorization: string | undefined }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    seen.push({ body, authorization: request.headers.authorization });
    (answers[seen.length - 1] ?? (answers.at(-1) as Answer))(request, response, body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const journal = new MemoryJournal();
  const meter = new Meter({ ...DEFAULT_BUDGET, tokens: 1000, usd: 1 }, { input: 1000, output: 2000 }, spent);
  const redactor = createRedactor({ known: ['hunter2-password', KEY] });
  const fetch = gatewayFetch({
    target: { name: 'm', protocol: 'chat', baseUrl, script: null, keyRef: 'K', local: true }, baseUrl, key: KEY, redact: (t) => redactor.redact(t), meter, journal, signal: new AbortController().signal, backoff: 1, ...options,
  });
  const raised: unknown[] = [];
  const send = (body: unknown = { model: 'm', messages: [] }, path = '/chat/completions', init: RequestInit = {}): Promise<Response> =>
    fetch(baseUrl + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init }).catch((error: unknown) => {
      raised.push(error);
      throw error;
    });
  return {
    seen, journal, meter, baseUrl, send, fetch,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      // Holds in every case: the key is sent and is nowhere else.
      expect(journal.text + raised.map((e) => `${String(e)} ${JSON.stringify(e)} ${(e as Error).stack}`).join('')).not.toContain(KEY);
    },
  };
}

describe('the gateway', () => {
  it('sends to the run\'s own model with the key, counts what was used and has both on the log', async () => {
    await using t = await setUp([say(200, GOOD)]);
    const response = await t.send({ model: 'm', messages: [{ role: 'user', content: 'hi' }], unknown_field: { x: 1 } });
    expect([response.status, await response.text()]).toEqual([200, GOOD]);
    expect(t.seen).toEqual([{ body: '{"model":"m","messages":[{"role":"user","content":"hi"}],"unknown_field":{"x":1}}', authorization: `Bearer ${KEY}` }]);
    expect(t.meter.spent).toEqual({ tokens: 150, usd: 0.2 });
    expect(t.journal.types).toEqual(['model.requested', 'model.answered']);
    expect(t.journal.of('model.answered')[0]).toMatchObject({ status: 200, inputTokens: 100, outputTokens: 50, usd: 0.2 });
  });

  it.each<[string, unknown, string, RequestInit]>([
    ['another model', { model: 'other', messages: [] }, '/chat/completions', {}],
    ['no model', { messages: [] }, '/chat/completions', {}],
    ['a list', [], '/chat/completions', {}],
    ['null', 'null', '/chat/completions', {}],
    ['no JSON', '{', '/chat/completions', {}],
    ['another endpoint', { model: 'm' }, '/files', {}],
    ['a path that leaves the base', { model: 'm' }, '/../v2/chat/completions', {}],
    ['a query', { model: 'm' }, '/chat/completions?x=1', {}],
    ['another method', { model: 'm' }, '/chat/completions', { method: 'PUT' }],
    ['bytes', { model: 'm' }, '/chat/completions', { body: new Uint8Array([1]) }],
  ])('refuses %s and sends nothing', async (_, body, path, init) => {
    await using t = await setUp([say(200, GOOD)]);
    await expect(t.send(body, path, init)).rejects.toMatchObject({ code: 'model.refused' });
    expect([t.seen, t.journal.events]).toEqual([[], []]);
  });

  it.each(['http://127.0.0.1:1/v1/chat/completions', 'https://example.com/v1/chat/completions', 'file:///v1/chat/completions'])('refuses the address %s', async (url) => {
    await using t = await setUp([say(200, GOOD)]);
    await expect(t.fetch(url, { method: 'POST', body: '{"model":"m"}' })).rejects.toMatchObject({ code: 'model.refused' });
  });

  it('takes secrets out of every string that is sent, also where they are keys', async () => {
    await using t = await setUp([say(200, GOOD)]);
    await t.send({ model: 'm', messages: [{ role: 'tool', content: 'PASS=hunter2-password "q"' }], 'hunter2-password': ['x hunter2-password'] });
    expect(t.seen[0]?.body).not.toContain('hunter2');
    expect(JSON.parse(t.seen[0]?.body ?? '').messages[0].content).toBe('PASS=[redacted:known-value] "q"');
    expect(t.journal.text).not.toContain('hunter2');
  });

  it('takes the key out of an answer that sends it back', async () => {
    await using t = await setUp([(request, response) => void response.end(JSON.stringify({ echo: request.headers.authorization }))]);
    expect(await (await t.send()).text()).toBe('{"echo":"Bearer [redacted:known-value]"}');
  });

  it('asks again after 429 and 5xx, obeys retry-after, and has every attempt on the log', async () => {
    await using t = await setUp([say(429, '{}', { 'retry-after': '0' }), say(500, '{}'), say(200, GOOD)], { backoff: 1 });
    expect((await t.send()).status).toBe(200);
    expect(t.journal.of('model.answered').map((a) => a.status)).toEqual([429, 500, 200]);
    expect(new Set(t.journal.of('model.requested').map((r) => r.call)).size).toBe(3);
    await using slow = await setUp([say(429, '{}', { 'retry-after': '1' }), say(200, GOOD)]);
    const began = performance.now();
    await slow.send();
    expect(performance.now() - began).toBeGreaterThan(900);
  });

  it('hands on the last failure after four attempts, and what is no passing trouble at once', async () => {
    await using t = await setUp([say(503, '{}')]);
    expect([(await t.send()).status, t.seen.length]).toEqual([503, 4]);
    await using bad = await setUp([say(400, '{"error":1}')]);
    expect([(await bad.send()).status, bad.seen.length]).toEqual([400, 1]);
  });

  it.each<[string, Answer, Partial<GatewayOptions>]>([
    ['breaks the connection', (request) => void request.socket.destroy(), {}],
    ['redirects', say(302, '', { location: 'http://127.0.0.1:1/' }), {}],
    ['says nothing', () => undefined, { timeout: 100 }],
  ])('is model.failed when the endpoint always %s', async (_, answer, options) => {
    await using t = await setUp([answer], options);
    await expect(t.send()).rejects.toMatchObject({ code: 'model.failed' });
    expect(t.journal.types).toEqual(Array.from({ length: 4 }, () => ['model.requested', 'model.failed']).flat());
  });

  it('is model.failed when nobody listens, and a key that cannot be sent is not named', async () => {
    await using t = await setUp([say(200, GOOD)], { fetch: (_, init) => globalThis.fetch('http://127.0.0.1:1/', init) });
    await expect(t.send()).rejects.toMatchObject({ code: 'model.failed', message: expect.stringContaining('Model "m"') });
    await using odd = await setUp([say(200, GOOD)], { key: `${KEY}\nx: y` });
    await expect(odd.send()).rejects.toMatchObject({ code: 'model.failed' });
  });

  it('stops at an answer over 32 MiB and does not ask for it again', async () => {
    await using t = await setUp([say(200, 'x'.repeat(33 * 1024 * 1024))]);
    await expect(t.send()).rejects.toMatchObject({ code: 'model.failed', message: expect.stringContaining('more than') });
    expect([t.seen.length, t.journal.types]).toEqual([1, ['model.requested', 'model.failed']]);
  });

  it.each([[{ tokens: 1000, usd: 0 }, '1000 of 1000 tokens'], [{ tokens: 0, usd: 1 }, '$1.00 of $1']])('makes no call when nothing of the budget is left: %j', async (spent, part) => {
    await using t = await setUp([say(200, GOOD)], {}, spent);
    await expect(t.send()).rejects.toMatchObject({ code: 'budget.reached', message: expect.stringContaining(part) });
    expect([t.seen, t.journal.events]).toEqual([[], []]);
  });

  it('stops between two calls once the budget is used', async () => {
    await using t = await setUp([say(200, JSON.stringify({ usage: { prompt_tokens: 900, completion_tokens: 100 } }))]);
    await t.send();
    await expect(t.send()).rejects.toMatchObject({ code: 'budget.reached' });
    expect(t.seen.length).toBe(1);
  });

  it.each(['garbage', '{}', '{"usage":null}', '{"usage":{"prompt_tokens":-5}}', '{"usage":{"prompt_tokens":"1"}}'])('passes on an answer whose usage is %j and counts what its sizes let one guess', async (text) => {
    await using t = await setUp([say(200, text)]);
    expect(await (await t.send()).text()).toBe(text);
    const { inputTokens, outputTokens } = t.journal.of('model.answered')[0] ?? {};
    expect(outputTokens).toBe(Math.ceil(text.length / 4));
    expect(inputTokens).toBeGreaterThan(0);
    expect(t.meter.spent.tokens).toBe((inputTokens ?? 0) + (outputTokens ?? 0));
  });

  it('counts nothing for an error of the endpoint', async () => {
    await using t = await setUp([say(400, '{"error":{}}')]);
    await t.send();
    expect(t.meter.spent).toEqual({ tokens: 0, usd: 0 });
  });

  it('stops at once when the run is stopped', async () => {
    const controller = new AbortController();
    await using t = await setUp([() => controller.abort(new Error('stopped'))], { signal: controller.signal });
    await expect(t.send()).rejects.toThrow('stopped');
    expect(t.seen.length).toBe(1);
  });
});

describe('the scripted model', () => {
  const ask = async (baseUrl: string, body: unknown, path = '/chat/completions'): Promise<[number, string]> => {
    const response = await fetch(baseUrl + path, { method: 'POST', body: JSON.stringify(body) });
    return [response.status, await response.text()];
  };
  const history = (turns: number): unknown => ({ model: 'm', messages: [{ role: 'user' }, ...Array.from({ length: turns }, () => ({ role: 'assistant' }))] });

  it('answers by the number of its own messages so far, so that it needs no memory', async () => {
    await using model = await startScriptedModel(Script.parse({ turns: [{ text: 'one', tools: [{ name: 'shell', args: { command: 'ls' } }] }, { status: 500, text: 'two' }, { raw: 'not json' }] }));
    const choice = async (turn: number): Promise<unknown> => JSON.parse((await ask(model.baseUrl, history(turn)))[1]).choices[0];
    const first = { index: 0, finish_reason: 'tool_calls', message: { role: 'assistant', content: 'one', tool_calls: [{ id: 'call_0_0', type: 'function', function: { name: 'shell', arguments: '{"command":"ls"}' } }] } };
    expect([await choice(0), await choice(0)]).toEqual([first, first]);
    expect((await ask(model.baseUrl, history(1)))[0]).toBe(500);
    expect(await choice(1)).toEqual({ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'two' } });
    expect(await ask(model.baseUrl, history(2))).toEqual([200, 'not json']);
    expect(await choice(3)).toMatchObject({ message: { content: 'Nothing is left to do.' } });
  });

  it('takes nothing else for a request', async () => {
    await using model = await startScriptedModel({ turns: [] });
    expect([(await ask(model.baseUrl, {}))[0], (await ask(model.baseUrl, history(0), '/models'))[0], (await fetch(`${model.baseUrl}/chat/completions`)).status]).toEqual([400, 404, 404]);
  });
});

import { z } from 'zod';
import { complete } from '../agent/loop/client.js';
import { gatewayFetch } from '../gateway/gateway.js';
import { Meter } from '../gateway/meter.js';
import { readScript, startScriptedModel } from '../gateway/scripted/server.js';
import { DEFAULT_BUDGET, type ModelTarget } from '../protocol/task.js';
import type { Journal } from '../protocol/event.js';

export interface ModelTest {
  readonly answered: boolean;
  /** It called the one tool that it was asked to call. */
  readonly toolCalls: boolean;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly ms: number;
}

/**
 * Asks a model to call one tool, through the gateway, as a run would. Nothing of any repository is sent, and it is no task, so
 * nothing is kept. Throws what the gateway throws.
 */
export async function testModel(target: ModelTarget, key: string | null, signal: AbortSignal): Promise<ModelTest> {
  const began = performance.now();
  let used: { inputTokens: number | null; outputTokens: number | null } = { inputTokens: null, outputTokens: null };
  const journal: Journal = {
    record: async (type, data) => {
      if (type === 'model.answered') used = data as typeof used;
    },
    keep: async (body, media) => ({ digest: `sha256:${'0'.repeat(64)}`, bytes: body.length, blind: true, media }),
  };
  await using scripted = target.script === null ? null : await startScriptedModel(await readScript(target.script));
  const baseUrl = scripted?.baseUrl ?? target.baseUrl ?? '';
  const answer = await complete({
    model: target.name, protocol: target.protocol, baseUrl, signal, system: 'You are being tested. Call the tool `ping` once, and do nothing else.', messages: [{ role: 'user', content: 'Call `ping` with the word "pong".' }],
    tools: { ping: { description: 'Answers the test.', input: z.strictObject({ word: z.string() }) } },
    fetch: gatewayFetch({ target, baseUrl, key, redact: (text) => text, meter: new Meter(DEFAULT_BUDGET, null, { tokens: 0, usd: 0 }), journal, signal, timeout: 60_000 }),
  });
  return { answered: true, toolCalls: answer.calls.some((c) => c.name === 'ping'), inputTokens: used.inputTokens, outputTokens: used.outputTokens, ms: Math.round(performance.now() - began) };
}

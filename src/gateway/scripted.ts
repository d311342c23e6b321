import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { SallyportError } from '../protocol/errors.js';

/**
 * What the scripted model answers, turn by turn. The turn is the number of assistant messages in the request, so the model
 * needs no memory and a resumed run gets the same answers. `status` makes it misbehave once at that turn.
 */
const Turn = z.strictObject({
  text: z.string().optional(),
  tools: z.array(z.strictObject({ name: z.string(), args: z.record(z.string(), z.json()) })).optional(),
  /** Milliseconds before it answers. */
  delay: z.int().min(0).max(600_000).optional(),
  /** HTTP status of the first answer at this turn; the next attempt is answered as written. */
  status: z.int().min(400).max(599).optional(),
  /** Sent instead of an answer, as it stands: for models that break the protocol. */
  raw: z.string().optional(),
});
export const Script = z.strictObject({ turns: z.array(Turn).max(1000) });
export type Script = z.infer<typeof Script>;

export interface ScriptedModel extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string;
}

const Completion = z.looseObject({ model: z.string(), messages: z.array(z.looseObject({ role: z.string() })) });

/** Reads and checks a script. Throws `input.invalid` with the place of the mistake. */
export async function readScript(file: string): Promise<Script> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new SallyportError('input.invalid', `Cannot read the script of the scripted model "${file}"`, { cause });
  });
  try {
    return Script.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? cause.issues.map((i) => `${i.path.join('.')}: ${i.message}`).slice(0, 3).join('; ') : String(cause);
    throw new SallyportError('input.invalid', `Cannot use the script "${file}": ${why}`, { cause });
  }
}

/**
 * A model that says what a script says, over the real wire protocol (Chat Completions) on a loopback port. It ships with the
 * product: whole runs are tested with it, and a demo needs no key.
 */
export async function startScriptedModel(script: Script): Promise<ScriptedModel> {
  const failed = new Set<number>();
  const server = createServer((request, response) => {
    answer(script, failed, request, response).catch(() => response.writeHead(400).end('{"error":{"message":"not a chat completion request"}}'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

async function answer(script: Script, failed: Set<number>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const json = (status: number, body: unknown): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.method !== 'POST' || !request.url?.endsWith('/chat/completions')) return json(404, { error: { message: 'no such endpoint' } });
  const text = Buffer.concat(chunks).toString('utf8');
  const { model, messages } = Completion.parse(JSON.parse(text));
  const index = messages.filter((m) => m.role === 'assistant').length;
  const turn = script.turns[index] ?? { text: 'Nothing is left to do.' };
  if (turn.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, turn.delay));
  if (turn.status !== undefined && !failed.has(index)) {
    failed.add(index);
    return json(turn.status, { error: { message: 'scripted failure', type: 'server_error' } });
  }
  if (turn.raw !== undefined) return void response.writeHead(200, { 'content-type': 'application/json' }).end(turn.raw);
  const calls = (turn.tools ?? []).map((t, i) => ({ id: `call_${index}_${i}`, type: 'function', function: { name: t.name, arguments: JSON.stringify(t.args) } }));
  const output = JSON.stringify(turn).length;
  json(200, {
    id: `chatcmpl-${index}`, object: 'chat.completion', created: 0, model,
    choices: [{ index: 0, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop', message: { role: 'assistant', content: turn.text ?? null, ...(calls.length > 0 ? { tool_calls: calls } : {}) } }],
    usage: { prompt_tokens: Math.ceil(text.length / 4), completion_tokens: Math.ceil(output / 4), total_tokens: Math.ceil((text.length + output) / 4) },
  });
}

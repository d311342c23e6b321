import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { SallyportError } from '../../protocol/errors.js';
import { CHAT, MESSAGES, RESPONSES, type Speaker } from './speakers.js';

/**
 * What the scripted model answers, turn by turn. The turn is the number of the assistant's turns in the request, so the model
 * needs no memory and a resumed run gets the same answers. `status`, `cut` and `raw` make it misbehave.
 */
const Turn = z.strictObject({
  text: z.string().optional(),
  tools: z.array(z.strictObject({ name: z.string(), args: z.record(z.string(), z.json()) })).optional(),
  /** Milliseconds before it answers. */
  delay: z.int().min(0).max(600_000).optional(),
  /** HTTP status of the first answer at this turn; the next attempt is answered as written. */
  status: z.int().min(400).max(599).optional(),
  /** Ends the first stream at this turn in mid-word. */
  cut: z.boolean().optional(),
  /** Sent instead of an answer, as it stands (a stream when it begins like one): for models that break the protocol. */
  raw: z.string().optional(),
});
export type ScriptTurn = z.infer<typeof Turn>;
export const Script = z.strictObject({ turns: z.array(Turn).max(1000) });
export type Script = z.infer<typeof Script>;

export interface ScriptedModel extends AsyncDisposable {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string;
}

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

const SPEAKERS: readonly Speaker[] = [CHAT, RESPONSES, MESSAGES];

/**
 * A model that says what a script says, over the real wire protocols (Chat Completions, Responses, Messages; streamed or
 * not) on a loopback port. It ships with the product: whole runs are tested with it, and a demo needs no key.
 */
export async function startScriptedModel(script: Script): Promise<ScriptedModel> {
  const misbehaved = new Set<string>();
  const server = createServer((request, response) => {
    answer(script, misbehaved, request, response).catch(() => response.writeHead(400).end('{"error":{"message":"not a request of this protocol"}}'));
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

async function answer(script: Script, misbehaved: Set<string>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const speaker = SPEAKERS.find((s) => request.url?.endsWith(s.path));
  const json = (status: number, body: unknown): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.method !== 'POST' || speaker === undefined) return json(404, { error: { message: 'no such endpoint' } });
  const text = Buffer.concat(chunks).toString('utf8');
  const asked = speaker.read(JSON.parse(text));
  const turn = script.turns[asked.turn] ?? { text: 'Nothing is left to do.' };
  const first = (what: string): boolean => !misbehaved.has(`${what}${asked.turn}`) && misbehaved.add(`${what}${asked.turn}`).size > 0;
  if (turn.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, turn.delay));
  if (turn.status !== undefined && first('status')) return json(turn.status, { error: { message: 'scripted failure', type: 'server_error' } });
  if (turn.raw !== undefined) return void response.writeHead(200, { 'content-type': /^(data|event):/.test(turn.raw) ? 'text/event-stream' : 'application/json' }).end(turn.raw);
  const usage = { input: Math.ceil(text.length / 4), output: Math.ceil(JSON.stringify(turn).length / 4) };
  const said = { model: asked.model, index: asked.turn, text: turn.text ?? null, calls: (turn.tools ?? []).map((t, i) => ({ id: `call_${asked.turn}_${i}`, name: t.name, args: JSON.stringify(t.args) })), usage };
  if (!asked.stream) return json(200, speaker.whole(said));
  const events = speaker.stream(said);
  const body = events.map((e) => (typeof e === 'string' ? `data: ${e}\n\n` : `event: ${e.type ?? 'message'}\ndata: ${JSON.stringify(e)}\n\n`)).join('');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(turn.cut === true && first('cut') ? body.slice(0, Math.floor(body.length / 2)) : body);
}

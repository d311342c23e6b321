import type { ModelMessage } from 'ai';
import { z } from 'zod';
import type { Event, Journal } from '../../protocol/event.js';
import type { BodyRef } from '../../protocol/evidence.js';
import type { ReviewFinding } from '../../protocol/review.js';
import type { ModelTarget } from '../../protocol/task.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { complete } from './client.js';
import { TOOLS, type ToolOutcome } from './tools.js';

export interface TurnRequest {
  readonly round: number;
  readonly turn: number;
  readonly system: string;
  readonly task: string;
  readonly model: string;
  readonly protocol: ModelTarget['protocol'];
  readonly baseUrl: string;
  /** The gateway. */
  readonly fetch: typeof globalThis.fetch;
  readonly sandbox: () => Promise<Pick<Sandbox, 'exec'>>;
  /** The task's events so far; the conversation is a fold over them. */
  readonly events: readonly Event[];
  readonly load: (ref: BodyRef) => Promise<Buffer>;
  readonly journal: Journal;
  readonly signal: AbortSignal;
}

export interface TurnResult {
  readonly done: boolean;
  readonly reason: 'finish' | 'no_tool_calls' | 'no_progress' | null;
  readonly summary: string | null;
  readonly citations: readonly string[];
  readonly findings: readonly ReviewFinding[];
}

/** A model may name a tool as it likes; what is longer is cut before it is kept. */
const NAME_CHARS = 100;

const Part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('tool-call'), toolCallId: z.string().min(1).max(200), toolName: z.string().max(NAME_CHARS), input: z.unknown() }),
]);
/** One assistant message as it is kept on the log. */
const Message = z.strictObject({ content: z.array(Part) });
type Message = z.infer<typeof Message>;
type Call = Extract<Message['content'][number], { type: 'tool-call' }>;

const SAME_CALL_LIMIT = 4;

/**
 * One turn: ask the model (or take its answer from the log), then perform its tool calls one after another. Safe to repeat
 * after a crash: an answer that is on the log is not asked for again, a tool call that ended is not done again, and one that
 * was cut off is reported to the model as such and not repeated blindly.
 */
export async function runTurn(request: TurnRequest): Promise<TurnResult> {
  const answered = request.events.find((e) => e.type === 'turn.answered' && e.data.round === request.round && e.data.turn === request.turn);
  const message = answered?.type === 'turn.answered' ? Message.parse(JSON.parse((await request.load(answered.data.message)).toString('utf8'))) : await ask(request);
  const calls = message.content.filter((p): p is Call => p.type === 'tool-call');
  if (calls.length === 0) return { done: true, reason: 'no_tool_calls', summary: textOf(message), citations: [], findings: [] };
  let finished: ToolOutcome['finished'];
  for (const call of calls) finished = (await perform(request, call)) ?? finished;
  if (finished !== undefined) return { done: true, reason: 'finish', summary: finished.summary, citations: finished.citations, findings: finished.findings };
  if (await repeatsItself(request, calls)) return { done: true, reason: 'no_progress', summary: null, citations: [], findings: [] };
  return { done: false, reason: null, summary: null, citations: [], findings: [] };
}

async function ask(request: TurnRequest): Promise<Message> {
  const answer = await complete({ ...request, tools: TOOLS, messages: await conversation(request) });
  const content: Message['content'] = [];
  if (answer.text !== '') content.push({ type: 'text', text: answer.text });
  for (const call of answer.calls) content.push({ type: 'tool-call', toolCallId: `r${request.round}t${request.turn}c${content.length}`, toolName: call.name.slice(0, NAME_CHARS), input: call.input ?? null });
  const message: Message = { content };
  await request.journal.record('turn.answered', { round: request.round, turn: request.turn, message: await request.journal.keep(JSON.stringify(message), 'application/json') });
  return message;
}

/** The messages so far, from the log alone. */
async function conversation(request: TurnRequest): Promise<ModelMessage[]> {
  const messages: ModelMessage[] = [{ role: 'user', content: request.task }];
  for (const event of request.events) {
    if (event.type === 'turn.answered') {
      const { content } = Message.parse(JSON.parse((await request.load(event.data.message)).toString('utf8')));
      messages.push({ role: 'assistant', content: content.length > 0 ? content : [{ type: 'text', text: '' }] } as ModelMessage);
    } else if (event.type === 'tool.ended') {
      const value = (await request.load(event.data.output)).toString('utf8');
      const call = request.events.find((e) => e.type === 'tool.called' && e.data.call === event.data.call);
      const toolName = call?.type === 'tool.called' ? call.data.name : 'unknown';
      messages.push({ role: 'tool', content: [{ type: 'tool-result', toolCallId: event.data.call, toolName, output: { type: 'text', value } }] });
    } else if (event.type === 'feedback.given') messages.push({ role: 'user', content: (await request.load(event.data.body)).toString('utf8') });
  }
  return messages;
}

async function perform(request: TurnRequest, call: Call): Promise<ToolOutcome['finished']> {
  const { round, turn, journal } = request;
  const id = call.toolCallId;
  const about = { round, turn, call: id };
  if (request.events.some((e) => e.type === 'tool.ended' && e.data.call === id)) return finishedBy(call);
  if (request.events.some((e) => e.type === 'tool.called' && e.data.call === id)) {
    await journal.record('tool.ended', { ...about, ok: false, output: await journal.keep('Interrupted by a restart. Whether it took effect is not known: look before you repeat it.', 'text/plain') });
    return undefined;
  }
  await journal.record('tool.called', { ...about, name: call.toolName, input: await journal.keep(JSON.stringify(call.input ?? null), 'application/json') });
  const outcome = await run(request, call);
  request.signal.throwIfAborted(); // cut off by a stop: said to be so on resume, and never as the command's own end
  if (outcome.proposed !== undefined) await journal.record('environment.proposed', { ...about, lines: [...outcome.proposed.lines], why: outcome.proposed.why });
  await journal.record('tool.ended', { ...about, ok: outcome.ok, output: await journal.keep(outcome.output, 'text/plain') });
  return outcome.finished;
}

async function run(request: TurnRequest, call: Call): Promise<ToolOutcome> {
  const known = Object.hasOwn(TOOLS, call.toolName) ? TOOLS[call.toolName] : undefined;
  if (known === undefined) return { ok: false, output: `There is no tool "${call.toolName}". There are: ${Object.keys(TOOLS).join(', ')}` };
  const parsed = known.input.safeParse(call.input);
  if (!parsed.success) return { ok: false, output: `The input of ${call.toolName} is not right: ${parsed.error.issues.map((i) => `${i.path.join('.') || 'input'}: ${i.message}`).join('; ')}` };
  return await known.run(parsed.data, { sandbox: await request.sandbox(), signal: request.signal });
}

/** After a restart: what a `finish` that already ended said. */
function finishedBy(call: Call): ToolOutcome['finished'] {
  const parsed = call.toolName === 'finish' ? (TOOLS['finish'] as (typeof TOOLS)[string]).input.safeParse(call.input) : null;
  if (parsed === null || !parsed.success) return undefined;
  const { summary, citations, findings } = parsed.data as { summary: string; citations?: string[]; findings?: ReviewFinding[] };
  return { summary, citations: citations ?? [], findings: findings ?? [] };
}

function textOf(message: Message): string {
  return message.content.map((p) => (p.type === 'text' ? p.text : '')).join('\n').trim();
}

/** True when the same calls came this many times in a row: the model is stuck. */
async function repeatsItself(request: TurnRequest, calls: readonly Call[]): Promise<boolean> {
  const key = (message: Message): string => JSON.stringify(message.content.flatMap((p) => (p.type === 'tool-call' ? [[p.toolName, p.input]] : [])));
  const before = request.events.filter((e) => e.type === 'turn.answered' && e.data.round === request.round && e.data.turn < request.turn).slice(-(SAME_CALL_LIMIT - 1));
  if (before.length < SAME_CALL_LIMIT - 1) return false;
  const now = key({ content: [...calls] });
  for (const event of before) {
    if (event.type !== 'turn.answered') continue;
    if (key(Message.parse(JSON.parse((await request.load(event.data.message)).toString('utf8')))) !== now) return false;
  }
  return true;
}

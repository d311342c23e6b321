import { z } from 'zod';
import type { ModelTarget } from '../protocol/task.js';

/** What one wire protocol looks like to the gateway. Pure. */
export interface WireProtocol {
  /** Below the base URL. */
  readonly path: string;
  /** Headers that carry the key. */
  auth(key: string): Record<string, string>;
  /** Headers that every request needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** The type of the event with which a stream ends; a stream without it was cut. */
  readonly end: (event: unknown) => boolean;
  /** Tokens that an answer, or one event of a stream, says were used so far. */
  usage(value: unknown): Partial<Used>;
}

export interface Used {
  readonly input: number;
  readonly output: number;
}

const Count = z.int().min(0);
const ChatUsage = z.looseObject({ usage: z.looseObject({ prompt_tokens: Count.optional(), completion_tokens: Count.optional() }) });
const Usage = z.looseObject({ input_tokens: Count.optional(), output_tokens: Count.optional() });
const Wrapped = z.union([
  z.looseObject({ usage: Usage }),
  z.looseObject({ response: z.looseObject({ usage: Usage }) }),
  z.looseObject({ message: z.looseObject({ usage: Usage }) }),
]);
const Typed = z.looseObject({ type: z.string() });

function typeOf(event: unknown): string | null {
  const parsed = Typed.safeParse(event);
  return parsed.success ? parsed.data.type : null;
}

function usageOfMessage(value: unknown): Partial<Used> {
  const parsed = Wrapped.safeParse(value);
  if (!parsed.success) return {};
  const found = parsed.data as { usage?: z.infer<typeof Usage>; response?: { usage: z.infer<typeof Usage> }; message?: { usage: z.infer<typeof Usage> } };
  const usage = found.usage ?? found.response?.usage ?? found.message?.usage;
  return { ...(usage?.input_tokens === undefined ? {} : { input: usage.input_tokens }), ...(usage?.output_tokens === undefined ? {} : { output: usage.output_tokens }) };
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

/**
 * `chat`: https://platform.openai.com/docs/api-reference/chat · `responses`: https://platform.openai.com/docs/api-reference/responses ·
 * `messages`: https://docs.anthropic.com/en/api/messages
 */
export const PROTOCOLS: Readonly<Record<ModelTarget['protocol'], WireProtocol>> = {
  chat: {
    path: '/chat/completions', auth: bearer, headers: {}, end: (event) => event === '[DONE]',
    usage(value) {
      const parsed = ChatUsage.safeParse(value);
      if (!parsed.success) return {};
      const { prompt_tokens: input, completion_tokens: output } = parsed.data.usage;
      return { ...(input === undefined ? {} : { input }), ...(output === undefined ? {} : { output }) };
    },
  },
  responses: {
    path: '/responses', auth: bearer, headers: {}, usage: usageOfMessage,
    end: (event) => ['response.completed', 'response.incomplete', 'response.failed'].includes(typeOf(event) ?? ''),
  },
  messages: {
    path: '/messages', auth: (key) => ({ 'x-api-key': key }), headers: { 'anthropic-version': '2023-06-01' }, usage: usageOfMessage,
    end: (event) => ['message_stop', 'error'].includes(typeOf(event) ?? ''),
  },
};

/** An answer as it came: whether it is whole, and what it says it used (null where it says nothing). */
export interface Read {
  readonly whole: boolean;
  readonly input: number | null;
  readonly output: number | null;
}

/** Reads a JSON answer or a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function readAnswer(protocol: WireProtocol, text: string, stream: boolean): Read {
  const events = stream ? dataOf(text) : [parse(text)];
  let used: Partial<Used> = {};
  for (const event of events) used = { ...used, ...protocol.usage(event) };
  return { whole: !stream || events.some(protocol.end), input: used.input ?? null, output: used.output ?? null };
}

function dataOf(text: string): unknown[] {
  return text.split(/\r?\n\r?\n/).flatMap((block) => {
    const data = block.split(/\r?\n/).filter((l) => l.startsWith('data:')).map((l) => l.slice(5).replace(/^ /, '')).join('\n');
    return data === '' ? [] : [data === '[DONE]' ? data : parse(data)];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // not in the protocol: the model client says what is wrong with it
  }
}

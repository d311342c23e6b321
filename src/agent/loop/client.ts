import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { type LanguageModel, type ModelMessage, streamText, tool } from 'ai';
import { SallyportError } from '../../protocol/errors.js';
import type { ModelTarget } from '../../protocol/task.js';
import type { Tool } from './tools.js';

export interface Completion {
  readonly model: string;
  readonly protocol: ModelTarget['protocol'];
  readonly baseUrl: string;
  /** The gateway. */
  readonly fetch: typeof globalThis.fetch;
  readonly system: string;
  readonly messages: ModelMessage[];
  readonly tools: Readonly<Record<string, Pick<Tool, 'description' | 'input'>>>;
  readonly signal: AbortSignal;
}

export interface Completed {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly input: unknown }[];
}

/** Most tokens of one answer over the Messages protocol. */
const MESSAGES_TOKENS = 16_000;

/** One answer of a model, streamed, whatever its wire protocol. Throws the gateway's own error, or `model.failed`. */
export async function complete(request: Completion): Promise<Completed> {
  let failed: unknown;
  const answer = streamText({
    model: languageModel(request), instructions: request.system, messages: request.messages, maxRetries: 0, abortSignal: request.signal,
    tools: Object.fromEntries(Object.entries(request.tools).map(([name, t]) => [name, tool({ description: t.description, inputSchema: t.input })])),
    // Chat and Responses endpoints know their own limit; Messages wants one named.
    ...(request.protocol === 'messages' ? { maxOutputTokens: MESSAGES_TOKENS } : {}),
    providerOptions: { openai: { store: false } },
    onError: ({ error }) => {
      failed ??= error;
    },
  });
  try {
    await answer.consumeStream();
    if (failed !== undefined) throw failed;
    const [text, calls] = await Promise.all([answer.text, answer.toolCalls]);
    return { text, calls: calls.map((c) => ({ name: c.toolName, input: c.input })) };
  } catch (cause) {
    throw failure(failed ?? cause, request.signal);
  }
}

/** The key that the client is given is none: the gateway puts the real one in. */
function languageModel({ protocol, model, baseUrl, fetch }: Completion): LanguageModel {
  const options = { baseURL: baseUrl, apiKey: 'given-by-the-gateway', fetch };
  switch (protocol) {
    case 'chat':
      return createOpenAICompatible({ name: 'gateway', includeUsage: true, ...options })(model);
    case 'responses':
      return createOpenAI(options).responses(model);
    case 'messages':
      return createAnthropic(options)(model);
    default:
      return protocol satisfies never;
  }
}

/** The gateway's own errors come wrapped by the client; a breach of the protocol becomes `model.failed`. */
function failure(cause: unknown, signal: AbortSignal): unknown {
  signal.throwIfAborted();
  for (let at: unknown = cause; at instanceof Error; at = at.cause) if (at instanceof SallyportError) return at;
  const status = cause instanceof Error && 'statusCode' in cause && cause.statusCode !== undefined ? ` (status ${String(cause.statusCode)})` : '';
  return new SallyportError('model.failed', `The model's answer cannot be used${status}: ${cause instanceof Error ? cause.message.slice(0, 300) : String(cause)}`, { cause });
}

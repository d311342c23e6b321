import { z } from 'zod';

/** What the scripted model has to say at one turn. */
export interface Said {
  readonly model: string;
  readonly index: number;
  readonly text: string | null;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly args: string }[];
  readonly usage: { readonly input: number; readonly output: number };
}

/** One wire protocol, from the model's side. */
export interface Speaker {
  readonly path: string;
  /** Throws a ZodError for what is not a request of this protocol. `turn` counts the assistant's turns so far. */
  read(value: unknown): { readonly model: string; readonly stream: boolean; readonly turn: number };
  whole(said: Said): object;
  /** Events in order; strings are sent as they stand. */
  stream(said: Said): readonly (string | ({ readonly type?: string } & object))[];
}

const Common = { model: z.string(), stream: z.boolean().optional() };
const Roles = z.array(z.looseObject({ role: z.string() }));
const assistants = (messages: readonly { role: string }[]): number => messages.filter((m) => m.role === 'assistant').length;

/** Chat Completions: https://platform.openai.com/docs/api-reference/chat */
export const CHAT: Speaker = {
  path: '/chat/completions',
  read(value) {
    const { model, stream, messages } = z.looseObject({ ...Common, messages: Roles }).parse(value);
    return { model, stream: stream === true, turn: assistants(messages) };
  },
  whole: (said) => ({
    id: `chatcmpl-${said.index}`, object: 'chat.completion', created: 0, model: said.model, usage: chatUsage(said),
    choices: [{ index: 0, finish_reason: reason(said), message: { role: 'assistant', content: said.text, ...(said.calls.length > 0 ? { tool_calls: said.calls.map(chatCall) } : {}) } }],
  }),
  stream(said) {
    const chunk = (delta: object, finish: string | null = null): object => ({ id: `chatcmpl-${said.index}`, object: 'chat.completion.chunk', created: 0, model: said.model, choices: [{ index: 0, delta, finish_reason: finish }] });
    return [
      chunk({ role: 'assistant', content: '' }),
      ...(said.text === null ? [] : halves(said.text).map((content) => chunk({ content }))),
      ...said.calls.flatMap((call, index) => [
        chunk({ tool_calls: [{ index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }] }),
        ...halves(call.args).map((part) => chunk({ tool_calls: [{ index, function: { arguments: part } }] })),
      ]),
      chunk({}, reason(said)),
      { id: `chatcmpl-${said.index}`, object: 'chat.completion.chunk', created: 0, model: said.model, choices: [], usage: chatUsage(said) },
      '[DONE]',
    ];
  },
};

function chatUsage({ usage }: Said): object {
  return { prompt_tokens: usage.input, completion_tokens: usage.output, total_tokens: usage.input + usage.output };
}
function chatCall(call: Said['calls'][number]): object {
  return { id: call.id, type: 'function', function: { name: call.name, arguments: call.args } };
}
function reason(said: Said): string {
  return said.calls.length > 0 ? 'tool_calls' : 'stop';
}
/** A text in two pieces: clients must put it together again. */
function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((part) => part !== '');
}

/** Responses: https://platform.openai.com/docs/api-reference/responses */
export const RESPONSES: Speaker = {
  path: '/responses',
  read(value) {
    const { model, stream, input } = z.looseObject({ ...Common, input: z.array(z.looseObject({ type: z.string().optional(), role: z.string().optional() })) }).parse(value);
    const own = input.map((item) => item.role === 'assistant' || item.type === 'function_call' || item.type === 'reasoning');
    return { model, stream: stream === true, turn: own.filter((mine, i) => mine && own[i - 1] !== true).length };
  },
  whole: (said) => response(said, 'completed', output(said)),
  stream(said) {
    const items = output(said);
    return [
      { type: 'response.created', response: response(said, 'in_progress', []) },
      ...items.flatMap((item, output_index) => itemEvents(item, output_index)),
      { type: 'response.completed', response: response(said, 'completed', items) },
    ];
  },
};

type Item = { readonly type: string; readonly id: string } & Readonly<Record<string, unknown>>;

function response(said: Said, status: string, items: readonly Item[]): object {
  return {
    id: `resp_${said.index}`, object: 'response', created_at: 0, status, model: said.model, output: items, incomplete_details: null, error: null,
    usage: status === 'completed' ? { input_tokens: said.usage.input, output_tokens: said.usage.output, total_tokens: said.usage.input + said.usage.output, input_tokens_details: { cached_tokens: 0 }, output_tokens_details: { reasoning_tokens: 0 } } : null,
  };
}

function output(said: Said): Item[] {
  const message = said.text === null ? [] : [{ type: 'message', id: `msg_${said.index}`, status: 'completed', role: 'assistant', content: [{ type: 'output_text', text: said.text, annotations: [] }] }];
  return [...message, ...said.calls.map((c) => ({ type: 'function_call', id: `fc_${c.id}`, call_id: c.id, name: c.name, arguments: c.args, status: 'completed' }))];
}

function itemEvents(item: Item, output_index: number): Readonly<Record<string, unknown> & { readonly type: string }>[] {
  const at = { item_id: item.id, output_index };
  if (item.type === 'function_call') {
    return [
      { type: 'response.output_item.added', output_index, item: { ...item, arguments: '', status: 'in_progress' } },
      ...halves(String(item['arguments'])).map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
      { type: 'response.function_call_arguments.done', ...at, arguments: item['arguments'] },
      { type: 'response.output_item.done', output_index, item },
    ];
  }
  const [part] = item['content'] as [{ text: string }];
  return [
    { type: 'response.output_item.added', output_index, item: { ...item, content: [], status: 'in_progress' } },
    { type: 'response.content_part.added', ...at, content_index: 0, part: { type: 'output_text', text: '', annotations: [] } },
    ...halves(part.text).map((delta) => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, content_index: 0, text: part.text, logprobs: [] },
    { type: 'response.content_part.done', ...at, content_index: 0, part },
    { type: 'response.output_item.done', output_index, item },
  ];
}

/** Messages: https://docs.anthropic.com/en/api/messages */
export const MESSAGES: Speaker = {
  path: '/messages',
  read(value) {
    const { model, stream, messages } = z.looseObject({ ...Common, messages: Roles, max_tokens: z.int() }).parse(value);
    return { model, stream: stream === true, turn: assistants(messages) };
  },
  whole: (said) => ({ ...message(said), content: blocks(said), stop_reason: stop(said) }),
  stream: (said) => [
    { type: 'message_start', message: { ...message(said), content: [], stop_reason: null, usage: { input_tokens: said.usage.input, output_tokens: 0 } } },
    ...blocks(said).flatMap((block, index) => [
      { type: 'content_block_start', index, content_block: block.type === 'text' ? { type: 'text', text: '' } : { ...block, input: {} } },
      ...halves(block.type === 'text' ? String(block['text']) : JSON.stringify(block['input'])).map((part) => ({ type: 'content_block_delta', index, delta: block.type === 'text' ? { type: 'text_delta', text: part } : { type: 'input_json_delta', partial_json: part } })),
      { type: 'content_block_stop', index },
    ]),
    { type: 'message_delta', delta: { stop_reason: stop(said), stop_sequence: null }, usage: { output_tokens: said.usage.output } },
    { type: 'message_stop' },
  ],
};

function message(said: Said): object {
  return { id: `msg_${said.index}`, type: 'message', role: 'assistant', model: said.model, stop_sequence: null, usage: { input_tokens: said.usage.input, output_tokens: said.usage.output } };
}
function blocks(said: Said): ({ readonly type: string } & Readonly<Record<string, unknown>>)[] {
  return [...(said.text === null ? [] : [{ type: 'text', text: said.text }]), ...said.calls.map((c) => ({ type: 'tool_use', id: c.id, name: c.name, input: JSON.parse(c.args) }))];
}
function stop(said: Said): string {
  return said.calls.length > 0 ? 'tool_use' : 'end_turn';
}

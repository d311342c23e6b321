import { setTimeout as sleep } from 'node:timers/promises';
import { scrub } from '../audit/scrub.js';
import { SallyportError } from '../protocol/errors.js';
import type { Journal } from '../protocol/event.js';
import { newId } from '../protocol/ids.js';
import type { ModelTarget } from '../protocol/task.js';
import type { Meter } from './meter.js';
import { PROTOCOLS, readAnswer } from './protocols.js';

/** Everything that one run's model calls pass through. The key exists here and nowhere else. */
export interface GatewayOptions {
  readonly target: ModelTarget;
  /** Base URL that requests must have; for a scripted model, where the worker started it. */
  readonly baseUrl: string;
  readonly key: string | null;
  readonly redact: (text: string) => string;
  readonly meter: Meter;
  readonly journal: Journal;
  readonly signal: AbortSignal;
  readonly fetch?: typeof globalThis.fetch;
  /** Milliseconds for one attempt. Default 300,000. */
  readonly timeout?: number;
  /** Milliseconds before the second attempt; doubled for each one after. Default 500. */
  readonly backoff?: number;
}

const RETRIES = 3;
const MAX_ANSWER = 32 * 1024 * 1024;
const MAX_WAIT_MS = 60_000;
const RETRIED = new Set([408, 409, 429, 500, 502, 503, 504, 529]);

/**
 * A `fetch` for a model client that lets through exactly one kind of request: POST to the run's own model at the run's own
 * endpoint. Secrets are taken out of what is sent, the budget is asked first, and request and answer are on the log. A stream is
 * taken in whole before it is handed on: one that was cut is asked for again, and nothing that is not on the log reaches the loop.
 */
export function gatewayFetch(options: GatewayOptions): typeof globalThis.fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const body = checkRequest(options, url, init);
    options.meter.assertLeft();
    return await call(options, url, body);
  };
}

function checkRequest({ target, baseUrl, redact }: GatewayOptions, url: URL, init: RequestInit | undefined): string {
  const allowed = `${baseUrl.replace(/\/+$/, '')}${PROTOCOLS[target.protocol].path}`;
  const refuse = (why: string): SallyportError => new SallyportError('model.refused', `The gateway refuses this request: ${why}`);
  if (url.href !== new URL(allowed).href) throw refuse(`its address is not the one of model "${target.name}"`);
  if (init?.method !== 'POST' || typeof init.body !== 'string') throw refuse('only POST of a JSON text is let through');
  const value = parseJson(init.body);
  if (typeof value !== 'object' || value === null || !('model' in value) || value.model !== target.name) throw refuse(`it names another model than "${target.name}"`);
  return JSON.stringify(scrub(value, redact));
}

/** Undefined where it is not JSON: that names no model, so it is refused. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function call(options: GatewayOptions, url: URL, body: string): Promise<Response> {
  const { journal, target, key } = options;
  const protocol = PROTOCOLS[target.protocol];
  for (let attempt = 0; ; attempt++) {
    const id = newId('cmd');
    await journal.record('model.requested', { call: id, model: target.name, host: url.host, request: await journal.keep(body, 'application/json') });
    const began = performance.now();
    try {
      const response = await (options.fetch ?? globalThis.fetch)(url, {
        method: 'POST', body, redirect: 'error', signal: AbortSignal.any([options.signal, AbortSignal.timeout(options.timeout ?? 300_000)]),
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...protocol.headers, ...(key === null ? {} : protocol.auth(key)) },
      });
      const text = hide(await bounded(response), key);
      const type = response.headers.get('content-type') ?? 'application/json';
      const answer = readAnswer(protocol, text, response.ok && type.startsWith('text/event-stream'));
      const usage = response.ok ? { input: answer.input ?? guess(body), output: answer.output ?? guess(text) } : { input: null, output: null };
      const usd = options.meter.add(usage.input, usage.output);
      await journal.record('model.answered', {
        call: id, status: response.status, response: await journal.keep(text, type.split(';')[0] ?? type), inputTokens: usage.input, outputTokens: usage.output, usd,
        ms: Math.round(performance.now() - began),
      });
      if (!answer.whole) throw new TypeError('the stream was cut');
      if (!RETRIED.has(response.status) || attempt >= RETRIES) return new Response(text, { status: response.status, headers: { 'content-type': type } });
      await wait(response.headers.get('retry-after'), attempt, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof SallyportError && error.code !== 'model.failed') throw error;
      await journal.record('model.failed', { call: id, message: describe(error) });
      if (error instanceof SallyportError) throw error; // too long an answer is not asked for again
      if (attempt >= RETRIES) throw new SallyportError('model.failed', `Model "${target.name}" at ${url.host} cannot be reached: ${describe(error)}`, { cause: error, hint: 'Check the address and the network, then: sallyport resume TASK' });
      await wait(null, attempt, options);
    }
  }
}

/** An endpoint that sends the key back must not bring it into the conversation, from where a tool call would carry it into the sandbox. */
function hide(text: string, key: string | null): string {
  return key === null || key === '' ? text : text.replaceAll(key, '[redacted:known-value]');
}

/** Obeys `retry-after` (seconds) up to a minute, otherwise backs off 0.5, 1, 2 … seconds. */
async function wait(retryAfter: string | null, attempt: number, { signal, backoff }: GatewayOptions): Promise<void> {
  const asked = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : (backoff ?? 500) * 2 ** attempt;
  await sleep(Math.min(asked, MAX_WAIT_MS), undefined, { signal });
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new SallyportError('model.failed', `The model sent more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Characters of a token, for endpoints that do not say what they used: a budget must not be escaped by silence. */
const CHARACTERS = 4;

function guess(text: string): number {
  return Math.ceil(text.length / CHARACTERS);
}

/** The cause without the address of a proxy or a key: only names and codes. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const cause = error.cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : error.message === 'the stream was cut' ? error.message : error.name;
  return error instanceof SallyportError ? error.message : code;
}

import { describe, expect, it } from 'vitest';
import { getBounded, Refusal, type Upstream } from '../../src/egress/upstream.js';

const REGISTRY = { url: 'http://registry.test', authorization: null };

/** Answers in order; a number is a status, an error is thrown. */
function upstream(answers: readonly (number | Error)[]): { readonly upstream: Upstream; readonly asked: () => number } {
  let asked = 0;
  const fetch = (async () => {
    const answer = answers[asked++] ?? 200;
    if (answer instanceof Error) throw answer;
    return new Response('body', { status: answer });
  }) as typeof globalThis.fetch;
  return { upstream: { registry: REGISTRY, fetch, pauses: [0, 0] }, asked: () => asked };
}

describe('asking the registry', () => {
  it.each<[string, readonly (number | Error)[], number]>([
    ['a connection that broke', [new Error('ECONNRESET')], 2],
    ['no answer in time, twice', [new DOMException('late', 'TimeoutError'), new DOMException('late', 'TimeoutError')], 3],
    ['too many requests', [429], 2],
    ['a server in trouble', [502, 503], 3],
  ])('is done again after %s', async (_, answers, times) => {
    const { upstream: up, asked } = upstream(answers);
    expect((await getBounded(up, 'http://registry.test/a', 100, 'short', new AbortController().signal)).toString()).toBe('body');
    expect(asked()).toBe(times);
  });

  it.each<[string, number]>([['not found', 404], ['not allowed', 403]])('is not done again when it is %s', async (_, status) => {
    const { upstream: up, asked } = upstream([status]);
    await expect(getBounded(up, 'http://registry.test/a', 100, 'short', new AbortController().signal)).rejects.toBeInstanceOf(Refusal);
    expect(asked()).toBe(1);
  });

  it('says why it cannot be reached, and does not ask again where that will not change', async () => {
    const { upstream: up, asked } = upstream([Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('x'), { code: 'SELF_SIGNED_CERT_IN_CHAIN' }) })]);
    await expect(getBounded(up, 'http://registry.test/a', 100, 'short', new AbortController().signal)).rejects.toThrow('The registry cannot be reached (SELF_SIGNED_CERT_IN_CHAIN)');
    expect(asked()).toBe(1);
  });

  it('ends after the last repetition, and at once when it is stopped', async () => {
    const { upstream: up, asked } = upstream([500, 500, 500, 500]);
    await expect(getBounded(up, 'http://registry.test/a', 100, 'short', new AbortController().signal)).rejects.toThrow('The registry answered 500');
    expect(asked()).toBe(3);
    const stopped = upstream([new Error('broken')]);
    await expect(getBounded(stopped.upstream, 'http://registry.test/a', 100, 'short', AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(stopped.asked()).toBe(1);
  });
});

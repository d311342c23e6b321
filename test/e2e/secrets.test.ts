import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Home, openHome } from '../support/cli.js';
import { makeRepo } from '../support/repo.js';
import { MEND, SHOP } from '../support/shop.js';

let home: Home;
beforeAll(() => {
  home = openHome();
});
afterAll(() => home[Symbol.asyncDispose]());

/** Every file below a folder that holds one of the texts. */
function holders(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name)).filter((path) => {
    const body = readFileSync(path);
    return texts.some((text) => body.includes(text));
  });
}

it('the model key and a secret of the repository are in no file of the state directory and in no output, and do not reach the model', async () => {
  const key = `sk-live-${randomBytes(16).toString('hex')}`;
  const token = `ghp_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`;
  const asked: { authorization: string | undefined; body: string }[] = [];
  const script = [
    { name: 'shell', arguments: { command: `cat config.js; env; ${MEND}` } },
    { name: 'shell', arguments: { command: `echo key ${key} > /dev/null; cat config.js | base64 > /dev/null; echo '${token}'` } }, // the endpoint itself sends it back
    { name: 'finish', arguments: { summary: `the key was ${key}, the token ${token}` } },
  ];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = script[asked.length] ?? script[2];
    asked.push({ authorization: request.headers.authorization, body: Buffer.concat(chunks).toString('utf8') });
    const chunk = (delta: object, finish_reason: string | null): string => `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', created: 0, model: 'small', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
    const said = { role: 'assistant', content: null, tool_calls: [{ index: 0, id: `c${asked.length}`, type: 'function', function: { name: call?.name, arguments: JSON.stringify(call?.arguments) } }] };
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`${chunk(said, null)}${chunk({}, 'tool_calls')}data: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    const repo = join(home.folder, 'shop');
    makeRepo(repo, { ...SHOP, 'config.js': `export const token = '${token}';\n` });
    const env = { SALLYPORT_MODEL: 'small', SALLYPORT_MODEL_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, SALLYPORT_MODEL_KEY: key };
    const ran = await home.sally(['run', 'x', '--repo', repo], { env });
    expect({ code: ran.code, stderr: ran.stderr }).toMatchObject({ code: 0 });
    const looks = [ran, ...(await Promise.all([['show', 'last'], ['log', 'last', '--all'], ['log', 'last', '--json'], ['evidence', 'last'], ['evidence', 'last', '--json'], ['audit', 'export', 'all']].map((args) => home.sally(args, { env }))))];
    const decoded = looks.flatMap((l) => [l.stdout, l.stderr, ...l.stdout.split('\n').map((line) => Buffer.from(/"bytes":"([^"]*)"/.exec(line)?.[1] ?? '', 'base64').toString('utf8'))]).join('\n');
    expect([decoded.includes(key), decoded.includes(token)]).toEqual([false, false]);
    expect(asked.map((a) => a.authorization)).toEqual(asked.map(() => `Bearer ${key}`));
    expect(asked.map((a) => [a.body.includes(key), a.body.includes(token)])).toEqual(asked.map(() => [false, false]));
    // The laid-out base holds the repository's files as they are: that is what the sandbox shows. The mirror holds them packed.
    expect(holders(home.home, [key, token]).filter((path) => !path.startsWith(join(home.home, 'trees')))).toEqual([]);
    expect(holders(home.home, [key])).toEqual([]);
  } finally {
    await new Promise((resolve) => void server.close(resolve));
  }
});

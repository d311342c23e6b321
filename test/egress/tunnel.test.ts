import { readFileSync } from 'node:fs';
import { createServer, connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Door, type DoorRules, openDoor } from '../../src/egress/door.js';
import { pinnedFetch } from '../../src/egress/pinned-fetch.js';
import type { TunnelLimits } from '../../src/egress/tunnel.js';
import { hello, serverName } from '../support/client-hello.js';
import { MemoryJournal } from '../support/journal.js';
import { doorRules } from '../support/rules.js';
import { remove, scratch } from '../support/sandbox.js';
import { startTls, type TlsServer } from '../support/tls.js';

let folder: string;
let server: TlsServer;
let n = 0;
beforeAll(async () => {
  folder = scratch();
  server = await startTls(folder, ['files.test', 'other.test'], (request, response) => void response.end(request.url === '/large' ? Buffer.alloc(300_000, 'x') : 'over tls'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await remove(folder);
});

interface Opened extends AsyncDisposable {
  readonly door: Door;
  readonly journal: MemoryJournal;
  readonly socket: string;
}
async function open(rules: Partial<DoorRules> = {}, limits: Partial<TunnelLimits> = {}): Promise<Opened> {
  const journal = new MemoryJournal();
  const socket = join(folder, `door-${n++}.sock`);
  const declared = { hosts: [{ name: 'files.test', port: server.port }], exceptions: [`files.test:${server.port}`], lookup: async () => ['127.0.0.1'], ...rules };
  const door = await openDoor({ fronts: [], rules: doorRules({}, declared), socket, owner: null, sandbox: 'sb_t', journal, limits });
  return { door, journal, socket, [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

/** Sends a CONNECT and waits for the head of the answer. */
function proxied({ socket }: Opened, target: string): Promise<{ readonly client: Socket; readonly answer: string }> {
  return new Promise((resolve, reject) => {
    const client = connectTcp(socket, () => void client.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`));
    let answer = '';
    const onData = (chunk: Buffer): void => {
      answer += chunk.toString('latin1');
      if (!answer.includes('\r\n\r\n')) return;
      client.off('data', onData);
      resolve({ client, answer });
    };
    client.on('error', reject).on('data', onData);
  });
}
/** All that comes until the other side ends. */
function rest(client: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    client.on('data', (c: Buffer) => chunks.push(c)).on('error', () => undefined).on('close', () => resolve(Buffer.concat(chunks)));
  });
}
function get(client: Socket, servername: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket: client, servername, ca: readFileSync(server.certificate) }, () => void tls.write(`GET ${path} HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`));
    const chunks: Buffer[] = [];
    tls.on('data', (c: Buffer) => chunks.push(c)).on('error', reject).on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}
const ended = async ({ journal }: Opened): Promise<object[]> => {
  while (journal.of('egress.tunnelled').length === 0) await new Promise((resolve) => void setTimeout(resolve, 5));
  return journal.of('egress.tunnelled');
};
const asked = ({ journal }: Opened): unknown[] => journal.of('egress.requested').map(({ method, target, verdict, rule, status }) => [method, target, verdict, rule, status]);

describe('a tunnel through the door', () => {
  it('leads to a declared host whose name the client says, and is on the log when it opens and when it ends', async () => {
    await using t = await open();
    const { client, answer } = await proxied(t, `Files.test:${server.port}`);
    expect([answer, (await get(client, 'files.test')).endsWith('over tls')]).toEqual(['HTTP/1.1 200 Connection Established\r\n\r\n', true]);
    expect(await ended(t)).toEqual([{ sandbox: 'sb_t', host: 'files.test', port: server.port, address: '127.0.0.1', verdict: 'allow', rule: 'declared-host', sent: expect.any(Number), received: expect.any(Number) }]);
    expect([asked(t), t.door.denials]).toEqual([[['CONNECT', `Files.test:${server.port}`, 'allow', 'declared-host', null]], []]);
  });

  it.each<[string, (port: number) => string, string, string | null]>([
    ['a host that is not declared', () => 'evil.test:443', 'host-not-declared', 'evil.test'],
    ['another port', () => 'files.test:22', 'host-not-declared', 'files.test:22'],
    ['a host below a declared one', (port) => `x.files.test:${port}`, 'host-not-declared', 'x.files.test:PORT'],
    ['a bare address', (port) => `127.0.0.1:${port}`, 'not-a-host', null],
    ['an address of IPv6', (port) => `[::1]:${port}`, 'not-a-host', null],
    ['a number for an address', (port) => `2130706433:${port}`, 'not-a-host', null],
    ['no port', () => 'files.test', 'not-a-host', null],
  ])('leads not to %s', async (_, target, rule, value) => {
    await using t = await open({ lookup: () => Promise.reject(new Error('asked')) });
    const before = server.connections();
    const { client, answer } = await proxied(t, target(server.port));
    const body = (answer.split('\r\n\r\n')[1] ?? '') + (await rest(client)).toString();
    expect([answer.split('\r\n')[0], body.startsWith(`refused by Sallyport: ${rule} (`), body.trim().split('\n').length, asked(t), t.door.denials.map((d) => [d.rule, d.line]), server.connections()]).toEqual([
      'HTTP/1.1 403 Forbidden', true, 1, [['CONNECT', target(server.port), 'deny', rule, 403]], [[rule, value === null ? null : { key: 'hosts', value: value.replace('PORT', String(server.port)) }]], before,
    ]);
  });

  it('leads not to a private address that the installation does not allow by name, and says how it could', async () => {
    await using t = await open({ exceptions: [] });
    const before = server.connections();
    const { client, answer } = await proxied(t, `files.test:${server.port}`);
    const body = (answer.split('\r\n\r\n')[1] ?? '') + (await rest(client)).toString();
    expect([body, asked(t).map((e) => (e as unknown[])[3]), server.connections()]).toEqual([`refused by Sallyport: private-address (files.test has the address 127.0.0.1 (loopback); an administrator can allow it by name: SALLYPORT_ALLOW_HOSTS=files.test:${server.port})\n`, ['private-address'], before]);
  });

  it.each<[string, Buffer]>([
    ['names another server', hello(serverName('other.test'))], ['names none', hello()], ['is no TLS', Buffer.from('GET / HTTP/1.1\r\nHost: files.test\r\n\r\n')], ['says nothing before it ends', Buffer.alloc(0)],
  ])('passes on no byte of a client that %s', async (_, bytes) => {
    const got: Buffer[] = [];
    const target = createServer((socket) => void socket.on('data', (c: Buffer) => got.push(c)).on('error', () => undefined));
    await new Promise<void>((resolve) => void target.listen(0, '127.0.0.1', resolve));
    const { port } = target.address() as AddressInfo;
    await using t = await open({ hosts: [{ name: 'files.test', port }], exceptions: [`files.test:${port}`] });
    const { client } = await proxied(t, `files.test:${port}`);
    const all = rest(client);
    client.end(bytes);
    expect((await all).subarray(0, 2).toString('hex')).toMatch(/^(1503)?$/);
    expect(await ended(t)).toEqual([{ sandbox: 'sb_t', host: 'files.test', port, address: '127.0.0.1', verdict: 'deny', rule: 'other-server-name', sent: 0, received: 0 }]);
    expect([got, t.door.denials.map((d) => d.rule)]).toEqual([[], ['other-server-name']]);
    await new Promise<void>((resolve) => void target.close(() => resolve()));
  });

  it('ends where more comes than it may, with what came counted', async () => {
    await using t = await open({}, { received: 100_000 });
    const { client } = await proxied(t, `files.test:${server.port}`);
    await get(client, 'files.test', '/large').catch(() => undefined);
    expect((await ended(t)).map((e) => ({ ...e, sent: 0, received: 0 }))).toEqual([{ sandbox: 'sb_t', host: 'files.test', port: server.port, address: '127.0.0.1', verdict: 'deny', rule: 'too-large', sent: 0, received: 0 }]);
  });

  it('ends with the door, and where it is silent for too long', async () => {
    const t = await open();
    const { client } = await proxied(t, `files.test:${server.port}`);
    const gone = rest(client);
    await t.door[Symbol.asyncDispose]();
    await gone;
    expect(t.journal.of('egress.tunnelled').length).toBe(1);
    await using silent = await open({}, { begin: 50 });
    await rest((await proxied(silent, `files.test:${server.port}`)).client);
    expect((await ended(silent)).map((e) => ('rule' in e ? e.rule : ''))).toEqual(['other-server-name']);
  });

  it('says so where nobody answers', async () => {
    await using t = await open({ hosts: [{ name: 'files.test', port: 1 }], exceptions: ['files.test:1'] });
    const { answer } = await proxied(t, 'files.test:1');
    expect([answer.split('\r\n')[0], (await ended(t)).map((e) => ('rule' in e ? e.rule : ''))]).toEqual(['HTTP/1.1 502 Bad Gateway', ['upstream-failed']]);
  });

  it('is none for plain HTTP, with a clear answer', async () => {
    await using t = await open();
    const client = connectTcp(t.socket, () => void client.write(`GET http://files.test:${server.port}/ HTTP/1.1\r\nHost: files.test\r\nConnection: close\r\n\r\n`));
    const answer = (await rest(client)).toString();
    expect([answer.split('\r\n')[0], answer.split('\r\n\r\n')[1]?.includes('refused by Sallyport: plain-http'), asked(t).map((e) => (e as unknown[])[3])]).toEqual(['HTTP/1.1 403 Forbidden', true, ['plain-http']]);
  });
});

describe('a fetch that is pinned', () => {
  it('goes to the address that was checked, whatever the name means, and believes the certificate of the name alone', async () => {
    const ca = readFileSync(server.certificate, 'utf8');
    const answer = await pinnedFetch('127.0.0.1', ca)(`https://files.test:${server.port}/x`, { headers: { accept: '*/*' } });
    expect([answer.status, await answer.text(), server.requests.at(-1)]).toEqual([200, 'over tls', `files.test:${server.port} /x`]);
    await expect(pinnedFetch('127.0.0.1', ca)(`https://stranger.test:${server.port}/`, {})).rejects.toThrow(/altnames/);
    await expect(pinnedFetch('127.0.0.1')(`https://files.test:${server.port}/`, {})).rejects.toThrow(/self.signed/);
    await expect(pinnedFetch('127.0.0.1', ca)(`https://files.test:${server.port}/`, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
  });
});

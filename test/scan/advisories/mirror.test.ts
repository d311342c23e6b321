import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromUrl, type MirrorOptions } from '../../../src/scan/advisories/mirror.js';

const HOUR = 3_600_000;
const at = (hours: number): Date => new Date(Date.parse('2026-11-21T00:00:00Z') + hours * HOUR);
const body = (id: string): Buffer => Buffer.from(zipSync({ 'a.json': strToU8(JSON.stringify({ id, modified: '2026-11-01T00:00:00Z' })) }));
let folder: string;
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: (string | undefined)[];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-mirror-'));
  asked = [];
  answer = (_, response) => void response.writeHead(200, { etag: '"one"' }).end(body('A-1'));
  server = createServer((request, response) => {
    asked.push(request.headers['if-none-match']);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/npm/all.zip`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  rmSync(folder, { recursive: true, force: true });
});
const get = async (hours: number, more: Partial<MirrorOptions> = {}, address = url) => {
  const set = await fromUrl(address, { cacheFolder: join(folder, 'cache'), now: () => at(hours), timeout: 2000, ...more });
  return { source: set.source, ids: set.records.map((r) => r.id), loadedAt: set.loadedAt, stale: set.stale };
};
const fresh = (id: string, hours: number): object => ({ source: url, ids: [id], loadedAt: at(hours).toISOString(), stale: null });

describe('advisories from a mirror', () => {
  it('are asked for once within the time, then by their ETag', async () => {
    expect([await get(0), await get(5), asked]).toEqual([fresh('A-1', 0), fresh('A-1', 0), [undefined]]);
    answer = (_, response) => void response.writeHead(304).end();
    expect([await get(7), await get(12), asked]).toEqual([fresh('A-1', 7), fresh('A-1', 7), [undefined, '"one"']]);
    answer = (_, response) => void response.end(body('A-2'));
    expect([await get(20), asked.length]).toEqual([fresh('A-2', 20), 3]);
    expect(readdirSync(join(folder, 'cache')).length).toBe(2);
  });

  it.each<[string, () => void, RegExp]>([
    ['that answers 503', () => (answer = (_, response) => void response.writeHead(503).end()), /it answered 503/],
    ['that breaks off', () => (answer = (request) => void request.socket.destroy()), /fetch failed/],
    ['that says nothing', () => (answer = () => undefined), /timeout/i],
    ['that sends a page to log in', () => (answer = (_, response) => void response.end('<html>')), /sent no record/],
    ['that sends an empty archive', () => (answer = (_, response) => void response.end(Buffer.from(zipSync({})))), /sent no record/],
    ['that redirects elsewhere', () => (answer = (_, response) => void response.writeHead(302, { location: 'http://127.0.0.2:1/all.zip' }).end()), /another host/],
    ['that redirects for ever', () => (answer = (request, response) => void response.writeHead(302, { location: request.url ?? '/' }).end()), /without end/],
  ])('%s: its copy is used and its age said; without a copy nothing is', async (_, fail, reason) => {
    await get(0);
    fail();
    const late = await get(100, { timeout: 300 });
    expect(late).toEqual({ source: url, ids: ['A-1'], loadedAt: at(0).toISOString(), stale: expect.stringMatching(reason) });
    expect(late.stale).toContain(at(0).toISOString());
    await expect(get(100, { timeout: 300, cacheFolder: join(folder, 'other') })).rejects.toMatchObject({ code: 'advisories.unavailable', exitCode: 7, message: expect.stringMatching(reason) });
    expect(await get(101, { timeout: 300, maxAge: 200 * HOUR })).toEqual(fresh('A-1', 0));
  });

  it('follows a redirect on the same host', async () => {
    answer = (request, response) => (request.url === '/npm/all.zip' ? void response.writeHead(302, { location: '/moved' }).end() : void response.end(body('A-3')));
    expect(await get(0)).toEqual(fresh('A-3', 0));
  });

  it('that says "not changed" to somebody without a copy is unavailable', async () => {
    answer = (_, response) => void response.writeHead(304).end();
    await expect(get(0)).rejects.toMatchObject({ code: 'advisories.unavailable' });
  });

  it('does not believe a copy that somebody changed, nor one of the future', async () => {
    await get(0);
    for (const name of readdirSync(join(folder, 'cache')).filter((n) => n.endsWith('.body'))) writeFileSync(join(folder, 'cache', name), body('EVIL-1'));
    expect([await get(1), asked]).toEqual([fresh('A-1', 1), [undefined, undefined]]);
    await get(-1);
    expect(asked.length).toBe(3);
  });

  it('shows and keeps no query: it may hold a token', async () => {
    expect(await get(0, {}, `${url}?token=secret`)).toEqual(fresh('A-1', 0));
    answer = (_, response) => void response.writeHead(500).end();
    await expect(get(0, { cacheFolder: join(folder, 'new') }, `${url}?token=secret`)).rejects.toMatchObject({ message: expect.not.stringContaining('secret') });
  });

  it.each(['file:///etc/passwd', 'ftp://h/x.zip', 'x', '', 'https://user:pass@h/x.zip'])('refuses the address %j without repeating it', async (address) => {
    await expect(get(0, {}, address)).rejects.toMatchObject({ code: 'input.invalid', message: expect.not.stringContaining('pass@') });
  });

  it('ends when it is told to', async () => {
    await get(0);
    answer = () => undefined;
    const controller = new AbortController();
    const waiting = get(100, { signal: controller.signal, timeout: 60_000 });
    while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
  });
});

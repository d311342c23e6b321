import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDoor } from '../../src/egress/door.js';
import type { PackageRulesOptions } from '../../src/egress/package-rules.js';
import { parsePypiTarget, pypiFront, type PypiFrontOptions } from '../../src/egress/pypi-front.js';
import { readIndex } from '../../src/egress/pypi-index.js';
import { lockedPypiRules, openPypiRules } from '../../src/egress/pypi-rules.js';
import { MemoryJournal } from '../support/journal.js';
import { type FakeIndex, startIndex, wheel } from '../support/pypi.js';
import { doorRules } from '../support/rules.js';
import { remove, scratch } from '../support/sandbox.js';

const BASIC = 'Basic dmVyeV9zZWNyZXQ=';
const FILES = [wheel('a', '1.0.0'), wheel('a', '2.0.0'), wheel('b', '1.0.0'), { file: 'c-1.0.tar.gz', body: Buffer.from('SOURCE') }];
const [A1, A2] = FILES.map((f) => f.file) as [string, string];
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
let folder: string;
let n = 0;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => remove(folder));

function ask(socketPath: string, path: string, accept: string): Promise<{ readonly status: number; readonly type: string; readonly body: string }> {
  return new Promise((resolve, reject) => {
    httpRequest({ socketPath, path, headers: { accept } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (c: Buffer) => chunks.push(c)).on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body: Buffer.concat(chunks).toString('latin1') }));
    }).on('error', reject).end();
  });
}

async function setUp(options: { readonly open?: boolean; readonly intercept?: FakeIndex['intercept']; readonly front?: Partial<PypiFrontOptions>; readonly packages?: Partial<PackageRulesOptions>; readonly secondHost?: string } = {}) {
  const index = await startIndex(FILES, BASIC);
  index.intercept = options.intercept ?? null;
  const locked = [{ name: 'a', version: '1', digests: [`sha256:${index.digest(A1)}`] }, { name: 'c', version: '1', digests: [`sha256:${'0'.repeat(64)}`] }];
  const front = pypiFront({ registry: { url: index.url, authorization: BASIC }, rules: options.open === true ? openPypiRules() : lockedPypiRules(locked), insideUrl: 'http://in/pypi', pauses: [], ...options.front });
  const journal = new MemoryJournal();
  const socket = join(folder, `door-${n++}.sock`);
  const door = await openDoor({ rules: doorRules(options.packages, { lookup: async () => [options.secondHost ?? '93.184.216.34'] }), fronts: [front], socket, owner: null, sandbox: 'sb_t', journal });
  return {
    index, door, get: (path: string, accept = 'text/html') => ask(socket, `/pypi${path}`, accept), events: () => journal.of('egress.requested').map((e) => `${e.verdict} ${e.rule} ${e.status}`),
    async [Symbol.asyncDispose]() {
      await door[Symbol.asyncDispose]();
      await index[Symbol.asyncDispose]();
      expect(journal.text).not.toContain('dmVyeV9');
    },
  };
}

describe('the front of an index of Python packages', () => {
  it('hands on what the lockfile names, from pages in both forms and in both forms', async () => {
    for (const form of ['html', 'json'] as const) {
      await using t = await setUp();
      t.index.form = form;
      const digest = t.index.digest(A1);
      const html = await t.get('/simple/a/');
      expect([html.type, html.body.match(/<a .*<\/a>/g)]).toEqual(['text/html; charset=utf-8', [`<a href="http://in/pypi/files/a/${A1}#sha256=${digest}"${form === 'html' ? ' data-requires-python="&gt;=3.6"' : ''}>${A1}</a>`]]);
      const json = await t.get('/simple/a/', `${JSON_TYPE}, text/html;q=0.1`);
      expect([json.type, JSON.parse(json.body)]).toEqual([JSON_TYPE, { meta: { 'api-version': '1.0' }, name: 'a', files: [{ filename: A1, url: `http://in/pypi/files/a/${A1}`, hashes: { sha256: digest }, ...(form === 'html' ? { 'requires-python': '>=3.6' } : {}), yanked: false }] }]);
      expect([(await t.get(`/files/a/${A1}`)).status, t.door.fetched, t.events()]).toEqual([
        200, [{ ecosystem: 'pypi', name: 'a', version: '1.0.0', integrity: `sha256:${digest}`, bytes: FILES[0]?.body.length }], ['allow lockfile 200', 'allow lockfile 200', 'allow lockfile 200'],
      ]);
      expect(t.index.requests.map((r) => r.authorization)).toEqual([BASIC, BASIC, BASIC]);
    }
  });

  it('asks for the page itself where a client knows the file already', async () => {
    await using t = await setUp();
    expect([(await t.get(`/files/a/${A1}`)).status, t.index.requests.map((r) => r.path), t.events().length]).toEqual([200, ['/simple/a/', `/files/${A1}`], 2]);
  });

  it.each<[string, string]>([
    ['/simple/b/', 'not-in-lockfile'], [`/files/a/${A2}`, 'not-in-lockfile'], ['/simple/', 'not-a-package'], ['/simple/a', 'not-a-package'], ['/simple/A/', 'not-a-package'], ['/simple/..%2f/', 'not-a-package'],
    [`/files/b/${A1}`, 'not-a-package'], ['/files/c/c-1.0.tar.gz', 'not-a-package'], [`/files/a/${A1}.metadata`, 'not-a-package'], ['/simple/a/?x', 'not-a-package'],
  ])('refuses %s by the rule %s and asks nobody', async (path, rule) => {
    await using t = await setUp();
    expect([(await t.get(path)).status, t.events(), t.index.requests]).toEqual([403, [`deny ${rule} 403`], []]);
  });

  it('never delivers a file with another digest, whatever the page says of it', async () => {
    await using t = await setUp({ intercept: (path, _, response) => path.startsWith('/files/') && response.end('TAMPERED') });
    expect([(await t.get(`/files/a/${A1}`)).body.includes('TAMPERED'), t.door.fetched, t.events().at(-1)]).toEqual([false, [], 'deny integrity 502']);
    await using open = await setUp({ open: true, intercept: (path, _, response) => path.startsWith('/files/') && response.end('TAMPERED') });
    expect([(await open.get(`/files/a/${A2}`)).status, open.events().at(-1)]).toEqual([502, 'deny integrity 502']);
  });

  it('leaves out files of another project, of another digest and of no digest under open rules, and says what is there as source alone', async () => {
    const page = (links: string) => (path: string, _: unknown, response: { end(text: string): unknown }) => path.startsWith('/simple/') && response.end(links);
    await using t = await setUp({ intercept: page(`<a href="../../files/${A1}#sha256=${'f'.repeat(64)}">${A1}</a><a href="../../files/b-1.0-py3-none-any.whl">b-1.0-py3-none-any.whl</a><a href="../../files/evil.whl">${A1}</a><a href="javascript:x">${A1}</a>`) });
    expect([(await t.get('/simple/a/')).body.includes('<a '), t.door.problems]).toEqual([false, ['a 1.0.0 is there with other digests than the lockfile has']]);
    await using open = await setUp({ open: true, intercept: page(`<a href="../../files/${A1}">${A1}</a>`) });
    expect((await open.get('/simple/a/')).body.includes('<a ')).toBe(false);
    await using source = await setUp();
    await source.get('/simple/c/');
    expect(source.door.problems).toEqual(['c 1.0 is there as source alone, and to install that would run its code while it is fetched: only wheels are']);
  });

  it('takes files from a second host that the index names, without the credential, over TLS and by its name alone', async () => {
    const asked: [string, string | null][] = [];
    const body = FILES[0]?.body as Buffer;
    const hosts = ['https://files.example/x', 'http://files.example/x', 'https://10.0.0.1/x', 'https://[::1]/x', 'https://user@files.example/x'];
    for (const host of hosts) {
      await using t = await setUp({
        front: {
          registry: { url: 'https://index.example/simple', authorization: BASIC },
          fetch: async (input, init) => {
            asked.push([String(input), new Headers(init?.headers).get('authorization')]);
            return String(input).endsWith('/simple/a/') ? new Response(`<a href="${host}/${A1}">${A1}</a>`) : new Response(new Uint8Array(body));
          },
        },
      });
      expect([host, (await t.get(`/files/a/${A1}`)).status]).toEqual([host, host === hosts[0] ? 200 : 404]);
    }
    expect(asked.filter(([url]) => !url.endsWith('/simple/a/'))).toEqual([[`https://files.example/x/${A1}`, null]]);
    expect(asked.filter(([url]) => url.endsWith('/simple/a/')).map(([, authorization]) => authorization)).toEqual(hosts.map(() => BASIC));
  });

  it('asks no second host whose address is private', async () => {
    const asked: string[] = [];
    await using t = await setUp({
      secondHost: '169.254.169.254',
      front: {
        registry: { url: 'https://index.example/simple', authorization: BASIC },
        fetch: async (input) => {
          asked.push(String(input));
          return new Response(`<a href="https://inner.example/x/${A1}">${A1}</a>`);
        },
      },
    });
    const answer = await t.get(`/files/a/${A1}`);
    expect([answer.status, answer.body.includes('SALLYPORT_ALLOW_HOSTS=inner.example'), t.events(), asked]).toEqual([403, true, ['allow lockfile 200', 'deny private-address 403'], ['https://index.example/simple/a/']]);
  });

  it('follows no page or file to another host by a redirect', async () => {
    const other = await startIndex(FILES);
    await using t = await setUp({ intercept: (path, _, response) => response.writeHead(302, { location: `${other.url.replace('/simple', '')}${path}` }).end() });
    expect([(await t.get('/simple/a/')).status, t.events(), other.requests]).toEqual([502, ['deny redirect 502'], []]);
    await other[Symbol.asyncDispose]();
  });

  it.each<[string, FakeIndex['intercept'], string]>([
    ['a page that is too large', (_, __, response) => {
      const piece = Buffer.alloc(1 << 20, 32);
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
      return true;
    }, 'deny too-large 502'],
    ['JSON of another shape', (_, __, response) => response.end('{"files":1}'), 'allow upstream-failed 502'],
    ['404', (_, __, response) => response.writeHead(404).end(), 'allow upstream-failed 404'],
  ])('answers as a gateway when the index gives %s', async (_, intercept, event) => {
    await using t = await setUp({ intercept });
    await t.get('/simple/a/');
    expect(t.events()).toEqual([event]);
  });
});

describe('pages of an index', () => {
  it('are read with what they say of a file', () => {
    const page = 'https://i.example/simple/a/';
    expect(readIndex(Buffer.from(`<h1>Links</h1><a data-yanked data-requires-python='&lt;4' href='/f/a-1.0-py3-none-any.whl#sha256=${'A'.repeat(64)}'> a-1.0-py3-none-any.whl </a><A HREF="b.whl#md5=abc">b.whl</A>`), page).map(({ url, ...rest }) => ({ url: url.href, ...rest }))).toEqual([
      { file: 'a-1.0-py3-none-any.whl', url: `https://i.example/f/a-1.0-py3-none-any.whl#sha256=${'A'.repeat(64)}`, digest: `sha256:${'a'.repeat(64)}`, requiresPython: '<4', yanked: true, size: null, published: null, metadata: false },
      { file: 'b.whl', url: 'https://i.example/simple/a/b.whl#md5=abc', digest: null, requiresPython: null, yanked: false, size: null, published: null, metadata: false },
    ]);
    const more = { size: 7, 'upload-time': '2026-01-02T03:04:05.6Z', 'core-metadata': { sha256: 'x' } };
    expect(readIndex(Buffer.from(JSON.stringify({ files: [{ filename: 'b.whl', url: 'b.whl', ...more }, { filename: 'b.whl', url: 'b.whl', size: -1, 'upload-time': 'yesterday', 'core-metadata': false }] })), page).map(({ size, published, metadata }) => ({ size, published, metadata }))).toEqual([
      { size: 7, published: '2026-01-02T03:04:05.6Z', metadata: true }, { size: null, published: null, metadata: false },
    ]);
  });

  it('are asked for by targets of one form', () => {
    expect([parsePypiTarget('/files/a-b/a_b-1.0%2Bcu1-py3-none-any.whl'), parsePypiTarget('/files/a/%E0%A4%A'), parsePypiTarget('/files/a/..%2fa-1.0-py3-none-any.whl')]).toEqual([{ kind: 'file', name: 'a-b', version: '1+cu1', written: '1.0+cu1', file: 'a_b-1.0+cu1-py3-none-any.whl' }, null, null]);
  });
});

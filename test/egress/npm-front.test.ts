import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NamedPackage } from '../../src/egress/lockfile.js';
import { openDoor } from '../../src/egress/door.js';
import { npmFront, type NpmFrontOptions } from '../../src/egress/npm-front.js';
import { lockedRules, openRules, withTool } from '../../src/egress/rules.js';
import { MemoryJournal } from '../support/journal.js';
import { type FakeRegistry, startRegistry } from '../support/registry.js';
import { doorRules } from '../support/rules.js';
import { remove, scratch } from '../support/sandbox.js';

const TOKEN = 'Bearer npm_very_secret_token_value';
let folder: string;
let n = 0;
beforeAll(() => {
  folder = scratch();
});
afterAll(() => remove(folder));

interface Answer { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
function ask(socketPath: string, path: string, method = 'GET', body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path, method }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (c: Buffer) => chunks.push(c)).on('error', reject).on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    request.on('error', reject).end(body);
  });
}

async function setUp(options: { locked?: readonly NamedPackage[] | null; intercept?: FakeRegistry['intercept']; front?: Partial<NpmFrontOptions> } = {}) {
  const registry = await startRegistry([
    { name: 'a', version: '1.0.0', manifest: { dependencies: { b: '^1.0.0' } } }, { name: 'a', version: '2.0.0' }, { name: '@s/b', version: '1.0.0' },
  ], TOKEN);
  registry.intercept = options.intercept ?? null;
  const locked = options.locked === undefined ? [{ name: 'a', version: '1.0.0', integrity: registry.integrity('a', '1.0.0') }, { name: '@s/b', version: '1.0.0', integrity: registry.integrity('@s/b', '1.0.0') }] : options.locked;
  const journal = new MemoryJournal();
  const socket = join(folder, `front-${n++}.sock`);
  const npm = npmFront({ registry: { url: `${registry.url}/`, authorization: TOKEN }, rules: locked === null ? openRules() : lockedRules(locked), insideUrl: 'http://127.0.0.1:4873/npm', ...options.front });
  const front = await openDoor({ rules: doorRules(), fronts: [npm], socket, owner: null, sandbox: 'sb_t', journal });
  const answers: Answer[] = [];
  return {
    registry, journal, socket, front,
    get: async (path: string, method?: string, body?: string) => {
      const answer = await ask(socket, `/npm${path}`, method, body);
      answers.push(answer);
      return answer;
    },
    events: () => journal.of('egress.requested').map((e) => [e.verdict, e.rule, e.status, e.bytes]),
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      // Holds in every case: the credential is nowhere that the client or the log sees, and the socket is gone.
      for (const { headers, body } of answers) expect(JSON.stringify(headers) + body.toString('latin1')).not.toContain('very_secret');
      expect(journal.text).not.toContain('very_secret');
      expect(existsSync(socket)).toBe(false);
    },
  };
}

describe('the npm registry front', () => {
  it('hands on what the lockfile names, with the credential added outside', async () => {
    await using t = await setUp();
    const answers = [await t.get('/a/-/a-1.0.0.tgz'), await t.get('/@s/b/-/b-1.0.0.tgz')];
    expect(answers.map((a) => a.status)).toEqual([200, 200]);
    expect(t.front.fetched.map(({ name, version, bytes }) => [name, version, bytes])).toEqual([['a', '1.0.0', answers[0]?.body.length], ['@s/b', '1.0.0', answers[1]?.body.length]]);
    expect(t.registry.requests.map((r) => r.authorization)).toEqual([TOKEN, TOKEN]);
    expect(t.events()).toEqual(answers.map((a) => ['allow', 'lockfile', 200, a.body.length]));
    expect(statSync(t.socket).mode & 0o777).toBe(0o600);
  });

  it('reduces metadata to the versions that are locked, with addresses that lead back', async () => {
    await using t = await setUp();
    expect(JSON.parse((await t.get('/a')).body.toString())).toEqual({
      name: 'a', 'dist-tags': {}, versions: { '1.0.0': { name: 'a', version: '1.0.0', dependencies: { b: '^1.0.0' }, dist: { tarball: 'http://127.0.0.1:4873/npm/a/-/a-1.0.0.tgz', integrity: t.registry.integrity('a', '1.0.0') } } },
    });
    const scoped = JSON.parse((await t.get('/@s%2fb')).body.toString());
    expect([scoped['dist-tags'], scoped.versions['1.0.0'].dist.tarball]).toEqual([{ latest: '1.0.0' }, 'http://127.0.0.1:4873/npm/@s/b/-/b-1.0.0.tgz']);
  });

  it.each<[string, string, string]>([
    ['GET', '/other', 'not-in-lockfile'],
    ['GET', '/a/-/a-2.0.0.tgz', 'not-in-lockfile'],
    ['GET', '/a/../other', 'not-a-package'],
    ['GET', '/-/whoami', 'not-a-package'],
    ['GET', '/a?write=true', 'not-a-package'],
    ['PUT', '/a', 'read-only'],
    ['POST', '/-/npm/v1/security/advisories/bulk', 'read-only'],
    ['DELETE', '/a/-/a-1.0.0.tgz', 'read-only'],
    ['HEAD', '/a', 'read-only'],
  ])('refuses %s %s by the rule %s, asks nobody and says so on the log', async (method, path, rule) => {
    await using t = await setUp();
    expect((await t.get(path, method, method === 'PUT' || method === 'POST' ? 'body' : undefined)).status).toBe(403);
    expect(t.journal.of('egress.requested')).toEqual([{ sandbox: 'sb_t', method, target: `/npm${path}`, verdict: 'deny', rule, status: 403, bytes: 0, ...(rule === 'not-in-lockfile' ? { denial: { why: `/npm${path} is not in the lockfile, which must be written anew`, line: null, by: 'the fetch phase' } } : {}) }]);
    expect(t.registry.requests).toEqual([]);
  });

  it('never delivers a tarball with another integrity', async () => {
    await using t = await setUp({ intercept: (path, _, response) => path.endsWith('.tgz') && response.end('TAMPERED') });
    const answer = await t.get('/a/-/a-1.0.0.tgz');
    expect([answer.status, answer.body.toString().includes('TAMPERED'), t.front.fetched, t.events()]).toEqual([502, false, [], [['deny', 'integrity', 502, 0]]]);
  });

  it('takes no part of the credential to another host, and follows within the same one', async () => {
    const other = await startRegistry([]);
    await using t = await setUp({
      intercept: (path, _, response) => {
        if (path === '/a') response.writeHead(302, { location: `${other.url}/a` }).end();
        else if (path === '/@s/b') response.writeHead(301, { location: '/moved' }).end();
        else if (path === '/moved') response.end('{"name":"@s/b","versions":{}}');
        else response.writeHead(302, { location: path }).end();
        return true;
      },
    });
    expect([(await t.get('/a')).status, (await t.get('/@s%2fb')).status, (await t.get('/a/-/a-1.0.0.tgz')).status, other.requests]).toEqual([502, 200, 502, []]);
    expect(t.events().map(([verdict, rule]) => [verdict, rule])).toEqual([['deny', 'redirect'], ['allow', 'lockfile'], ['deny', 'redirect']]);
    await other[Symbol.asyncDispose]();
  });

  it('hands on nothing in which the registry sends the credential back, also the password of an encoded one', async () => {
    const basic = `Basic ${Buffer.from('person:a-long-password').toString('base64')}`;
    for (const [authorization, word] of [[TOKEN, 'npm_very_secret_token_value'], [basic, 'a-long-password'], [basic, basic.slice('Basic '.length)]] as const) {
      await using t = await setUp({
        intercept: (_path, _request, response) => {
          response.writeHead(200).end(JSON.stringify({ name: 'a', 'dist-tags': {}, versions: { '1.0.0': { name: 'a', version: '1.0.0', description: `you sent ${word}`, dist: { tarball: 'x' } } } }));
          return true;
        },
      });
      const npm = npmFront({ registry: { url: `${t.registry.url}/`, authorization }, rules: openRules(), insideUrl: 'http://127.0.0.1:4873/npm' });
      const socket = join(folder, `front-${n++}.sock`);
      await using _door = await openDoor({ rules: doorRules(), fronts: [npm], socket, owner: null, sandbox: 'sb_t', journal: t.journal });
      const { status, body } = await ask(socket, '/npm/a');
      expect([status, body.includes(word), t.events().map(([verdict, rule]) => [verdict, rule])]).toEqual([502, false, [['deny', 'credential']]]);
    }
  });

  it.each<[string, FakeRegistry['intercept'], number]>([
    ['404', (_, __, response) => response.writeHead(404).end(), 404],
    ['500', (_, __, response) => response.writeHead(500).end('secret page'), 502],
    ['401', (_, __, response) => response.writeHead(401).end(), 502],
    ['garbage', (_, __, response) => response.end('<html>'), 502],
    ['metadata of another shape', (_, __, response) => response.end('{"versions":{"1.0.0":{"dist":1}}}'), 502],
    ['a connection that breaks', (_, request) => request.socket.destroy(), 502],
    ['nothing for too long', () => true, 502],
  ])('answers as a gateway when the registry gives %s', async (_, intercept, status) => {
    await using t = await setUp({ intercept, front: { timeout: 300 } });
    expect([(await t.get('/a')).status, t.events()]).toEqual([status, [['allow', 'upstream-failed', status, 0]]]);
  });

  it('stops at metadata over the limit', async () => {
    const piece = Buffer.alloc(1 << 20, 32);
    await using t = await setUp({
      intercept: (_, __, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(piece));
          if (!response.destroyed) response.once('drain', more);
        };
        more();
        return true;
      },
    });
    expect([(await t.get('/a')).status, t.events()]).toEqual([502, [['deny', 'too-large', 502, 0]]]);
  });

  it('takes hostile names in metadata for what they are', async () => {
    await using t = await setUp({ locked: null, intercept: (_, __, response) => response.end('{"name":"x","dist-tags":{"latest":"constructor","__proto__":"y"},"versions":{"__proto__":{"dist":{"tarball":"x"}}}}') });
    expect(JSON.parse((await t.get('/a')).body.toString())).toEqual({ name: 'a', 'dist-tags': {}, versions: {} });
  });

  it('checks what the registry announced where no lockfile decides, asks for it first, and gives nothing that was not announced', async () => {
    await using t = await setUp({ locked: null });
    expect([(await t.get('/a/-/a-1.0.0.tgz')).status, (await t.get('/a/-/a-2.0.0.tgz')).status, (await t.get('/a/-/a-9.0.0.tgz')).status]).toEqual([200, 200, 502]);
    expect(t.registry.requests.map((r) => r.path)).toEqual(['/a', '/a/-/a-1.0.0.tgz', '/a/-/a-2.0.0.tgz', '/a']);
    expect(t.journal.of('egress.requested').map(({ target, verdict, rule }) => [target, verdict, rule])).toEqual([
      ['/npm/a', 'allow', 'resolution-allowed'], ['/npm/a/-/a-1.0.0.tgz', 'allow', 'resolution-allowed'], ['/npm/a/-/a-2.0.0.tgz', 'allow', 'resolution-allowed'],
      ['/npm/a', 'allow', 'resolution-allowed'], ['/npm/a/-/a-9.0.0.tgz', 'deny', 'integrity'],
    ]);
  });

  it('checks SHA-1 where the registry announces nothing stronger', async () => {
    const names = { good: '', bad: '0'.repeat(40) };
    for (const [name, shasum] of Object.entries(names)) {
      await using t = await setUp({
        locked: [{ name: 'a', version: '1.0.0' }],
        intercept: (path, _, response) => path === '/a' && response.end(JSON.stringify({ name: 'a', versions: { '1.0.0': { dist: { tarball: 'x', shasum: shasum === '' ? createHash('sha1').update('BODY').digest('hex') : shasum } } } })) || path.endsWith('.tgz') && response.end('BODY'),
      });
      expect([name, (await t.get('/a/-/a-1.0.0.tgz')).status]).toEqual([name, name === 'good' ? 200 : 502]);
    }
  });

  it('lets a named tool through in one version, and nothing else of it', async () => {
    await using t = await setUp({ locked: [] });
    const tool = (integrity?: string) => withTool(lockedRules([]), { name: 'a', version: '2.0.0', ...(integrity === undefined ? {} : { integrity }) });
    const door = async (integrity?: string) => await openDoor({ rules: doorRules(), fronts: [npmFront({ registry: { url: t.registry.url, authorization: TOKEN }, rules: tool(integrity), insideUrl: 'http://x/npm' })], socket: `${t.socket}.2`, owner: null, sandbox: 'sb_t', journal: t.journal });
    {
      await using _ = await door();
      expect(Object.keys(JSON.parse((await ask(`${t.socket}.2`, '/npm/a')).body.toString()).versions)).toEqual(['2.0.0']);
      expect([(await ask(`${t.socket}.2`, '/npm/a/-/a-2.0.0.tgz')).status, (await ask(`${t.socket}.2`, '/npm/a/-/a-1.0.0.tgz')).status]).toEqual([200, 403]);
    }
    await using _ = await door(`sha512-${'A'.repeat(86)}==`);
    expect((await ask(`${t.socket}.2`, '/npm/a/-/a-2.0.0.tgz')).status).toBe(502);
  });

  it('answers nothing outside of the folders of its fronts', async () => {
    await using t = await setUp();
    const paths = ['/', '/npm', '/a', '/pypi/simple/a/', 'http://127.0.0.1/npm/a'];
    expect(await Promise.all(paths.map(async (path) => (await ask(t.socket, path)).status))).toEqual(paths.map(() => 403));
    expect([new Map(t.journal.of('egress.requested').map((e) => [e.target, `${e.verdict} ${e.rule}`])), t.registry.requests]).toEqual([new Map(paths.map((path) => [path, path.startsWith('http:') ? 'deny plain-http' : 'deny not-a-package'])), []]);
  });

  it('ends what is under way when it is closed, with its event on the log', async () => {
    const t = await setUp({ intercept: () => true });
    const asked = t.get('/a').catch((error: NodeJS.ErrnoException) => error.code);
    while (t.registry.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await t[Symbol.asyncDispose]();
    expect([await asked, t.events()]).toEqual(['ECONNRESET', [['allow', 'upstream-failed', 502, 0]]]);
  });

  it('answers nothing that is not on the log first', async () => {
    await using t = await setUp();
    t.journal.fail = () => new Error('the log is gone');
    expect([(await t.get('/a')).status, t.journal.events]).toEqual([502, []]);
  });
});

import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { openDoor } from '../../../../src/egress/door.js';
import { npmFront } from '../../../../src/egress/npm-front.js';
import { lockedRules } from '../../../../src/egress/rules.js';
import { newId } from '../../../../src/protocol/ids.js';
import { siftNpmrc } from '../../../../src/setup/npmrc.js';
import type { Sandbox } from '../../../../src/sandbox/sandbox.js';
import { type FakeRegistry, startRegistry } from '../../../support/registry.js';
import { doorRules } from '../../../support/rules.js';
import { perl } from '../probe.js';
import { held, type Outcome, type Room, type Row, worked } from '../row.js';

const TOKEN = 'Bearer npm_token_that_stays_outside';
export const INSIDE = '/run/sallyport/egress.sock';
let doors = 0;

/** A sandbox of the fetch phase with a real door and a registry behind it. Package `a` 1.0.0 is locked, 2.0.0 and `b` are there too. */
interface Fetching extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly registry: FakeRegistry;
  readonly socket: string;
}

interface Behind {
  readonly nothingLocked?: boolean;
  readonly noFront?: boolean;
  readonly intercept?: (path: string, request: IncomingMessage, response: ServerResponse, room: Room) => unknown;
}

async function fetching(room: Room, behind: Behind): Promise<Fetching> {
  const registry = await startRegistry([{ name: 'a', version: '1.0.0' }, { name: 'a', version: '2.0.0' }, { name: 'b', version: '1.0.0' }], TOKEN);
  const { intercept } = behind;
  registry.intercept = intercept === undefined ? null : (path, request, response) => intercept(path, request, response, room);
  const socket = join(room.outer.folder, `door-${doors++}.sock`);
  const locked = behind.nothingLocked === true ? [] : [{ name: 'a', version: '1.0.0', integrity: registry.integrity('a', '1.0.0') }];
  const front = npmFront({ registry: { url: registry.url, authorization: TOKEN }, rules: lockedRules(locked), insideUrl: 'http://127.0.0.1:4873/npm', pauses: [] });
  const id = newId('sb');
  const door = await openDoor({ rules: doorRules(), fronts: behind.noFront === true ? [] : [front], socket, owner: room.target.owner, sandbox: id, journal: room.journal });
  const sandbox = await room.again({ id, phase: 'fetch', egressSocket: socket });
  return { sandbox, registry, socket, [Symbol.asyncDispose]: async () => {
    await sandbox.close();
    await door[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
  } };
}

/** Sends bytes through the socket as they are, and prints what comes back. ARGV: socket bytes word… */
export const SEND = `use Socket; my ($path, $bytes, @forbidden) = @ARGV; $bytes =~ s/\\\\r\\\\n/\\r\\n/g; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or refused('socket'); connect($s, sockaddr_un($path)) or refused('connect');
$SIG{PIPE} = 'IGNORE'; syswrite($s, $bytes); my $all = ''; local $SIG{ALRM} = sub { held('no answer') unless length $all; }; alarm 4; while (sysread($s, my $b, 65536)) { $all .= $b; }
my ($status) = $all =~ m(^HTTP/1.1 (\\d+)); for my $word (@forbidden) { worked("the answer holds what it must not: $status") if index($all, $word) >= 0 } ($status // 0) == 200 ? worked('answered 200') : held('answered ' . ($status // 'nothing'));`;

export const request = (method: string, target: string, headers: readonly string[] = [], body = ''): string => [`${method} ${target} HTTP/1.1`, 'Host: 127.0.0.1:4873', 'Connection: close', ...headers, ...(body === '' ? [] : [`Content-Length: ${body.length}`]), '', body].join('\\r\\n');

interface Options extends Behind {
  /** Text that must not be in the answer. With it a 200 alone is no success of the attack. */
  readonly forbidden?: (room: Room) => readonly string[];
  /** What may have been asked of the registry, at most. */
  readonly upstream?: readonly string[];
  /** A request that HTTP itself does not take has no verdict of its own: the command is on the journal. */
  readonly noRequest?: boolean;
}

function ask(id: string, seenIn: string, bytes: string | ((room: Room) => string), options: Options = {}): Row {
  const attempt = async (room: Room): Promise<Outcome> => {
    await using fetch = await fetching(room, options);
    const forbidden = options.forbidden?.(room) ?? [];
    const outcome = await perl(room, SEND, [INSIDE, typeof bytes === 'string' ? bytes : bytes(room), ...forbidden], { in: fetch.sandbox });
    const reached = fetch.registry.requests.filter((r) => !(options.upstream ?? []).includes(`${r.method} ${r.path}`));
    if (reached.length > 0) return worked(`the registry was asked ${reached.map((r) => `${r.method} ${r.path}`).join(', ')}`);
    const packets = (await room.packets()).filter((p) => p.to === `198.51.100.${room.n}`);
    if (packets.length > 0) return worked('something outside was reached');
    return outcome.worked === true && outcome.detail === 'answered 200' && options.forbidden !== undefined ? held('answered without it') : outcome;
  };
  return {
    id: `egress.${id}`, group: 'egress', seenIn, attempt,
    recorded: (journal) => journal.of('command.started').length > 0 && (options.noRequest === true || journal.of('egress.requested').length > 0),
    control: { kind: 'c', says: 'what is locked is answered', run: async (room) => {
      await using fetch = await fetching(room, {});
      return await perl(room, SEND, [INSIDE, request('GET', '/npm/a')], { in: fetch.sandbox });
    } },
  };
}

const METHODS = 'known technique';
const PACKUMENT = (url: string, extra: object = {}): string => JSON.stringify({ name: 'a', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': { name: 'a', version: '1.0.0', dist: { tarball: url, integrity: 'sha512-x' }, ...extra } }, ...extra });
const OUT = (room: Room): string => `http://198.51.100.${room.n}`;
const answer = (response: ServerResponse, status: number, headers: Record<string, string>, body: string): true => {
  response.writeHead(status, headers).end(body);
  return true;
};

export const EGRESS_ROWS: readonly Row[] = [
  ...['PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE'].map((method) => ask(`method-${method.toLowerCase()}`, METHODS, request(method, '/npm/a', [], method === 'PUT' ? '{"name":"a"}' : ''))),
  ask('publish-by-override', METHODS, request('GET', '/npm/a', ['X-HTTP-Method-Override: PUT', 'X-HTTP-Method: PUT'], '{"name":"a"}'), { upstream: ['GET /a'], forbidden: () => ['"ok"'] }),
  ask('connect', 'sandbox-runtime tests', (room) => request('CONNECT', `198.51.100.${room.n}:443`)),
  ask('connect-to-the-registry', 'sandbox-runtime tests', request('CONNECT', '127.0.0.1:22')),
  ask('absolute-address', 'sandbox-runtime tests', (room) => request('GET', `${OUT(room)}/a`)),
  ask('absolute-address-of-metadata', 'CDK, deepce', request('GET', 'http://169.254.169.254/latest/meta-data/')),
  ask('host-header', 'sandbox-runtime tests', (room) => request('GET', '/npm/b', [`Host: 198.51.100.${room.n}`])),
  ask('other-package', METHODS, request('GET', '/npm/b')),
  ask('other-version', METHODS, request('GET', '/npm/a/-/a-2.0.0.tgz')),
  ask('other-version-in-metadata', METHODS, request('GET', '/npm/a'), { upstream: ['GET /a'], forbidden: () => ['2.0.0'] }),
  ask('other-prefix', METHODS, request('GET', '/pypi/simple/a/')),
  ask('no-prefix', METHODS, request('GET', '/a')),
  ask('search-of-the-registry', METHODS, request('GET', '/npm/-/v1/search?text=secret')),
  ask('who-am-i', METHODS, request('GET', '/npm/-/whoami')),
  ask('tokens', METHODS, request('GET', '/npm/-/npm/v1/tokens')),
  ask('data-in-a-name', 'sandbox-runtime tests', request('GET', '/npm/c2VjcmV0LXdvcmQ')),
  ask('data-in-a-query', 'sandbox-runtime tests', request('GET', '/npm/a?secret=word')),
  ask('data-in-a-fragment', 'sandbox-runtime tests', request('GET', '/npm/a#secret')),
  ask('traversal', METHODS, request('GET', '/npm/a/../b')),
  ask('traversal-encoded', METHODS, request('GET', '/npm/%2e%2e%2fb')),
  ask('traversal-encoded-twice', METHODS, request('GET', '/npm/%252e%252e%252fb')),
  ask('backslash', METHODS, request('GET', '/npm/..\\b')),
  ask('two-slashes', METHODS, (room) => request('GET', `//198.51.100.${room.n}/npm/a`)),
  ask('user-in-the-address', 'sandbox-runtime tests', (room) => request('GET', `/npm/a@198.51.100.${room.n}`)),
  ask('case-of-a-name', 'sandbox-runtime tests', request('GET', '/npm/A')),
  ask('name-with-a-dot-behind', 'sandbox-runtime tests', request('GET', '/npm/a.')),
  ask('name-of-another-alphabet', 'sandbox-runtime tests', request('GET', '/npm/%D0%B0')),
  ask('suffix-of-a-name', 'sandbox-runtime tests', request('GET', '/npm/xa')),
  ask('second-request-behind-the-first', METHODS, `GET /npm/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n${request('PUT', '/npm/a', [], '{}')}`, { upstream: ['GET /a'], forbidden: () => ['{"ok'] }),
  ask('smuggled-by-two-lengths', METHODS, 'GET /npm/b HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nPUT /npm/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', { noRequest: true }),
  ask('no-http', 'sandbox-runtime tests', 'SSH-2.0-OpenSSH_9.2\\r\\n', { noRequest: true }),
  ask('tls', 'sandbox-runtime tests', '\u0016\u0003\u0001\\r\\n\\r\\n', { noRequest: true }),
  ask('nothing-locked', 'sandbox-runtime tests', request('GET', '/npm/a'), { nothingLocked: true }),
  ask('nothing-behind-the-door', 'codex linux-sandbox tests', request('GET', '/npm/a'), { noFront: true }),
  ask('redirect-to-another-host', METHODS, request('GET', '/npm/a'), { upstream: ['GET /a'], intercept: (_path, _request, response, room) => answer(response, 302, { location: `${OUT(room)}/a` }, '') }),
  ask('redirect-of-a-tarball', METHODS, request('GET', '/npm/a/-/a-1.0.0.tgz'), { upstream: ['GET /a/-/a-1.0.0.tgz'], intercept: (_path, _request, response, room) => answer(response, 307, { location: `${OUT(room)}/a.tgz` }, '') }),
  ask('redirect-to-metadata', 'CDK, deepce', request('GET', '/npm/a'), { upstream: ['GET /a'], intercept: (_path, _request, response) => answer(response, 301, { location: 'http://169.254.169.254/' }, '') }),
  ask('tarball-at-another-host', METHODS, request('GET', '/npm/a'), { upstream: ['GET /a'], forbidden: (room) => [`198.51.100.${room.n}`], intercept: (_path, _request, response, room) => answer(response, 200, { 'content-type': 'application/json' }, PACKUMENT(`${OUT(room)}/a.tgz`)) }),
  ask('other-content', METHODS, request('GET', '/npm/a/-/a-1.0.0.tgz'), { upstream: ['GET /a/-/a-1.0.0.tgz'], intercept: (_path, _request, response) => answer(response, 200, {}, 'evil') }),
  ask('credential-in-an-answer-header', 'sandbox-runtime tests', request('GET', '/npm/a'), { upstream: ['GET /a'], forbidden: () => ['token_that_stays'], intercept: (path, r, response) => answer(response, 200, { 'x-echo': r.headers.authorization ?? '', 'set-cookie': r.headers.authorization ?? '', 'content-type': 'application/json' }, PACKUMENT(path)) }),
  ask('credential-in-an-error', 'sandbox-runtime tests', request('GET', '/npm/a'), { upstream: ['GET /a'], forbidden: () => ['token_that_stays'], intercept: (_path, r, response) => answer(response, 401, { 'www-authenticate': r.headers.authorization ?? '' }, JSON.stringify({ error: r.headers.authorization })) }),
  ask('credential-in-metadata', 'sandbox-runtime tests', request('GET', '/npm/a'), { upstream: ['GET /a'], forbidden: () => ['token_that_stays'], intercept: (path, r, response) => answer(response, 200, { 'content-type': 'application/json' }, PACKUMENT(path, { description: r.headers.authorization })) }),
  ask('credential-of-the-client', 'sandbox-runtime tests', request('GET', '/npm/a', ['Authorization: Bearer stolen', 'Cookie: x=y', 'npm-otp: 123456']), { upstream: ['GET /a'], forbidden: () => ['stolen'], intercept: (_path, r, response) => (r.headers.authorization === TOKEN && r.headers.cookie === undefined ? false : answer(response, 200, {}, 'stolen')) }),
  {
    id: 'egress.direct-with-the-door-open', group: 'egress', seenIn: 'codex linux-sandbox tests',
    attempt: async (room) => {
      await using fetch = await fetching(room, {});
      const outcome = await perl(room, "use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0) or refused('socket'); connect($s, sockaddr_in(80, inet_aton($ARGV[0]))) or refused('connect'); worked('connected');", [`198.51.100.${room.n}`], { in: fetch.sandbox });
      return (await room.packets()).some((p) => p.to === `198.51.100.${room.n}`) ? worked('a packet came out') : outcome;
    },
    control: { kind: 'c', says: 'the door itself connects', run: async (room) => {
      await using fetch = await fetching(room, {});
      return await perl(room, SEND, [INSIDE, request('GET', '/npm/a')], { in: fetch.sandbox });
    } },
  },
  {
    id: 'egress.door-of-another-task', group: 'egress', seenIn: 'sandbox-runtime tests, known technique',
    attempt: async (room) => {
      await using own = await fetching(room, {});
      await using other = await fetching(room, {});
      return await perl(room, SEND, [other.socket, request('GET', '/npm/a')], { in: own.sandbox });
    },
    control: { kind: 'c', says: 'its own door answers', run: async (room) => {
      await using fetch = await fetching(room, {});
      return await perl(room, SEND, [INSIDE, request('GET', '/npm/a')], { in: fetch.sandbox });
    } },
  },
  {
    id: 'egress.no-door-for-the-agent', group: 'egress', seenIn: 'codex linux-sandbox tests',
    attempt: (room) => perl(room, SEND, [INSIDE, request('GET', '/npm/a')]),
    control: { kind: 'c', says: 'in the fetch phase it is there', run: async (room) => {
      await using fetch = await fetching(room, {});
      return await perl(room, SEND, [INSIDE, request('GET', '/npm/a')], { in: fetch.sandbox });
    } },
  },
  {
    id: 'egress.client-configuration', group: 'egress', seenIn: METHODS,
    attempt: async (room) => {
      const evil = ['registry=http://198.51.100.1/', '@s:registry=http://198.51.100.1/', '//198.51.100.1/:_authToken=x', 'proxy=http://198.51.100.1/', 'https-proxy=http://198.51.100.1/', 'script-shell=/tmp/x', 'git=/tmp/x', 'node-options=--require=/tmp/x', 'ignore-scripts=false', 'userconfig=/tmp/x', 'cafile=/tmp/x', 'strict-ssl=false', 'omit=dev\nregistry=http://198.51.100.1/', 'omit = dev ; registry=http://198.51.100.1/', `OMIT=\${HOME}`, 'install-links = true\r\nregistry = http://198.51.100.1/'];
      await perl(room, "held('looked at outside');");
      const kept = siftNpmrc(evil.join('\n')).kept;
      return /registry|198\.51|token|proxy|shell|git|node-options|ignore-scripts|config|cafile|ssl|\$/i.test(kept) ? worked(`kept: ${kept}`) : held(`kept: ${kept.replaceAll('\n', ' ')}`);
    },
    control: { kind: 'c', says: 'a harmless key is kept', run: async () => (siftNpmrc('legacy-peer-deps=true\n').kept === 'legacy-peer-deps=true\n' ? worked('kept') : held('dropped')) },
  },
];

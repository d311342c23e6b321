import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { openDoor } from '../../../../src/egress/door.js';
import { pypiFront } from '../../../../src/egress/pypi-front.js';
import { lockedPypiRules } from '../../../../src/egress/pypi-rules.js';
import { newId } from '../../../../src/protocol/ids.js';
import { type FakeIndex, startIndex, wheel } from '../../../support/pypi.js';
import { doorRules } from '../../../support/rules.js';
import { perl } from '../probe.js';
import { held, type Outcome, type Room, type Row, worked } from '../row.js';
import { INSIDE, request, SEND } from './egress.js';

const SEEN = 'known technique';
const TOKEN = 'Basic aW5kZXg6dG9rZW4tdGhhdC1zdGF5cw==';
const FILES = [wheel('a', '1.0.0'), wheel('a', '2.0.0'), wheel('b', '1.0.0'), { file: 'a-1.0.0.tar.gz', body: Buffer.from('SOURCE') }];
const [A1, A2, B1] = FILES.map((f) => f.file) as [string, string, string];
let doors = 0;

interface Behind {
  readonly intercept?: (path: string, response: ServerResponse, room: Room, authorization: string | undefined) => unknown;
  /** Paths of the index that may be asked. */
  readonly upstream?: readonly string[];
  /** Text that must not be in the answer. With it a 200 alone is no success of the attack. */
  readonly forbidden?: (room: Room) => readonly string[];
  /** `package.malicious` for what is locked. */
  readonly malicious?: boolean;
  readonly tooYoung?: boolean;
}

/** A fetch sandbox with the front of an index. Wheel `a` 1.0.0 is locked; 2.0.0, `b` and a source distribution are there too. */
async function ask(room: Room, bytes: string, { intercept, upstream = [], forbidden, malicious, tooYoung }: Behind): Promise<Outcome> {
  const index: FakeIndex = await startIndex(FILES, TOKEN);
  index.intercept = intercept === undefined ? null : (path, asked, response) => intercept(path, response, room, asked.headers.authorization);
  const locked = [{ name: 'a', version: '1', digests: [`sha256:${index.digest(A1)}`] }];
  const front = pypiFront({ registry: { url: index.url, authorization: TOKEN }, rules: lockedPypiRules(locked), insideUrl: 'http://127.0.0.1:4873/pypi', pauses: [] });
  const rules = doorRules({ ...(malicious === true ? { malicious: () => 'MAL-1' } : {}), ...(tooYoung === true ? { minimumAge: 1 } : {}) }, { lookup: async () => ['169.254.169.254'] });
  const socket = join(room.outer.folder, `pypi-${doors++}.sock`);
  const id = newId('sb');
  const door = await openDoor({ fronts: [front], rules, socket, owner: room.target.owner, sandbox: id, journal: room.journal });
  try {
    const sandbox = await room.again({ id, phase: 'fetch', egressSocket: socket });
    const outcome = await perl(room, SEND, [INSIDE, bytes, ...(forbidden?.(room) ?? [])], { in: sandbox });
    await sandbox.close();
    const reached = index.requests.filter((r) => !upstream.includes(r.path));
    if (reached.length > 0) return worked(`the index was asked ${reached.map((r) => r.path).join(', ')}`);
    if ((await room.packets()).some((p) => p.to === `198.51.100.${room.n}` || p.to === '169.254.169.254')) return worked('something outside was reached');
    return outcome.worked === true && outcome.detail === 'answered 200' && forbidden !== undefined ? held('answered without it') : outcome;
  } finally {
    await door[Symbol.asyncDispose]();
    await index[Symbol.asyncDispose]();
  }
}

const PAGE = '/simple/a/';
function row(id: string, bytes: string, behind: Behind = {}): Row {
  return {
    id: `egress.pypi-${id}`, group: 'egress', seenIn: SEEN, attempt: (room) => ask(room, bytes, behind),
    recorded: (journal) => journal.of('command.started').length > 0 && journal.of('egress.requested').length > 0,
    control: { kind: 'c', says: 'what is locked is answered', run: (room) => ask(room, request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE, `/files/${A1}`] }) },
  };
}

const link = (address: string): string => `<a href="${address}/${A1}">${A1}</a>`;
const answer = (response: ServerResponse, status: number, headers: Record<string, string>, body: string): true => {
  response.writeHead(status, headers).end(body);
  return true;
};

export const PYPI_ROWS: readonly Row[] = [
  ...['PUT', 'POST', 'DELETE', 'HEAD'].map((method) => row(`method-${method.toLowerCase()}`, request(method, `/pypi${PAGE}`))),
  row('other-project', request('GET', '/pypi/simple/b/')),
  row('other-file', request('GET', `/pypi/files/b/${B1}`)),
  row('other-version', request('GET', `/pypi/files/a/${A2}`)),
  row('other-version-in-the-page', request('GET', `/pypi${PAGE}`), { upstream: [PAGE], forbidden: () => ['2.0.0'] }),
  row('source', request('GET', '/pypi/files/a/a-1.0.0.tar.gz')),
  row('source-in-the-page', request('GET', `/pypi${PAGE}`), { upstream: [PAGE], forbidden: () => ['tar.gz'] }),
  row('file-of-another-project', request('GET', `/pypi/files/a/${B1}`)),
  row('metadata-of-a-file', request('GET', `/pypi/files/a/${A1}.metadata`)),
  row('all-projects', request('GET', '/pypi/simple/')),
  row('spelling-of-a-name', request('GET', '/pypi/simple/A/')),
  row('traversal', request('GET', '/pypi/simple/../simple/b/')),
  row('traversal-encoded', request('GET', '/pypi/simple/..%2fsimple%2fb/')),
  row('traversal-of-a-file', request('GET', `/pypi/files/a/..%2f..%2fb%2f${B1}`)),
  row('data-in-a-query', request('GET', '/pypi/simple/a/?secret=word')),
  row('data-in-a-name', request('GET', '/pypi/simple/c2vjcmv0/')),
  row('search', request('POST', '/pypi/', ['Content-Type: text/xml'], '<methodCall/>')),
  row('other-content', request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE, `/files/${A1}`], intercept: (path, response) => path.startsWith('/files/') && answer(response, 200, {}, 'evil') }),
  row('redirect-of-a-page', request('GET', `/pypi${PAGE}`), { upstream: [PAGE], intercept: (_path, response, room) => answer(response, 302, { location: `http://198.51.100.${room.n}/` }, '') }),
  row('file-at-an-address', request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE], intercept: (_path, response, room) => answer(response, 200, { 'content-type': 'text/html' }, link(`https://198.51.100.${room.n}`)) }),
  row('file-without-tls', request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE], intercept: (_path, response) => answer(response, 200, { 'content-type': 'text/html' }, link('http://files.test')) }),
  row('file-at-a-name-that-means-metadata', request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE], intercept: (_path, response) => answer(response, 200, { 'content-type': 'text/html' }, link('https://files.test')) }),
  row('credential-in-a-page', request('GET', `/pypi${PAGE}`), { upstream: [PAGE], forbidden: () => ['aW5kZXg6', 'token-that-stays'], intercept: (_path, response, _room, authorization) => answer(response, 200, { 'content-type': 'text/html', 'x-echo': authorization ?? '' }, `${link('../../files')}<!-- ${authorization} -->`) }),
  row('malicious-and-locked', request('GET', `/pypi/files/a/${A1}`), { malicious: true }),
  row('too-young-and-locked', request('GET', `/pypi/files/a/${A1}`), { upstream: [PAGE], tooYoung: true }),
];

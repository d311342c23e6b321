import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { openDoor } from '../../../../src/egress/door.js';
import { newId } from '../../../../src/protocol/ids.js';
import { extension, handshake, hello, helloBody, record, serverName } from '../../../support/client-hello.js';
import { doorRules } from '../../../support/rules.js';
import { perl } from '../probe.js';
import { type Outcome, type Room, type Row, worked } from '../row.js';
import { INSIDE } from './egress.js';

const SEEN = 'sandbox-runtime tests, known technique';
const NAME = 'files.test';
const MARK = 'the-other-side-answers';
let doors = 0;

interface Attempt {
  /** What is asked for; PORT stands for the port that is declared. */
  readonly target?: string;
  /** What is sent then, or with it. */
  readonly bytes?: Buffer;
  readonly together?: boolean;
  /** What the declared name resolves to; without it the loopback of the other side, which the installation allows. */
  readonly address?: (room: Room) => string;
}

/** Asks for a tunnel and sends bytes through it. ARGV: socket request hex together mark. */
const TUNNEL = `use Socket; my ($path, $request, $hex, $together, $mark) = @ARGV; $request =~ s/\\\\r\\\\n/\\r\\n/g; my $bytes = pack('H*', $hex); socket(my $s, AF_UNIX, SOCK_STREAM, 0) or refused('socket'); connect($s, sockaddr_un($path)) or refused('connect');
$SIG{PIPE} = 'IGNORE'; my $all = ''; local $SIG{ALRM} = sub { held('nothing more came: ' . length($all) . ' bytes') }; alarm 4; syswrite($s, $together ? $request . $bytes : $request);
while (index($all, "\\r\\n\\r\\n") < 0) { sysread($s, my $b, 65536) or held('closed'); $all .= $b } my ($status) = $all =~ m(^HTTP/1.1 (\\d+)); held("answered $status") if $status ne '200'; syswrite($s, $bytes) unless $together;
while (sysread($s, my $b, 65536)) { $all .= $b; worked('the other side answered') if index($all, $mark) >= 0 } held('closed after 200');`;

/** A door with one declared host, and the other side of it. It works when that side, or an address that stands for others, sees as much as a byte. */
async function through(room: Room, { target = `${NAME}:PORT`, bytes = hello(serverName(NAME)), together = false, address }: Attempt): Promise<Outcome> {
  let got = 0;
  const side = createServer((socket) => void socket.on('error', () => undefined).on('data', (chunk) => {
    got += chunk.length;
    socket.end(MARK);
  }));
  await new Promise<void>((resolve) => void side.listen(0, '127.0.0.1', resolve));
  const { port } = side.address() as AddressInfo;
  const rules = doorRules({}, { hosts: [{ name: NAME, port }], exceptions: address === undefined ? [`${NAME}:${port}`] : [], lookup: async () => [address?.(room) ?? '127.0.0.1'] });
  const socket = join(room.outer.folder, `connect-${doors++}.sock`);
  const id = newId('sb');
  const door = await openDoor({ fronts: [], rules, socket, owner: room.target.owner, sandbox: id, journal: room.journal, limits: { begin: 2000 } });
  try {
    const sandbox = await room.again({ id, phase: 'fetch', egressSocket: socket });
    const asked = target.replaceAll('PORT', String(port)).replaceAll('ROOM', String(room.n));
    const outcome = await perl(room, TUNNEL, [INSIDE, [`CONNECT ${asked} HTTP/1.1`, `Host: ${asked}`, '', ''].join('\\r\\n'), bytes.toString('hex'), together ? 1 : '', MARK], { in: sandbox });
    await sandbox.close();
    if (got > 0) return worked(`the other side got ${got} bytes`);
    const packets = (await room.packets()).filter((p) => p.to === `198.51.100.${room.n}` || p.to === '169.254.169.254');
    return packets.length > 0 ? worked('something outside was reached') : outcome;
  } finally {
    await door[Symbol.asyncDispose]();
    await new Promise<void>((resolve) => void side.close(() => resolve()));
  }
}

function row(id: string, attempt: Attempt): Row {
  return {
    id: `egress.tunnel-${id}`, group: 'egress', seenIn: SEEN, attempt: (room) => through(room, attempt),
    recorded: (journal) => journal.of('command.started').length > 0 && journal.of('egress.requested').some((e) => e.method === 'CONNECT'),
    control: { kind: 'c', says: 'the declared host by its name is reached', run: (room) => through(room, {}) },
  };
}

export const CONNECT_ROWS: readonly Row[] = [
  row('other-host', { target: 'evil.test:443' }),
  row('other-port', { target: `${NAME}:22` }),
  row('below-a-declared-host', { target: `x.${NAME}:PORT` }),
  row('behind-a-declared-host', { target: `${NAME}.evil.test:PORT` }),
  row('name-with-a-dot-behind', { target: `${NAME}.:PORT` }),
  row('data-in-a-name', { target: `c2VjcmV0.${NAME}:PORT` }),
  row('user-before-the-host', { target: `${NAME}@198.51.100.ROOM:PORT` }),
  row('address', { target: '198.51.100.ROOM:443' }),
  row('address-of-the-host', { target: '127.0.0.1:PORT' }),
  row('address-as-a-number', { target: '2130706433:PORT' }),
  row('address-in-hexadecimal', { target: '0x7f000001:PORT' }),
  row('address-of-ipv6', { target: '[::1]:PORT' }),
  row('address-mapped', { target: '[::ffff:127.0.0.1]:PORT' }),
  row('port-in-another-form', { target: `${NAME}:0PORT` }),
  row('without-a-port', { target: NAME }),
  row('path-behind-the-port', { target: `${NAME}:PORT/x` }),
  row('percent-in-the-name', { target: `files%2etest:PORT` }),
  row('name-that-means-the-host', { address: () => '127.0.0.1' }),
  row('name-that-means-metadata', { address: () => '169.254.169.254' }),
  row('name-that-means-a-mapped-address', { address: () => '::ffff:127.0.0.1' }),
  row('name-that-means-another-network', { address: (room) => `198.51.100.${room.n}` }),
  row('other-server-name', { bytes: hello(serverName('evil.test')) }),
  row('no-server-name', { bytes: hello(extension(10, Buffer.from([0, 2, 0, 29]))) }),
  row('two-server-names', { bytes: hello(serverName(NAME), serverName('evil.test')) }),
  row('hidden-server-name', { bytes: hello(serverName(NAME), extension(0xfe0d, Buffer.alloc(16))) }),
  row('server-name-with-a-zero', { bytes: hello(serverName(`${NAME}\0.evil.test`)) }),
  row('second-message-behind-the-first', { bytes: record(Buffer.concat([handshake(helloBody([serverName(NAME)])), handshake(helloBody([serverName('evil.test')]))])) }),
  row('plain-http', { bytes: Buffer.from(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`) }),
  row('plain-http-at-once', { bytes: Buffer.from(`GET / HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`), together: true }),
  row('ssh', { bytes: Buffer.from('SSH-2.0-x\r\n') }),
  row('noise', { bytes: Buffer.alloc(5000, 0xa5) }),
];


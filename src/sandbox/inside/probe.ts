/**
 * Runs INSIDE the sandbox and looks for a way out. It runs on users' machines, where no outer wall catches a leak: it looks at
 * links and routes first and connects to nothing when there is anything but loopback. A connect must fail at once with
 * ENETUNREACH (gVisor: EHOSTUNREACH); a time-out is no pass. Prints one JSON array.
 */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { resolve4 } from 'node:dns/promises';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

interface Probe { readonly id: string; readonly ok: boolean; readonly detail: string }

const read = (path: string): string => readFileSync(path, 'utf8');
const code = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);
const LIMIT_MS = 2000;
const PERL = '/opt/sallyport/perl';

function links(): Probe {
  const names = read('/proc/net/dev').split('\n').slice(2).map((l) => l.split(':')[0]?.trim() ?? '').filter((n) => n !== '');
  return { id: 'interfaces', ok: names.join() === 'lo', detail: names.join(' ') };
}
function routes(): Probe {
  const v4 = read('/proc/net/route').trim().split('\n').slice(1);
  let v6: string[] = [];
  try {
    v6 = read('/proc/net/ipv6_route').trim().split('\n').filter((l) => l !== '' && !/\blo$/.test(l));
  } catch (error) {
    if (code(error) !== 'ENOENT') throw error; // a kernel without IPv6
  }
  return { id: 'routes', ok: v4.length === 0 && v6.length === 0, detail: `${v4.length} IPv4, ${v6.length} IPv6 beyond loopback` };
}
function tcp(id: string, host: string, port: number, expected: readonly string[]): Promise<Probe> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: LIMIT_MS });
    const done = (ok: boolean, detail: string): void => {
      socket.destroy();
      resolve({ id, ok, detail: `${host}:${port} ${detail}` });
    };
    socket.on('connect', () => done(false, 'connected'));
    socket.on('timeout', () => done(false, 'no answer: something took the packet'));
    socket.on('error', (error) => done(expected.includes(code(error)), code(error)));
  });
}
function udp(expected: readonly string[]): Promise<Probe> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (ok: boolean, detail: string): void => resolve({ id: 'udp', ok, detail });
    socket.on('error', (error) => done(false, code(error)));
    socket.send('x', 9, '192.0.2.1', (error) => {
      socket.close();
      done(error !== null && expected.includes(code(error)), error === null ? 'sent' : code(error));
    });
  });
}
async function dns(): Promise<Probe> {
  try {
    return { id: 'dns', ok: false, detail: `resolved to ${(await resolve4('sallyport-probe.invalid.example')).join()}` };
  } catch (error) {
    return { id: 'dns', ok: ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'].includes(code(error)), detail: code(error) };
  }
}
function status(): Probe[] {
  const text = read('/proc/self/status');
  const field = (name: string): string => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(text)?.[1] ?? '';
  const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(field);
  // gVisor names no ambient set and no NoNewPrivs. What is ambient is permitted and inheritable too; the bit can be asked for (PR_GET_NO_NEW_PRIVS).
  const held = capabilities.filter((c, i) => c !== '' || i < 4);
  const bit = field('NoNewPrivs') || asked(39);
  return [
    { id: 'capabilities', ok: held.every((c) => /^0+$/.test(c)), detail: held.join(' ') },
    { id: 'no_new_privs', ok: bit === '1', detail: bit },
    { id: 'seccomp', ok: field('Seccomp') === '2', detail: field('Seccomp') },
  ];
}
function asked(option: number): string {
  const ran = spawnSync(PERL, ['-e', `print syscall(${process.arch === 'arm64' ? 167 : 157}, ${option}, 0, 0, 0, 0)`], { timeout: LIMIT_MS, encoding: 'utf8' });
  return ran.error === undefined ? ran.stdout.trim() : code(ran.error);
}
/** Opened for writing, nothing written: the open itself must fail. */
function notWritable(id: string, path: string, flags: string): Probe {
  try {
    closeSync(openSync(path, flags));
    return { id, ok: false, detail: `${path} can be opened for writing` };
  } catch (error) {
    return { id, ok: ['EROFS', 'EACCES', 'EPERM', ...(flags === 'r+' ? ['ENOENT'] : [])].includes(code(error)), detail: code(error) };
  }
}
function refusedByPerl(id: string, program: string): Probe {
  const ran = spawnSync(PERL, ['-e', program], { timeout: LIMIT_MS, encoding: 'utf8' });
  return { id, ok: ran.status === 0 && /^refused /.test(ran.stdout), detail: ran.error === undefined ? ran.stdout.trim() || `exit ${ran.status}` : code(ran.error) };
}
/** What a program started in here inherits: standard input, output and error, and the folder that Perl itself has open. */
function descriptors(): Probe {
  const ran = spawnSync(PERL, ['-e', 'opendir my $d, "/proc/self/fd"; print join " ", grep /^\\d/, readdir $d'], { timeout: LIMIT_MS, encoding: 'utf8' });
  const open = (ran.stdout ?? '').split(' ').filter((l) => l !== '').sort();
  return { id: 'descriptors', ok: open.join() === '0,1,2,3', detail: open.join(' ') };
}
/** RTM_NEWLINK for a dummy link named "out": what answers it must say EPERM. */
const NEW_LINK = `my $body = pack('CxSlLL', 0, 0, 0, 0, 0) . pack('SSa4', 8, 3, "out") . pack('SS', 16, 18) . pack('SSa8', 12, 1, "dummy");
my $sent = pack('LSSLL', 16 + length($body), 16, 0x605, 1, 0) . $body; defined(send($s, $sent, 0)) or do { print "refused $!"; exit }; recv($s, my $got, 4096, 0);
my ($code) = unpack('l', substr($got, 16, 4)); if ($code < 0) { $! = -$code; print "refused $!" } else { print "made a link" }`;
/** Sockets of the host that would be a way out: on paths where they commonly lie, by abstract names, and whatever the kernel lists for this network. */
function unixSockets(): Probe[] {
  const attempt = (id: string, name: string): Probe => refusedByPerl(id, `socket(my $s, 1, 1, 0) or die; if (connect($s, pack('S', 1) . "${name}")) { print "connected" } else { print "refused $!" }`);
  const paths = ['/run/dbus/system_bus_socket', '/var/run/docker.sock', '/run/podman/podman.sock', '/run/containerd/containerd.sock', '/run/systemd/private', '/tmp/.X11-unix/X0'];
  const abstract = ['/tmp/.X11-unix/X0', '/tmp/dbus-', '/containerd-shim/', 'sallyport'];
  const first = (id: string, names: readonly string[], prefix: string): Probe => names.map((name) => attempt(id, `${prefix}${name}`)).find((p) => !p.ok) ?? { id, ok: true, detail: `refused ${names.length}` };
  return [first('unix', paths, ''), first('abstract', abstract, '\\0'), listed()];
}
/** Named sockets of this network: none has been made yet but the door of a fetch, which is on a path of its own. */
function listed(): Probe {
  let lines: string[];
  try {
    lines = read('/proc/net/unix').split('\n').slice(1);
  } catch (error) {
    return { id: 'unix_names', ok: code(error) === 'ENOENT', detail: code(error) };
  }
  const names = lines.map((line) => line.trim().split(/\s+/).slice(7).join(' ')).filter((name) => name !== '');
  return { id: 'unix_names', ok: names.length === 0, detail: names.length === 0 ? 'none' : names.slice(0, 5).join(' ') };
}
const socketProbe = (family: number, type: number, protocol: number): string =>
  `if (socket(my $s, ${family}, ${type}, ${protocol})) { print "opened" } else { print "refused $!" }`;

async function main(): Promise<Probe[]> {
  const first = [links(), routes()];
  const local: Probe[] = [
    ...status(), descriptors(),
    notWritable('core_pattern', '/proc/sys/kernel/core_pattern', 'r+'),
    notWritable('root_read_only', '/usr/sallyport-probe', 'wx'),
    // CLONE_NEWUSER alone; the filter and --disable-userns both refuse it
    refusedByPerl("user_namespace", `if (syscall(${process.arch === 'arm64' ? 97 : 272}, 0x10000000) == 0) { print "opened" } else { print "refused $!" }`),
    refusedByPerl('vsock', socketProbe(40, 1, 0)),
    refusedByPerl('packet', socketProbe(17, 3, 0)),
    refusedByPerl('raw', socketProbe(2, 3, 1)), // AF_INET, SOCK_RAW, ICMP
    refusedByPerl('netlink_route', `socket(my $s, 16, 3, 0) or do { print "refused $!"; exit }; ${NEW_LINK}`),
    ...unixSockets(),
    refusedByPerl('netlink_audit', socketProbe(16, 3, 9)),
  ];
  if (first.some((p) => !p.ok)) return [...first, ...local]; // never connect when there is a link: the missing probes count as failed
  // gVisor's own network says it so; Linux would say it of a host behind a route, and there is none.
  const unreachable = [/^NoNewPrivs:/m.test(read('/proc/self/status')) ? 'ENETUNREACH' : 'EHOSTUNREACH'];
  const outside = await Promise.all([
    tcp('tcp', '192.0.2.1', 80, unreachable), tcp('metadata', '169.254.169.254', 80, unreachable),
    tcp('ipv6', '2001:db8::1', 80, [...unreachable, 'EADDRNOTAVAIL', 'EAFNOSUPPORT']), udp(unreachable), dns(),
  ]);
  return [...first, ...local, ...outside];
}

main().then((probes) => process.stdout.write(JSON.stringify(probes)));

import { all, withoutCall } from '../defences.js';
import { command, perl } from '../probe.js';
import { held, type Outcome, type Room, type Row, unclear, worked } from '../row.js';
import type { ExecResult } from '../../../../src/sandbox/sandbox.js';

const LIMIT = 100_000;

/** A server in the place of Sallyport's own. It reads lines on descriptor 3 and answers what SCRIPT makes of them. */
const SERVER = (script: string): readonly string[] => ['/usr/bin/perl', '-e', `use strict; $| = 1; $SIG{$_} = 'IGNORE' for qw(TERM PIPE); open(our $in, '<&=', 3) or die; open(our $out, '>&=', 3) or die;
sub say_ { my $all = join '', @_; while (length $all) { my $n = syswrite($out, $all) // exit; substr($all, 0, $n) = '' } } ${script}`];
const READY = 'our ($key) = <$in> =~ /"key":"([^"]+)"/; say_(qq({"ready":true}\\n));';
/** Waits for the command and gives its id. */
const AWAIT = 'my $line = <$in>; my ($id) = map { "$key.$_" } $line =~ /"id":"([^"]+)"/;';

type Expected = (result: ExecResult) => boolean;

/** An attacker who has the exec server: what the host makes of its answers. `good` says what the host may believe. */
function lying(id: string, script: string, good: Expected, timeout = 1500): Row {
  return {
    id: `channel.${id}`, group: 'channel', seenIn: 'known technique', ends: true,
    attempt: async (room) => {
      const sandbox = await room.replaced({ says: 'a lying exec server', server: SERVER(script) });
      const result = await command(room, ['/bin/sh', '-c', 'exit 9'], { in: sandbox, timeout, maxOutput: LIMIT });
      const size = result.stdout.length + result.stderr.length;
      if (size > LIMIT) return worked(`${size} bytes were kept`);
      return good(result) ? held(`${result.reason}, exit ${result.exit}, ${size} bytes`) : worked(`believed: ${result.reason}, exit ${result.exit}, signal ${result.signal}`);
    },
    control: { kind: 'c', says: 'an honest one is believed', run: async (room) => {
      const result = await command(room, ['/bin/sh', '-c', 'echo out; exit 9']);
      return result.reason === 'exited' && result.exit === 9 && result.stdout.toString() === 'out\n' ? worked('exit 9') : held(result.reason);
    } },
  };
}

const lost: Expected = (r) => r.reason === 'lost' && r.exit === null;
const late: Expected = (r) => r.reason === 'timeout';
const notDone: Expected = (r) => r.reason !== 'exited';
const bad = (id: string, message: string): Row => lying(id, `${READY} ${AWAIT} say_(${message}); sleep 20;`, lost, 5000);

/** An attempt on the real server, from a command that it runs. */
function inside(id: string, seenIn: string, attempt: (room: Room) => Promise<Outcome>, control: Row['control']): Row {
  return { id: `channel.${id}`, group: 'channel', seenIn, ends: true, attempt, control };
}
const FIND = "sub line { open(my $f, '<', \"/proc/$_[0]/cmdline\") or return ''; join '', <$f> } my ($pid) = grep { line($_) =~ m(^/opt/sallyport/node.*exec-server) } map { m(/proc/(\\d+)$) } glob '/proc/[0-9]*'; defined $pid or die;";
const FORGED = '{"id":"c0","exit":0,"signal":null}';

/** Reads what is on its way to process $pid on its standard input, and answers on its output. */
const TAKE = `open(my $from, '<', "/proc/$pid/fd/0"); open(my $to, '>', "/proc/$pid/fd/1"); open(my $up, '>', '/tmp/up'); close $up; sleep 20 if !defined fileno $from; while (sysread($from, my $line, 65536)) { $line =~ /"id":"([^"]+)"/ and syswrite($to, qq({"id":"$1","exit":0,"signal":null}\\n)) } sleep 20;`;

/** What was forged is not taken for the command's own end. The server's own pipes may be hit with it, and the sandbox be lost. */
function unbelieved(room: Room, { reason, exit }: ExecResult): Outcome {
  if (reason === 'exited') return exit === 9 ? held('exit 9') : worked(`believed: exit ${exit}`);
  return room.sandbox.enforced.includes('sealed_server') ? worked(`${reason}: it reached the server`) : held(`${reason}, and said so`);
}

const hit = (what: string, script: string): Row['control'] => ({ kind: 'c', says: what, run: (room) => perl(room, script) });

export const CHANNEL_ROWS: readonly Row[] = [
  lying('never-answers', `${READY} sleep 60 while 1;`, late, 600),
  lying('never-ready-again', `${READY} ${AWAIT} say_(qq({"ready":true}\\n)) for 1 .. 50; sleep 20;`, late, 600),
  lying('only-output-and-no-end', `${READY} ${AWAIT} say_(qq({"id":"$id","o":"eA=="}\\n)); sleep 20;`, late, 800),
  lying('output-without-end', `${READY} ${AWAIT} my $b = 'eHh4' x 10000; say_(qq({"id":"$id","o":"$b"}\\n)) while 1;`, (r) => r.reason === 'output_limit' && r.stdout.length === LIMIT, 8000),
  lying('answers-for-others', `${READY} say_(map { qq({"id":"$key.c$_","exit":0,"signal":null}\\n) } 1 .. 500); ${AWAIT} say_(map { qq({"id":"$key.x$_","exit":0,"signal":null}\\n) } 1 .. 500); sleep 20;`, late, 800),
  // In one piece with the word that it is ready, or it might come after the question.
  lying('answers-before-the-question', `${READY.replace('say_(', 'say_(qq({"id":"$key.c0","exit":0,"signal":null}\\n), ')} sleep 20;`, late, 800),
  lying('answers-in-the-name-of-an-object', `${READY} ${AWAIT} say_(map { qq({"id":"$key.$_","exit":0,"signal":null}\\n) } qw(__proto__ constructor toString hasOwnProperty)); sleep 20;`, late, 800),
  lying('dies', `${READY} ${AWAIT} exit 0;`, lost),
  lying('closes-the-channel', `${READY} ${AWAIT} close $in; close $out; POSIX::close(3) if eval { require POSIX }; sleep 20;`, notDone, 800),
  lying('half-a-line-and-dies', `${READY} ${AWAIT} say_(qq({"id":"$id","exit":0,"sig)); exit 0;`, lost),
  bad('giant-line', "'x' x 3000000"),
  bad('no-json', 'qq(hello\\n)'),
  bad('binary', 'pack("C*", map { $_ % 256 } 1 .. 5000) . "\\n"'),
  bad('empty-line', '"\\n"'),
  bad('another-form', 'qq({"id":"$id","exit":0,"signal":null,"reason":"exited"}\\n)'),
  bad('exit-out-of-range', 'qq({"id":"$id","exit":256,"signal":null}\\n)'),
  bad('exit-as-text', 'qq({"id":"$id","exit":"0","signal":null}\\n)'),
  bad('exit-that-is-a-fraction', 'qq({"id":"$id","exit":0.5,"signal":null}\\n)'),
  bad('output-that-is-no-base64', 'qq({"id":"$id","o":"<script>"}\\n)'),
  bad('prototype', 'qq({"__proto__":{"id":"$id"},"exit":0,"signal":null}\\n)'),
  bad('deeply-nested', "'[' x 400000 . \"\\n\""),
  bad('an-array', 'qq([{"id":"$id","exit":0,"signal":null}]\\n)'),
  bad('error-that-is-too-long', 'qq({"id":"$id","error":") . ("x" x 5000) . qq("}\\n)'),
  lying('two-ends', `${READY} ${AWAIT} say_(qq({"id":"$id","exit":9,"signal":null}\\n{"id":"$id","exit":0,"signal":null}\\n)); sleep 20;`, (r) => r.reason === 'exited' && r.exit === 9),
  {
    id: 'channel.never-ready', group: 'channel', seenIn: 'known technique', ends: true,
    attempt: async (room) => {
      await command(room, ['/bin/true']);
      try {
        await room.replaced({ says: 'a server that ends', server: ['/bin/true'] });
        return worked('a sandbox without a server was opened');
      } catch (error) {
        return held(String((error as { code?: string }).code));
      }
    },
    control: { kind: 'c', says: 'with a server it opens', run: async (room) => {
      await room.again();
      return worked('opened');
    } },
  },
  {
    id: 'channel.floods-the-host-by-its-own-output', group: 'channel', seenIn: 'known technique', ends: true,
    attempt: async (room) => {
      const sandbox = await room.replaced({ says: 'a server that prints', server: ['/bin/sh', '-c', 'yes | head -c 30000000 & yes | head -c 30000000 >&2 & exec /opt/sallyport/node /opt/sallyport/exec-server.cjs'] });
      const result = await command(room, ['/bin/echo', 'still'], { in: sandbox });
      return result.reason === 'exited' && result.stdout.toString() === 'still\n' ? held('drained and dropped') : worked(`it blocks: ${result.reason}`);
    },
    control: { kind: 'c', says: 'it is really that much', run: (room) => perl(room, "my $n = 0; open(my $y, '-|', 'yes | head -c 30000000') or die; while (sysread($y, my $b, 65536)) { $n += length $b } $n == 30000000 ? worked($n) : held($n);") },
  },
  inside('server-stopped', 'known technique', async (room) => {
    const result = await command(room, ['/usr/bin/perl', '-e', `${FIND} kill 'STOP', $pid; sleep 60`], { timeout: 1000 });
    return late(result) ? held('ended by time, sandbox and all') : worked(`${result.reason}, exit ${result.exit}`);
  }, hit('a child can be stopped', "my $pid = fork; if (!$pid) { sleep 20; POSIX::_exit(0) } kill 'STOP', $pid; select undef, undef, undef, 0.1; open(my $f, '<', \"/proc/$pid/stat\"); my $stopped = <$f> =~ /\\) T /; kill 9, $pid; $stopped ? worked('stopped') : held('not stopped');")),
  inside('server-killed', 'known technique', async (room) => {
    const result = await command(room, ['/usr/bin/perl', '-e', `${FIND} kill 'KILL', $pid; sleep 60`]);
    return lost(result) ? held('lost, and said so') : worked(`${result.reason}, exit ${result.exit}`);
  }, hit('a child can be killed', "my $pid = fork; if (!$pid) { sleep 20; POSIX::_exit(0) } kill 9, $pid; waitpid($pid, 0); $? == 9 ? worked('killed') : held('lives');")),
  inside('lines-of-the-protocol-as-output', 'known technique', async (room) => {
    const result = await command(room, ['/bin/sh', '-c', `printf '\\n%s\\n' '${FORGED}' '{"ready":true}'; printf '%s\\n' '${FORGED}' >&2; exit 9`]);
    return result.reason === 'exited' && result.exit === 9 ? held('only output') : worked(`believed: exit ${result.exit}`);
  }, { kind: 'c', says: 'the output arrives', run: async (room) => {
    const result = await command(room, ['/bin/echo', FORGED]);
    return result.stdout.toString() === `${FORGED}\n` ? worked('as text') : held('other text');
  } }),
  inside('written-into-descriptors', 'known technique', async (room) => {
    const result = await command(room, ['/bin/bash', '-c', `for p in /proc/[0-9]*; do for fd in 1 2 3 4 5 6 7 8 9 10 11 12; do echo '${FORGED}' > $p/fd/$fd; done; done 2>/dev/null; exit 9`]);
    return unbelieved(room, result);
  }, { kind: 'c', says: 'into its own it writes', run: (room) => perl(room, "open(my $f, '>', '/tmp/own') or die; my $fd = fileno $f; open(my $g, '>', \"/proc/self/fd/$fd\") or refused('open'); print $g 'x'; close $g; -s '/tmp/own' ? worked('written') : held('not');") }),
  inside('questions-taken-and-answered', 'known technique', async (room) => {
    await command(room, ['/bin/bash', '-c', '(setsid perl -e "$1" >/dev/null 2>&1 &); until [ -e /tmp/up ]; do sleep 0.02; done', 'taker', `${FIND} ${TAKE}`]);
    return unbelieved(room, await command(room, ['/bin/sh', '-c', 'sleep 0.5; exit 9'], { timeout: 2000 }));
  }, { kind: 'c', says: 'from a pipe of its own it is taken and answered', run: (room) => perl(room, `pipe(my $out, my $in); pipe(my $back, my $answer); pipe(my $up, my $ready); my $server = fork; if (!$server) { open(STDIN, '<&', $out); open(STDOUT, '>&', $answer); syswrite($ready, 'x'); sleep 20; POSIX::_exit(0) }
    sysread($up, my $there, 1); my $taker = fork; if (!$taker) { my $pid = $server; ${TAKE} } syswrite($in, qq({"op":"exec","id":"c7"}\\n)); local $SIG{ALRM} = sub { kill 9, $server, $taker; held('no answer') }; alarm 5; sysread($back, my $said, 200); kill 9, $server, $taker; $said =~ /"c7","exit":0/ ? worked('answered') : held($said);`) }),
  inside('channel-taken-over', 'codex linux-sandbox tests', (room) => perl(room, `${FIND} my $fd = syscall(434, $pid + 0, 0); $fd >= 0 or refused('pidfd_open'); my $got = syscall(438, $fd, 3, 0); $got >= 0 ? worked("descriptor $got") : refused('pidfd_getfd');`),
    { kind: 'b', without: all({ says: 'Node can be read inside', readable: true }, withoutCall(438)) }),
  inside('output-after-the-end', 'known technique', async (room) => {
    await command(room, ['/bin/sh', '-c', '(sleep 0.4; yes late | head -c 300000) & echo first']);
    const result = await command(room, ['/bin/sh', '-c', 'sleep 1; echo second']);
    return result.stdout.toString() === 'second\n' ? held('dropped') : worked('output of one command in another');
  }, { kind: 'c', says: 'before the end it arrives', run: async (room) => {
    const result = await command(room, ['/bin/sh', '-c', 'yes late | head -c 10']);
    return result.stdout.length === 10 ? worked('arrived') : unclear(result.reason);
  } }),
];

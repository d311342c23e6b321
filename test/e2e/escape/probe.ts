import type { ExecRequest, ExecResult, Sandbox } from '../../../src/sandbox/sandbox.js';
import type { Guarantee } from '../../../src/protocol/guarantee.js';
import { run } from '../../../src/process/spawn.js';
import { held, type Outcome, type Room, unclear, worked } from './row.js';

/** What every probe in perl begins with. A probe ends by saying what it found; one that says nothing proves nothing. */
const PRELUDE = `use strict; use warnings; use POSIX (); use Errno; $| = 1; no warnings 'once';
sub held { print "HELD @_\\n"; POSIX::_exit(0) } sub worked { print "WORKED @_\\n"; POSIX::_exit(0) }
sub name { my $e = shift; for (keys %Errno::) { no strict 'refs'; return $_ if /^E[A-Z0-9]+$/ && exists $!{$_} && do { local $! = $e; $!{$_} } } "errno $e" }
sub refused { my $e = $! + 0; held(name($e) . " @_") }
# Answers of a kernel or a filter that forbids. Everything else means that the kernel looked at what was asked.
my %no = map { $_ => 1 } (1, 13, 30, 38, 93, 94, 95, 97); # EPERM EACCES EROFS ENOSYS EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EAFNOSUPPORT
sub answer { my ($result, $what) = @_; my $e = $! + 0; worked("$what answered $result") if defined $result && $result ne '' && $result >= 0; $no{$e} ? held(name($e)) : worked("$what was looked at: " . name($e)) }
`;

export interface ProbeOptions extends Partial<Omit<ExecRequest, 'argv'>> {
  readonly in?: Sandbox;
}

/** Runs perl inside. Arguments are in @ARGV. */
export async function perl(room: Room, script: string, args: readonly (string | number)[] = [], options: ProbeOptions = {}): Promise<Outcome> {
  return outcomeOf(await command(room, ['/usr/bin/perl', '-e', PRELUDE + script, '--', ...args.map(String)], options));
}

/**
 * Runs an effect-free probe outside of any sandbox, in the outer network namespace: what it finds there shows that it would notice.
 * With `namespaces` as root of namespaces of its own.
 */
export async function perlOutside(script: string, args: readonly (string | number)[] = [], namespaces: readonly string[] = []): Promise<Outcome> {
  const ran = await run([...(namespaces.length === 0 ? [] : ['/usr/bin/unshare', ...namespaces]), '/usr/bin/perl', '-e', PRELUDE + script, '--', ...args.map(String)], { timeout: 8000, env: { PATH: '/usr/bin:/bin' } });
  return outcomeOf({ ...ran, reason: 'exited', ms: 0 });
}

/** Runs a shell script inside that ends by saying HELD or WORKED. */
export async function shell(room: Room, script: string, args: readonly string[] = [], options: ProbeOptions = {}): Promise<Outcome> {
  return outcomeOf(await command(room, ['/bin/bash', '-c', script, 'probe', ...args], options));
}

/** Runs Sallyport's own Node inside, with a script that ends by saying HELD or WORKED. */
export async function node(room: Room, script: string, args: readonly string[] = [], options: ProbeOptions = {}): Promise<Outcome> {
  const prelude = "const held = (w) => { console.log('HELD', w); process.exit(0); }; const worked = (w) => { console.log('WORKED', w); process.exit(0); };\n";
  return outcomeOf(await command(room, ['/opt/sallyport/node', '-e', prelude + script, ...args], options));
}

export function command(room: Room, argv: readonly string[], { in: sandbox, ...options }: ProbeOptions = {}): Promise<ExecResult> {
  return (sandbox ?? room.sandbox).exec({ argv, timeout: 8000, maxOutput: 200_000, ...options });
}

/** The last line that says something decides. */
export function outcomeOf(result: ExecResult): Outcome {
  const text = result.stdout.toString('utf8');
  const line = [...text.matchAll(/^(HELD|WORKED) ?(.*)$/gm)].at(-1);
  if (line === undefined) return unclear(`${result.reason}, exit ${result.exit ?? result.signal ?? 'none'}: ${`${text} ${result.stderr.toString('utf8')}`.trim().slice(-300)}`);
  return line[1] === 'WORKED' ? worked(line[2] ?? '') : held(line[2] ?? '');
}

/** What has to hold where a driver does not report a guarantee: a run that demands it does not start. */
export async function refused(room: Room, guarantee: Guarantee): Promise<Outcome> {
  try {
    await room.again({ demanded: [guarantee] });
    return worked(`a sandbox without ${guarantee} started though it was demanded`);
  } catch (error) {
    const { code } = error as { code?: string };
    // The journal has the failed start of nobody: what was demanded is said in the error that ends the run.
    await command(room, ['/bin/true']);
    return code === 'sandbox.not_enforced' ? held(`${guarantee} is not enforced, and a run that demands it does not start`) : unclear(String(error));
  }
}

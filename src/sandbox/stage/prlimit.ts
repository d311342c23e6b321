import type { Limits } from '../sandbox.js';
import { INSIDE } from './inside.js';
import { CALLS } from './stage.js';

/** Bytes of memory that one process may have at least: a runtime such as Node sets aside more than it uses. */
const LEAST_DATA = 1536 * 1024 * 1024;

/**
 * Sets limits of a process and becomes the command. The number of processes counts in the sandbox's own user namespace, for all that run in it together; memory counts for
 * each process alone. Arguments: NUMBER BYTES COMMAND… RLIMIT_DATA 2, RLIMIT_NPROC 6 (asm-generic/resource.h).
 */
const LIMIT = (arch: keyof typeof CALLS): string => String.raw`delete $ENV{PERL_BADLANG};
my ($number, $bytes, @command) = @ARGV;
for ([6, $number], [2, $bytes]) { my $limit = pack('QQ', $_->[1], $_->[1]); syscall(${CALLS[arch].prlimit64}, 0, $_->[0], $limit, 0) == 0 or die "prlimit: $!\n" }
exec { $command[0] } @command or print STDERR "$command[0]: $!\n";
syscall(${arch === 'arm64' ? 94 : 231}, 127);`;

/** A command for a sandbox without cgroups: weaker limits in place of none. */
export function limited(command: readonly string[], limits: Limits, arch: keyof typeof CALLS): string[] {
  return [`${INSIDE.runtime}/perl`, '-e', LIMIT(arch), String(limits.pids), String(Math.max(LEAST_DATA, limits.memory * 1024 * 1024)), ...command];
}

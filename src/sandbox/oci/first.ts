import type { Arch } from '../seccomp.js';
import { INSIDE } from '../stage/inside.js';
import { CALLS } from '../stage/stage.js';
import type { Runtime } from './command.js';
import { filtered } from './filter.js';

/** First process of a container whose engine brings none, as the kernel sees it started. */
export const INIT_PROGRAM = `${INSIDE.runtime}/perl`;

/** Starts a command, reaps orphans, and ends like it. It keeps no descriptor open that the command's reader waits for. */
const INIT = (arch: Arch): string => String.raw`delete $ENV{PERL_BADLANG};
my $pid = fork // exit 126;
if ($pid == 0) { exec { $ARGV[0] } @ARGV or print STDERR "$ARGV[0]: $!\n"; syscall(${arch === 'arm64' ? 94 : 231}, 127) }
syscall(${CALLS[arch].close}, $_) for 0 .. 2;
for (;;) { my $ended = waitpid(-1, 0); last if $ended == -1; syscall(${arch === 'arm64' ? 94 : 231}, $? & 127 ? 128 + ($? & 127) : $? >> 8) if $ended == $pid }
syscall(${arch === 'arm64' ? 94 : 231}, 125);`;

/**
 * The first process and below it the command. On gVisor the filter is put on before either: a first process without it would be a way round it for
 * whatever gets to steer that process, which is of the same user as the code inside.
 */
export function firstProcess(command: readonly string[], arch: Arch, runtime: Runtime): string[] {
  const first = [INIT_PROGRAM, '-e', INIT(arch), ...command];
  return runtime === 'runsc' ? filtered(first, arch) : first;
}

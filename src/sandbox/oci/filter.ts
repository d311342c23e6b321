import { CALLS } from '../stage/stage.js';
import { type Arch, seccompFilter } from '../seccomp.js';

/**
 * Puts the filter on itself and becomes a command, inside the container. For gVisor: its reading of a profile knows no error numbers, so that a call
 * that is to be absent (clone3) would be refused, and programs do not take the older way. Its own kernel takes a filter like Linux does.
 *
 * Arguments: PRCTL FILTER (hexadecimal) COMMAND… Options of prctl: PR_SET_NO_NEW_PRIVS 38, PR_SET_SECCOMP 22 with SECCOMP_MODE_FILTER 2.
 */
const PUT_ON = String.raw`my ($prctl, $hex, @command) = @ARGV;
my $filter = pack 'H*', $hex;
my $program = pack 'S x6 P', length($filter) / 8, $filter;
syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 && syscall($prctl + 0, 22, 2, $program) == 0 or die "filter: $!\n";
exec { $command[0] } @command or print STDERR "$command[0]: $!\n";
exit 127;`;

/** The command, with the filter put on first. */
export function filtered(command: readonly string[], arch: Arch): string[] {
  return ['/opt/sallyport/perl', '-e', PUT_ON, String(CALLS[arch].prctl), seccompFilter(arch).toString('hex'), ...command];
}

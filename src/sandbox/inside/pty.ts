const CALLS = process.arch === 'arm64' ? { setsid: 157, close: 57, exit_group: 94 } : { setsid: 112, close: 3, exit_group: 231 };

/**
 * Runs a command on a terminal of its own, inside the sandbox. Perl, since Node can make no terminal without native code and perl-base is on every
 * Debian and Ubuntu. Arguments: COLUMNS ROWS COMMAND… Standard input is what is typed, standard output what the terminal shows; lines `COLUMNS ROWS` on
 * descriptor 3 resize it. Ends like the command: its exit code, or 128 and the signal.
 *
 * No module: those of the root file system inside may be of another Perl.
 *
 * Numbers: TIOCSPTLCK, TIOCGPTN, TIOCSWINSZ, TIOCSCTTY of asm-generic/ioctls.h, which x86_64 and aarch64 share.
 */
export const PTY = String.raw`delete $ENV{PERL_BADLANG};
my ($columns, $rows, @command) = @ARGV;
my ($UNLOCK, $NUMBER, $SIZE, $CONTROL) = (0x40045431, 0x80045430, 0x5414, 0x540E);
open my $master, '+<', '/dev/ptmx' or die "/dev/ptmx: $!\n";
my ($open, $number) = (pack('i', 0), pack('i', 0));
ioctl($master, $UNLOCK, $open) or die "terminal: $!\n";
ioctl($master, $NUMBER, $number) or die "terminal: $!\n";
my $name = '/dev/pts/' . unpack('i', $number);
sub resize { my $size = pack('S4', $_[1], $_[0], 0, 0); ioctl($master, $SIZE, $size) }
resize($columns, $rows);
my $pid = fork // die "fork: $!\n";
if ($pid == 0) {
  syscall(${CALLS.setsid});
  open my $slave, '+<', $name or die "$name: $!\n";
  my $zero = 0;
  ioctl($slave, $CONTROL, $zero) or die "terminal: $!\n";
  open STDIN, '<&', $slave;
  open STDOUT, '>&', $slave;
  open STDERR, '>&', $slave;
  close $slave;
  close $master;
  syscall(${CALLS.close}, 3);
  exec { $command[0] } @command or print STDERR "$command[0]: $!\r\n";
  syscall(${CALLS.exit_group}, 127);
}
open my $sizes, '<&=', 3 or die "sizes: $!\n";
my ($in, $wait, $resizes) = (1, 1, 1);
my ($ended, $status, $text) = (0, 0, '');
sub all { my $at = 0; while ($at < length $_[1]) { $at += syswrite($_[0], $_[1], length($_[1]) - $at, $at) // return } }
for (;;) {
  my $bits = '';
  vec($bits, fileno($master), 1) = 1;
  vec($bits, 0, 1) = 1 if $in;
  vec($bits, 3, 1) = 1 if $resizes;
  my $some = select(my $ready = $bits, undef, undef, $ended ? 0 : 0.1);
  if (!$ended && waitpid($pid, 1) == $pid) { ($ended, $status) = (1, $?) }
  if ($some > 0 && vec($ready, fileno($master), 1)) {
    my $read = sysread($master, my $shown, 65536);
    if ($read) { all(*STDOUT, $shown) } else { last if $ended; select(undef, undef, undef, 0.01) }
  } elsif ($ended) { last }
  if ($some > 0 && $in && vec($ready, 0, 1)) {
    if (sysread(STDIN, my $typed, 65536)) { all($master, $typed) } else { $in = 0; all($master, "\004") }
  }
  if ($some > 0 && $resizes && vec($ready, 3, 1)) {
    if (sysread($sizes, $text, 1000, length $text)) { while ($text =~ s/^(\d+) (\d+)\n//) { resize($1, $2) } } else { $resizes = 0 }
  }
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);`;

# Makes the outer network namespace of the escape suite ready and becomes the suite. Arguments: FOLDER COMMAND…
# Runs with CAP_NET_ADMIN and CAP_NET_RAW in a namespace that has nothing but loopback. The addresses that stand for the internet and for the
# metadata service lie on loopback: whatever is sent to them arrives here and goes nowhere. A child writes every packet of the
# namespace to FOLDER/packets, one a line: "ETHERTYPE HEX". Descriptor 251 is left open on a canary file, as a careless parent would.
use strict;
use warnings;
use POSIX ();

my ($folder, @command) = @ARGV;
socket(my $inet, 2, 2, 0) or die "inet socket: $!";
socket(my $inet6, 10, 2, 0) or die "inet6 socket: $!";

my $sockaddr = sub { pack('S n C4 x8', 2, 0, split /\./, $_[0]) };
my $ask = sub { my ($socket, $request, $bytes, $what) = @_; ioctl($socket, $request, $bytes) or die "$what: $!" };
$ask->($inet, 0x8914, pack('a16 s x22', 'lo', 0x41), 'lo up'); # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
my $alias = 0;
for (['192.0.2.1', '255.255.255.0'], ['198.51.100.1', '255.255.255.0'], ['169.254.169.254', '255.255.255.255']) {
  my $name = 'lo:' . $alias++;
  $ask->($inet, 0x8916, pack('a16 a24', $name, $sockaddr->($_->[0])), "address $_->[0]"); # SIOCSIFADDR
  $ask->($inet, 0x891c, pack('a16 a24', $name, $sockaddr->($_->[1])), "mask of $_->[0]"); # SIOCSIFNETMASK
}
my $index = unpack('x16 i', do { my $r = pack('a16 x24', 'lo'); ioctl($inet, 0x8933, $r) or die "index: $!"; $r }); # SIOCGIFINDEX
for ('fd000ec2000000000000000000000254', '20010db8000000000000000000000001') {
  $ask->($inet6, 0x8916, pack('H32 L i', $_, 128, $index), "address $_");
}
for (['net/ipv4/ip_unprivileged_port_start', '0'], ['net/ipv4/ping_group_range', '0 2147483647']) {
  open(my $sysctl, '>', "/proc/sys/$_->[0]") or next; # only lets an ordinary user's canaries listen on low ports; without it their rows are void
  print $sysctl $_->[1];
  close $sysctl;
}

socket(my $packets, 17, 2, unpack('S', pack('n', 3))) or die "packet socket: $!"; # bound before the fork: not one packet is missed
setsockopt($packets, 1, 8, pack('i', 8 << 20));
open(my $out, '>', "$folder/packets") or die "packets: $!";
my $parent = $$;
my $child = fork() // die "fork: $!";
if ($child == 0) {
  open(STDOUT, '>', '/dev/null');
  $out->autoflush(1);
  while (getppid() == $parent) { # a death signal would not do: the suite may be of another user by then
    vec(my $ready = '', fileno($packets), 1) = 1;
    select($ready, undef, undef, 0.5) > 0 or next;
    my $from = recv($packets, my $bytes, 400, 0) // next;
    printf $out "%04x %s\n", unpack('x2 n', $from), unpack('H*', $bytes);
  }
  POSIX::_exit(0);
}
close $packets;
open(my $canary, '<', "$folder/descriptor") or die "descriptor: $!";
POSIX::dup2(fileno($canary), 251) or die "dup2: $!";
$^F = 255;
exec { $command[0] } @command or die "exec $command[0]: $!";

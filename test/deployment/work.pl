# A service under load: workers do equal units of work, and once in a while it is printed how many a second that was. Arguments: workers, turns of a unit, seconds of that while (0.1).
use strict;
$| = 1;
my ($workers, $turns, $while) = (@ARGV, 0.1);
sub now { my $t = "\0" x 16; syscall(228, 1, $t); my ($s, $n) = unpack('q2', $t); $s + $n / 1e9 }    # clock_gettime(CLOCK_MONOTONIC)
pipe(my $in, my $out) or die;
for (1 .. $workers) {
    next if fork;
    close $in;
    while (1) { my $x = 0; $x += $_ for 1 .. $turns; syswrite $out, 'x' or exit }
}
close $out;
my ($start, $count, $bytes) = (now(), 0, '');
while (1) {
    my $left = $start + $while - now();
    if ($left > 0) {
        my $ready = ''; vec($ready, fileno $in, 1) = 1;
        $count += sysread $in, $bytes, 65536 if select($ready, undef, undef, $left);
        next;
    }
    my $now = now();
    printf "rate %.2f units/s\n", $count / ($now - $start);
    ($start, $count) = ($now, 0);
}

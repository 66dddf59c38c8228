# Workers that compute, sleep and fork, for as long as it takes; whoever dies is replaced. SIGUSR1 gives a worker the name "trigger" for the rest of its life. Argument: workers.
use strict;
my %workers;
sub burn { my $x = 0; $x += $_ for 1 .. $_[0] }

sub work {
    my $left = -1;
    $SIG{USR1} = sub { $0 = 'trigger'; $left = 20 };
    while ($left) {
        burn(2000);
        select(undef, undef, undef, 0.003);
        if (rand() < 0.02) { my $child = fork; if (defined $child && !$child) { burn(1000); exit } waitpid $child, 0 if $child }
        $left--;
    }
    exit;
}

while (1) {
    while (keys %workers < $ARGV[0]) {
        my $pid = fork;
        die "fork: $!" unless defined $pid;
        work() unless $pid;
        $workers{$pid} = 1;
    }
    delete $workers{wait()};
}

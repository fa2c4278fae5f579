# Managed by Plumb: changes by hand are undone by the next run.
#
# Programs that run beside the loop, each with a deadline. What they print is read as it comes, and nobody waits for them.
package PgbouncerHealth::Programs;
use strict;
use warnings;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Fcntl qw(F_GETFL F_SETFL FD_CLOEXEC F_SETFD O_NONBLOCK);
use POSIX ();
use Time::HiRes qw(time);

my $MAX_OUTPUT = 16 * 1024 * 1024;

sub new { my ($class) = @_; return bless { running => {} }, $class }

# Starts a program under a name; `$then` is called with { late, ok, output, error, seconds } when it has ended or its time is over.
sub start {
    my ($self, $name, $seconds, $then, @command) = @_;
    my @pipes;
    for (1, 2) {
        pipe my $reader, my $writer or die "no pipe: $!\n";
        fcntl $reader, F_SETFL, fcntl($reader, F_GETFL, 0) | O_NONBLOCK;
        fcntl $reader, F_SETFD, FD_CLOEXEC;
        push @pipes, { handle => $reader, writer => $writer, text => '', ended => 0 };
    }
    my $pid = fork // die "no process: $!\n";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        POSIX::dup2(fileno $pipes[0]{writer}, 1);
        POSIX::dup2(fileno $pipes[1]{writer}, 2);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    close delete $_->{writer} for @pipes;
    $self->{running}{$name} = { name => $name, pid => $pid, pipes => \@pipes, then => $then, started => time, deadline => time + $seconds };
}

sub is_running { my ($self, $name) = @_; return exists $self->{running}{$name} }

# Marks what select(2) should look at.
sub watch {
    my ($self, $read) = @_;
    my @all = values %{ $self->{running} };
    for my $program (@all) { vec($$read, fileno $_->{handle}, 1) = 1 for grep { !$_->{ended} } @{ $program->{pipes} } }
}

sub serve {
    my ($self, $read) = @_;
    my @all = values %{ $self->{running} };
    for my $program (@all) {
        for my $pipe (grep { !$_->{ended} } @{ $program->{pipes} }) {
            next if !vec $$read, fileno $pipe->{handle}, 1;
            my $got = sysread $pipe->{handle}, $pipe->{text}, 65536, length $pipe->{text};
            next if !defined $got && ($! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR);
            $pipe->{ended} = 1 if !$got;
        }
        my $is_too_much = grep { length $_->{text} > $MAX_OUTPUT } @{ $program->{pipes} };
        $self->finish($program, $is_too_much) if $is_too_much || !grep { !$_->{ended} } @{ $program->{pipes} };
    }
}

sub end_late {
    my ($self) = @_;
    my $now = time;
    my @all = values %{ $self->{running} };
    for my $program (@all) { $self->finish($program, 1) if $now >= $program->{deadline} }
}

sub deadlines { my ($self) = @_; return map { $_->{deadline} } values %{ $self->{running} } }

sub end_all { my ($self) = @_; kill 'KILL', map { $_->{pid} } values %{ $self->{running} } }

sub finish {
    my ($self, $program, $late) = @_;
    return if !delete $self->{running}{ $program->{name} };
    kill 'KILL', $program->{pid} if $late;
    waitpid $program->{pid}, 0;
    my $status = $?;
    close $_->{handle} for @{ $program->{pipes} };
    my ($output, $error) = map { $_->{text} } @{ $program->{pipes} };
    $program->{then}->({ late => $late, ok => !$late && $status == 0, output => $output, error => $error, seconds => time - $program->{started} });
}

1;

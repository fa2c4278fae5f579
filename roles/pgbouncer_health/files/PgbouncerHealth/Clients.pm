# Managed by Plumb: changes by hand are undone by the next run.
#
# HTTP, as much of it as is asked for here. A client is reading (its request comes), waiting (for its answer) or writing (its answer goes),
# and gone after that. Each has a deadline: a slow one costs nobody else anything.
package PgbouncerHealth::Clients;
use strict;
use warnings;
use Errno qw(EAGAIN EINTR EWOULDBLOCK);
use Fcntl qw(F_GETFL F_SETFL FD_CLOEXEC F_SETFD O_NONBLOCK);
use IO::Handle;
use Time::HiRes qw(time);

my $MAX_CLIENTS = 128;
my $SECONDS     = 5;
my $MAX_REQUEST = 8192;
my %WORDS       = (
    200 => 'OK', 400 => 'Bad Request', 404 => 'Not Found', 405 => 'Method Not Allowed',
    431 => 'Request Header Fields Too Large', 503 => 'Service Unavailable',
);

# `$route` is called with every complete request: $client->{target} is its path, $client->{headers} are its headers in small letters.
sub new {
    my ($class, $route, @listeners) = @_;
    nonblocking($_) for @listeners;
    return bless { route => $route, listeners => \@listeners, clients => {} }, $class;
}

sub watch {
    my ($self, $read, $write) = @_;
    my @clients = values %{ $self->{clients} };
    if (@clients < $MAX_CLIENTS) { vec($$read, fileno $_, 1) = 1 for @{ $self->{listeners} } }
    for my $client (@clients) {
        vec($$read, fileno $client->{handle}, 1) = 1 if $client->{state} eq 'reading';
        vec($$write, fileno $client->{handle}, 1) = 1 if $client->{state} eq 'writing';
    }
}

sub serve {
    my ($self, $read, $write) = @_;
    my @clients = values %{ $self->{clients} };
    for my $client (@clients) {
        my $number = fileno $client->{handle};
        if ($client->{state} eq 'reading' && vec $$read, $number, 1) { $self->take($client) }
        elsif ($client->{state} eq 'writing' && vec $$write, $number, 1) { $self->give($client) }
    }
    for my $listener (@{ $self->{listeners} }) { $self->accept_from($listener) if vec $$read, fileno $listener, 1 }
}

sub end_late {
    my ($self) = @_;
    my $now = time;
    my @late = grep { defined $_->{deadline} && $now >= $_->{deadline} } values %{ $self->{clients} };
    for my $client (@late) {
        if ($client->{state} eq 'waiting') { delete $client->{deadline}; $client->{late}->() }
        else                               { $self->forget($client) }
    }
}

sub deadlines { my ($self) = @_; return map { $_->{deadline} // () } values %{ $self->{clients} } }

# The answer has to be there in so many seconds; when it is not, `$late` is called, and may answer with what there is.
sub wait_at_most {
    my ($self, $client, $seconds, $late) = @_;
    @$client{qw(deadline late)} = (time + $seconds, $late) if $client->{state} eq 'waiting';
}

sub answer {
    my ($self, $client, $status, $type, $body) = @_;
    # Who waits for two things is answered once; who has gone is not answered at all.
    return if $client->{state} !~ /^(?:reading|waiting)$/;
    my $length = length $body;
    $client->{output} = "HTTP/1.1 $status $WORDS{$status}\r\nContent-Type: $type\r\nContent-Length: $length\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        . ($client->{head} ? '' : $body);
    @$client{qw(state deadline)} = ('writing', time + $SECONDS);
    $self->give($client);
}

sub accept_from {
    my ($self, $listener) = @_;
    while (keys %{ $self->{clients} } < $MAX_CLIENTS) {
        my $handle = IO::Handle->new;
        accept $handle, $listener or return;
        nonblocking($handle);
        $self->{clients}{ fileno $handle } = { handle => $handle, state => 'reading', input => '', deadline => time + $SECONDS };
    }
}

sub forget {
    my ($self, $client) = @_;
    $client->{state} = 'gone';
    delete $self->{clients}{ fileno $client->{handle} };
    close $client->{handle};
}

sub take {
    my ($self, $client) = @_;
    my $got = sysread $client->{handle}, $client->{input}, $MAX_REQUEST, length $client->{input};
    if (!defined $got) {
        $self->forget($client) if !retryable();
        return;
    }
    return $self->forget($client) if $got == 0;
    my ($method, $target, $headers) = $client->{input} =~ m{\A([A-Z]+) (\S+)(?: HTTP/[0-9.]+)?\r?\n(.*)}s;
    if ($client->{input} !~ /\r?\n\r?\n/) {
        $self->answer($client, 431, 'text/plain', "too long a request\n") if length $client->{input} >= $MAX_REQUEST;
        return;
    }
    return $self->answer($client, 400, 'text/plain', "not HTTP\n") if !defined $target;
    return $self->answer($client, 405, 'text/plain', "GET or HEAD\n") if $method !~ /^(?:GET|HEAD|OPTIONS)$/;
    $client->{head} = $method eq 'HEAD';
    $client->{headers} = { map { /^([^:]+):\s*(.*?)\s*$/ ? (lc $1 => $2) : () } split /\r?\n/, $headers };
    $target =~ s/\?.*//;
    @$client{qw(state target deadline)} = ('waiting', $target, undef);
    $self->{route}->($client);
}

sub give {
    my ($self, $client) = @_;
    my $sent = syswrite $client->{handle}, $client->{output};
    if (!defined $sent) {
        $self->forget($client) if !retryable();
        return;
    }
    substr $client->{output}, 0, $sent, '';
    if ($client->{output} eq '') {
        shutdown $client->{handle}, 1;
        $self->forget($client);
    }
}

sub retryable { return $! == EAGAIN || $! == EWOULDBLOCK || $! == EINTR }

sub nonblocking {
    my ($handle) = @_;
    fcntl $handle, F_SETFL, fcntl($handle, F_GETFL, 0) | O_NONBLOCK;
    fcntl $handle, F_SETFD, FD_CLOEXEC;
}

1;

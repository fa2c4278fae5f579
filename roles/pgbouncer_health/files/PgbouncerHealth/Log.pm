# Managed by Plumb: changes by hand are undone by the next run.
#
# PgBouncer counts no errors; its log has them. Only what came since the last look is read.
package PgbouncerHealth::Log;
use strict;
use warnings;

my @JOURNALCTL = qw(journalctl --no-pager -q -o cat);
my @REASONS    = (
    [unknown_setting => qr/unknown parameter/], [query_wait_timeout => qr/query_wait_timeout/], [query_timeout => qr/query_timeout/],
    [client_login_timeout => qr/client_login_timeout/], [client_idle_timeout => qr/client_idle_timeout/], [idle_transaction_timeout => qr/idle_transaction_timeout/],
    [max_client_conn => qr/no more connections allowed/], [authentication_failed => qr/authentication failed|SASL|login rejected|wrong password/],
    [no_such_user => qr/no such user/], [no_such_database => qr/no such database/], [tls_required => qr/SSL required/], [tls_failed => qr/TLS|SSL/],
    [config_error => qr/config error/], [shutting_down => qr/shut(?:ting)? ?down/], [server_login_failed => qr/server login|login failed/],
    [server_unreachable => qr/cannot connect to server|connect failed|server DNS|server_connect_timeout/], [server_crashed => qr/server conn crashed|server closed/],
    [unsupported_parameter => qr/unsupported startup parameter/],
);

sub new {
    my ($class, $programs, $service) = @_;
    return bless { programs => $programs, service => $service, errors => {} }, $class;
}

# How often each reason was seen since the endpoint started.
sub errors { my ($self) = @_; return $self->{errors} }

sub read_on {
    my ($self) = @_;
    my $name = "journal $self->{service}";
    return if $self->{programs}->is_running($name);
    # To the journal it writes no level into the text: the level is the entry's priority.
    my $is_first = !defined $self->{cursor};
    my @since = $is_first ? ('-n', '1') : ("--after-cursor=$self->{cursor}", '-p', 'warning');
    $self->{programs}->start($name, 10, sub {
        my ($answer) = @_;
        for my $line (split /\n/, $answer->{output}) {
            if ($line =~ /^-- cursor: (.*)/) { $self->{cursor} = $1 }
            # A client's trouble is told in two lines, of which one says `pooler error`.
            elsif (!$is_first && ($line !~ /^C-/ || $line =~ /pooler error/)) { $self->{errors}{ reason_of($line) }++ }
        }
    }, @JOURNALCTL, '--show-cursor', '-u', $self->{service}, @since);
}

# Whether the last word about it was PAUSE. Before 1.19 a PAUSE of everything shows in no SHOW command.
sub ask_if_paused {
    my ($self, $then) = @_;
    $self->{programs}->start("pause $self->{service}", 5, sub {
        my ($answer) = @_;
        $then->(scalar $answer->{output} =~ /PAUSE command issued|SIGUSR1/);
    }, @JOURNALCTL, '-r', '-n', '1', '-u', $self->{service}, '--grep', '(PAUSE|RESUME) command issued|got SIGUSR[12]|process up: ');
}

sub reason_of {
    my ($message) = @_;
    my ($said) = $message =~ /pooler error: (.*)/;
    $said //= $message;
    for my $pair (@REASONS) { return $pair->[0] if $said =~ $pair->[1] }
    return 'other';
}

1;

# Managed by Plumb: changes by hand are undone by the next run.
#
# One process of PgBouncer, and what a client would find there. A sample is what its console shows; a probe is a sample and a query
# through the pool, and ends in a verdict. Whoever asks while one is under way shares it.
package PgbouncerHealth::Pooler;
use strict;
use warnings;
use PgbouncerHealth::Console qw(console_command query_command shown);
use PgbouncerHealth::Log;
use Time::HiRes qw(time);

my $PAUSED = 'everything is paused: RESUME lets clients go on';
# A verdict that is older is none: what was found out before the last silence says nothing of now.
my $STALE_SECONDS = 15;

# `%about`: name (of its unit, its socket's folder below /run and its file below /etc/pgbouncer), host (where the query goes), port, user, database,
# query_timeout, console_timeout, max_wait, cache; all times in seconds.
sub new {
    my ($class, $programs, %about) = @_;
    return bless { %about, programs => $programs, log => PgbouncerHealth::Log->new($programs, $about{name}), for_sample => [], for_verdict => [] }, $class;
}

sub name     { my ($self) = @_; return $self->{name} }
sub database { my ($self) = @_; return $self->{database} }
sub config   { my ($self) = @_; return "/etc/pgbouncer/$self->{name}.ini" }
sub errors   { my ($self) = @_; return $self->{log}->errors }

# What is known without asking: the last sample that is not stale, and the last verdict likewise.
sub known_sample  { my ($self) = @_; return recent($self->{sample}, $self->{cache} + 0.5) }
sub known_verdict { my ($self) = @_; return recent($self->{verdict}, $STALE_SECONDS) }
sub recent        { my ($one, $seconds) = @_; return $one && time - $one->{at} < $seconds ? $one : undef }

# Calls `$then` with { shown } or { trouble }, not older than the cache's time.
sub sample {
    my ($self, $then) = @_;
    return $then->($self->{sample}) if recent($self->{sample}, $self->{cache});
    $self->sample_anew($then);
}

sub sample_anew {
    my ($self, $then) = @_;
    push @{ $self->{for_sample} }, $then;
    return if @{ $self->{for_sample} } > 1;
    $self->{programs}->start("console $self->{name}", $self->{console_timeout}, sub {
        my ($answer) = @_;
        my $sample = $self->{sample} = { at => time };
        if ($answer->{ok}) {
            $sample->{shown} = shown($answer->{output});
            $self->{has_state} = grep { ($_->{version} // '') =~ /(\d+)\.(\d+)/ && ($1 > 1 || $2 >= 19) } @{ $sample->{shown}{VERSION} };
        }
        else { $sample->{trouble} = $self->console_trouble($answer) }
        my @waiting = @{ $self->{for_sample} };
        $self->{for_sample} = [];
        $_->($sample) for @waiting;
    }, console_command("/run/$self->{name}", $self->{port}, $self->{has_state}));
}

# Calls `$then` with { reason, message, query_seconds }, from a probe that was begun within the cache's time.
sub verdict {
    my ($self, $then) = @_;
    my $last = $self->{verdict};
    return $then->($last) if !@{ $self->{for_verdict} } && $last && time - $last->{begun} < $self->{cache};
    push @{ $self->{for_verdict} }, $then;
    return if @{ $self->{for_verdict} } > 1;
    $self->{begun} = time;
    $self->{log}->read_on;
    $self->sample(sub {
        my ($sample) = @_;
        return $self->conclude(@{ $sample->{trouble} }) if $sample->{trouble};
        my $trouble = $self->trouble_shown($sample->{shown}, $self->{max_wait});
        return $self->conclude_trouble($sample->{shown}, @$trouble) if $trouble;
        $self->{programs}->start("select $self->{name}", $self->{query_timeout}, sub { $self->judge_query(@_) },
            query_command(@$self{qw(host port user database query_timeout)}));
    });
}

sub conclude {
    my ($self, $reason, $message, $query_seconds) = @_;
    my $verdict = $self->{verdict} = { reason => $reason, message => $message, query_seconds => $query_seconds, begun => $self->{begun}, at => time };
    my @waiting = @{ $self->{for_verdict} };
    $self->{for_verdict} = [];
    $_->($verdict) for @waiting;
}

sub judge_query {
    my ($self, $answer) = @_;
    return $self->conclude('ok', 'a query through the pool was answered', $answer->{seconds}) if $answer->{ok} && $answer->{output} =~ /^1$/m;
    my $said = first_line($answer->{error});
    return $self->conclude('full', 'max_client_conn is reached: new clients are refused') if $said =~ /no more connections allowed/;
    return $self->conclude('paused', $said) if $said =~ /pgbouncer is (?:paused|shutting down)/;
    return $self->conclude('disabled', $said) if $said =~ /database .* (?:is disabled|does not allow connections)/;
    return $self->conclude('refused', $said) if $said =~ /certificate|authentication|no such (?:user|database)|SASL|password|no pg_hba|login rejected/i;
    return $self->conclude('stopped', $said) if $said =~ /connection to server (?:at|on socket) .* failed: (?:No such file|Connection refused)/;
    return $self->conclude('database-gone', $said)
        if $said =~ /cannot connect to server|server login|server_login_retry|config error|server (?:conn )?closed|terminating connection|database system is/i;
    # Nobody answered: what the console says now tells whom the client would have waited for.
    $self->sample_anew(sub {
        my ($sample) = @_;
        return $self->conclude(@{ $sample->{trouble} }) if $sample->{trouble};
        my $trouble = $self->trouble_shown($sample->{shown}, 0);
        return $self->conclude_trouble($sample->{shown}, @$trouble) if $trouble;
        $self->conclude_trouble($sample->{shown}, 'slow', $answer->{late} ? "the database did not answer within $self->{query_timeout} s" : $said);
    });
}

# A PAUSE of everything shows in no SHOW command before 1.19: clients wait as if the database were gone. The log knows.
sub conclude_trouble {
    my ($self, $shown, $reason, $message) = @_;
    return $self->conclude($reason, $message) if $reason !~ /^(?:database-gone|slow)$/ || @{ $shown->{STATE} };
    $self->{log}->ask_if_paused(sub { $self->conclude($_[0] ? ('paused', $PAUSED) : ($reason, $message)) });
}

sub console_trouble {
    my ($self, $answer) = @_;
    return ['unresponsive', "the console did not answer within $self->{console_timeout} s"] if $answer->{late};
    my $said = first_line($answer->{error});
    return ['stopped', "PgBouncer is not running: $said"] if $said =~ /connection to server on socket .* failed: (?:No such file|Connection refused)/;
    return ['unresponsive', "the console refused: $said"];
}

# What the console alone tells of the database; undef when nothing is wrong.
sub trouble_shown {
    my ($self, $shown, $max_wait) = @_;
    return ['paused', $PAUSED] if grep { $_->{key} eq 'paused' && $_->{value} eq 'yes' } @{ $shown->{STATE} };
    my $name = $self->{database};
    my ($database) = grep { $_->{name} eq $name } @{ $shown->{DATABASES} };
    if ($database) {
        return ['paused', "the database $name is paused: RESUME lets its clients go on"] if $database->{paused};
        return ['disabled', "the database $name is disabled: ENABLE lets clients in again"] if $database->{disabled};
    }
    my ($worst) = sort { waited($b) <=> waited($a) } grep { $_->{database} eq $name && $_->{cl_waiting} > 0 && waited($_) >= $max_wait } @{ $shown->{POOLS} };
    return undef if !$worst;
    my $working = $worst->{sv_active} + $worst->{sv_idle} + $worst->{sv_used};
    my $waits = sprintf '%d waiting in the pool %s, the first for %.1f s', $worst->{cl_waiting}, "$worst->{database}/$worst->{user}", waited($worst);
    return ['database-gone', "$waits, and no server connection is up"] if $working == 0;
    return ['exhausted', "$waits, and all $working server connections are taken"];
}

sub waited { my ($pool) = @_; return $pool->{maxwait} + ($pool->{maxwait_us} // 0) / 1e6 }
sub first_line { my ($text) = @_; my ($line) = grep { /\S/ } split /\n/, $text; return defined $line ? $line =~ s/^psql: (?:error: )?//r : 'no message' }

1;

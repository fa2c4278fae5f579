# Managed by Plumb: changes by hand are undone by the next run.
#
# What is answered to whom. /health is about every process of the host, /health/NAME about one; /metrics is about the first, /metrics/NAME about one.
package PgbouncerHealth::Answers;
use strict;
use warnings;
use PgbouncerHealth::Metrics;

# Holds the time (seconds since 1970) until which load balancers are to send nobody new: a drain that was forgotten ends by itself.
my $DRAIN = '/run/plumb-pgbouncer-drain';
# For who asks for metrics and does not say how long it waits.
my $METRICS_SECONDS = 8;

sub new {
    my ($class, $certificates, @poolers) = @_;
    return bless { certificates => $certificates, poolers => \@poolers }, $class;
}

# Requests come from there, and answers go there.
sub serve { my ($self, $clients) = @_; $self->{clients} = $clients }

sub route {
    my ($self, $client) = @_;
    my ($kind, $rest) = $client->{target} =~ m{^/(health|metrics)(?:/([\w-]+))?$} or return $self->not_found($client);
    return $self->health($client, $rest, @{ $self->{poolers} }) if $kind eq 'health' && (!defined $rest || $rest eq 'routing' || $rest eq 'alive');
    my ($pooler) = defined $rest ? grep { $_->name eq $rest } @{ $self->{poolers} } : $self->{poolers}[0];
    return $self->not_found($client) if !$pooler;
    return $kind eq 'metrics' ? $self->metrics($client, $pooler) : $self->health($client, undef, $pooler);
}

sub not_found {
    my ($self, $client) = @_;
    my $names = join ', ', map { $_->name } @{ $self->{poolers} };
    $self->{clients}->answer($client, 404, 'text/plain', "/health, /health/routing, /health/alive or /metrics; of one process: /health/NAME, /metrics/NAME with $names\n");
}

sub health {
    my ($self, $client, $purpose, @poolers) = @_;
    my @found;
    for my $pooler (@poolers) {
        $pooler->verdict(sub {
            push @found, { %{ $_[0] }, pooler => $pooler };
            $self->tell($client, $purpose // '', @found) if @found == @poolers;
        });
    }
}

# One process in trouble is a host in trouble, as the kernel may give it the next client. Only a stopped one gets none: for new clients it does not count
# beside others that run, and those who are at the others stay.
sub tell {
    my ($self, $client, $purpose, @found) = @_;
    my ($worst) = sort { severity($b) <=> severity($a) || $a->{pooler}->name cmp $b->{pooler}->name } @found;
    my @answering = grep { $_->{reason} !~ /^(?:stopped|unresponsive)$/ } @found;
    my @listening = grep { $_->{reason} ne 'stopped' } @found;
    my $is_ok = $purpose eq 'alive' ? @answering > 0
        : $purpose eq 'routing'     ? @answering > 0 && !grep { $_->{reason} !~ /^(?:ok|exhausted)$/ } @listening
        :                             $worst->{reason} eq 'ok';
    my $status = $is_ok ? 200 : $purpose eq 'routing' && @answering ? 404 : 503;
    my ($reason, $message) = @$worst{qw(reason message)};
    # Even while one of several processes is down: whoever is still here is served by the others.
    if ($purpose eq 'routing' && is_draining()) {
        ($status, $is_ok, $reason, $message) = (404, 0, 'draining', 'clients are to leave: it is going to be restarted or taken away');
    }
    my $body = json(
        [status => $is_ok ? 'ok' : 'unavailable'], [reason => $reason], [message => $message], [database => $worst->{pooler}->database],
        [query_ms => defined $worst->{query_seconds} ? int 1000 * $worst->{query_seconds} : undef],
        @found > 1 ? [instance => $worst->{pooler}->name] : (),
    );
    $self->{clients}->answer($client, $status, 'application/json', $body);
}

sub is_draining {
    open my $file, '<', $DRAIN or return 0;
    return (<$file> // '') =~ /^(\d+)/ && $1 > time ? 1 : 0;
}

sub severity {
    my ($one) = @_;
    return $one->{reason} eq 'ok' ? 0 : $one->{reason} eq 'exhausted' ? 1 : $one->{reason} eq 'stopped' ? 2 : 3;
}

sub json {
    my @pairs = map {
        my ($key, $value) = @$_;
        if (defined $value && $value !~ /^\d+$/) { $value =~ s/([\\"])/\\$1/g; $value =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge; $value = qq("$value") }
        qq("$key":) . ($value // 'null');
    } @_;
    return '{' . join(',', @pairs) . "}\n";
}

# Prometheus says how long it waits, and takes a late answer for none: so what the console shows goes out in time, even while a query hangs in a dead
# database. The verdict is the last one then, unless that is stale.
sub metrics {
    my ($self, $client, $pooler) = @_;
    # Certificates are the host's: one of its processes tells of them.
    my $certificates = $pooler == $self->{poolers}[0] ? $self->{certificates} : undef;
    my $open = 2;
    my $give = sub { $self->{clients}->answer($client, 200, 'text/plain; version=0.0.4', PgbouncerHealth::Metrics::text($pooler, $certificates, is_draining())) };
    my $one_less = sub { $give->() if --$open == 0 };
    my ($limit) = ($client->{headers}{'x-prometheus-scrape-timeout-seconds'} // '') =~ /^(\d+(?:\.\d+)?)$/;
    $self->{clients}->wait_at_most($client, defined $limit ? 0.7 * $limit : $METRICS_SECONDS, $give);
    $pooler->verdict($one_less);
    $pooler->sample($one_less);
}

1;

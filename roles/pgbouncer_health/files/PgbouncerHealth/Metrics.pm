# Managed by Plumb: changes by hand are undone by the next run.
#
# Prometheus' text format: names as in prometheus-community's exporter (0.11 and later), and what that one does not have.
package PgbouncerHealth::Metrics;
use strict;
use warnings;
use PgbouncerHealth::Process;

sub label { my ($text) = @_; $text =~ s/([\\"])/\\$1/g; $text =~ s/\n/\\n/g; return $text }

# What is known of a pooler now. What is not known is left out, but for `up`: a console that has not answered in time is not up.
sub text {
    my ($pooler, $certificates, $is_draining) = @_;
    my %families;
    my @order;
    my $add = sub {
        my ($name, $type, $help, $value, @labels) = @_;
        return if !defined $value || $value !~ /^-?[\d.]+(?:e[-+]?\d+)?$/;
        push @order, $name if !$families{$name};
        $families{$name} //= "# HELP pgbouncer_$name $help\n# TYPE pgbouncer_$name $type\n";
        my @pairs;
        while (my ($key, $text) = splice @labels, 0, 2) { push @pairs, "$key=\"" . label($text // '') . '"' }
        $families{$name} .= "pgbouncer_$name" . (@pairs ? '{' . join(',', @pairs) . '}' : '') . " $value\n";
    };
    my $shown = ($pooler->known_sample // {})->{shown};
    $add->('up', 'gauge', 'Whether the console answered.', $shown ? 1 : 0);
    if (my $verdict = $pooler->known_verdict) {
        my @database = (database => $pooler->database);
        $add->('health_ok', 'gauge', 'Whether a client would be served.', $verdict->{reason} eq 'ok' ? 1 : 0, @database);
        $add->('health_reason', 'gauge', 'Why a client would not be served.', 1, @database, reason => $verdict->{reason});
        $add->('health_query_seconds', 'gauge', 'Seconds that a new client needed to log in and be answered.', $verdict->{query_seconds}, @database);
    }
    $add->('health_draining', 'gauge', 'Whether load balancers are told to send nobody new.', $is_draining);
    if ($shown) {
        console_metrics($add, $shown);
        drift_metrics($add, $shown, $pooler->config);
    }
    PgbouncerHealth::Process::metrics($add, $pooler->config);
    if ($certificates) { $certificates->metrics($add) }
    my $errors = $pooler->errors;
    $add->('log_errors_total', 'counter', 'Errors and warnings in the log since the endpoint started, by reason.', $errors->{$_}, reason => $_) for sort keys %$errors;
    return join '', map { $families{$_} } @order;
}

sub console_metrics {
    my ($add, $shown) = @_;
    $add->('version_info', 'gauge', 'Version of PgBouncer.', 1, 'version', $_->{version}) for @{ $shown->{VERSION} };
    my %lists = (dns_names => 'cached_dns_names', dns_zones => 'cached_dns_zones', dns_queries => 'in_flight_dns_queries');
    for my $row (@{ $shown->{LISTS} }) {
        next if $row->{list} !~ /^(?:databases|users|pools|free_clients|used_clients|login_clients|free_servers|used_servers|dns_\w+)$/;
        $add->($lists{ $row->{list} } // $row->{list}, 'gauge', "SHOW LISTS: $row->{list}.", $row->{items});
    }
    my %config = map { $_->{key} => $_->{value} } @{ $shown->{CONFIG} };
    $add->('config_max_client_connections', 'gauge', 'max_client_conn.', $config{max_client_conn});
    $add->('config_max_user_connections', 'gauge', 'max_user_connections.', $config{max_user_connections});
    for my $row (@{ $shown->{DATABASES} }) {
        my @labels = map { ($_ => $row->{$_}) } qw(name host port database force_user pool_mode);
        $row->{reserve_pool} //= $row->{reserve_pool_size};
        $add->("databases_$_", 'gauge', "SHOW DATABASES: $_.", $row->{$_}, @labels) for qw(pool_size reserve_pool max_connections current_connections paused disabled);
    }
    my %pools = (
        cl_active => 'client_active_connections', cl_waiting => 'client_waiting_connections', sv_active => 'server_active_connections',
        sv_idle => 'server_idle_connections', sv_used => 'server_used_connections', sv_tested => 'server_testing_connections',
        sv_login => 'server_login_connections', cl_active_cancel_req => 'client_active_cancel_connections', cl_waiting_cancel_req => 'client_waiting_cancel_connections',
        sv_active_cancel => 'server_active_cancel_connections', sv_being_canceled => 'server_being_canceled_connections',
    );
    for my $row (@{ $shown->{POOLS} }) {
        my @labels = (database => $row->{database}, user => $row->{user});
        $add->("pools_$pools{$_}", 'gauge', "SHOW POOLS: $_.", $row->{$_}, @labels) for sort keys %pools;
        $add->('pools_client_maxwait_seconds', 'gauge', 'How long the first client in the queue has waited.', $row->{maxwait} + ($row->{maxwait_us} // 0) / 1e6, @labels);
    }
    my %stats = (
        total_query_count => ['queries_pooled_total', 1], total_query_time => ['queries_duration_seconds_total', 1e-6], total_received => ['received_bytes_total', 1],
        total_sent => ['sent_bytes_total', 1], total_wait_time => ['client_wait_seconds_total', 1e-6], total_xact_count => ['sql_transactions_pooled_total', 1],
        total_xact_time => ['server_in_transaction_seconds_total', 1e-6], total_client_parse_count => ['client_parses_total', 1],
        total_server_parse_count => ['server_parses_total', 1], total_bind_count => ['binds_total', 1], total_server_assignment_count => ['server_assignments_total', 1],
    );
    for my $row (@{ $shown->{STATS} }) {
        for my $column (sort keys %stats) {
            next if !defined $row->{$column};
            my ($name, $factor) = @{ $stats{$column} };
            $add->("stats_totals_$name", 'counter', "SHOW STATS: $column.", $row->{$column} * $factor, database => $row->{database});
        }
    }
    for my $row (grep { defined $_->{current_connections} } @{ $shown->{USERS} }) {
        $add->("users_$_", 'gauge', "SHOW USERS: $_.", $row->{$_}, user => $row->{name}) for qw(current_connections max_user_connections);
    }
}

# Settings that the running process has otherwise than its file says: a RELOAD that was forgotten, or one that was silently ignored.
sub drift_metrics {
    my ($add, $shown, $path) = @_;
    open my $file, '<', $path or return;
    my ($section, %wanted) = ('');
    while (my $line = <$file>) {
        $line =~ s/^\s+|\s+$//g;
        next if $line eq '' || $line =~ /^[;#]/;
        if ($line =~ /^\[([^\]]+)\]$/) { $section = $1; %wanted = () if $section eq 'pgbouncer'; next }
        $wanted{$1} = $2 if $section eq 'pgbouncer' && $line =~ /^([^=]+?)\s*=\s*(.*)$/;
    }
    my $plain = sub { my ($text) = @_; $text =~ s/\s*,\s*/,/g; return lc $text };
    my @drifted;
    for my $row (@{ $shown->{CONFIG} }) {
        my ($now, $want) = ($row->{value}, $wanted{ $row->{key} });
        next if !defined $want || $plain->($now) eq $plain->($want);
        # 0777 is octal, as in C.
        next if $now =~ /^[\d.]+$/ && $want =~ /^[\d.]+$/ && $now == ($want =~ /^0[0-7]+$/ ? oct $want : $want);
        push @drifted, $row->{key};
    }
    $add->('config_drift_settings', 'gauge', 'How many settings run otherwise than the file says.', scalar @drifted);
    $add->('config_drift', 'gauge', 'A setting that runs otherwise than the file says.', 1, setting => $_) for @drifted;
}

1;

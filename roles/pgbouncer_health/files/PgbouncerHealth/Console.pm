# Managed by Plumb: changes by hand are undone by the next run.
#
# The console of one PgBouncer process, asked through its socket as its own user, and what psql is told to be able to read the answer.
package PgbouncerHealth::Console;
use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(console_command query_command shown);

my ($FIELD, $RECORD, $MARK) = ("\x1f", "\x1e", "\x1d");
my @SHOWS = qw(VERSION LISTS DATABASES POOLS STATS CONFIG USERS STATE);
my $PSQL  = newest_psql();

# /usr/bin/psql of Debian is a Perl wrapper that takes longer than the whole query.
sub newest_psql {
    my @found = sort { ($a =~ /(\d+)/)[0] <=> ($b =~ /(\d+)/)[0] } glob '/usr/lib/postgresql/*/bin/psql';
    return @found ? $found[-1] : '/usr/bin/psql';
}

# libpq: a name may hold anything that a connection string may, once it is quoted.
sub quoted { my ($text) = @_; $text =~ s/([\\'])/\\$1/g; return "'$text'" }

# Every SHOW command at once. SHOW STATE came with 1.19; asking an older one would fill its log.
sub console_command {
    my ($socket_directory, $port, $has_state) = @_;
    my $connection = join ' ', 'host=' . quoted($socket_directory), "port=$port", 'user=pgbouncer', 'dbname=pgbouncer', 'sslmode=disable', 'connect_timeout=2',
        'application_name=pgbouncer-health';
    return ($PSQL, '-X', '-q', '-A', '-w', '-P', 'footer=off', '-F', $FIELD, '-R', $RECORD,
        (map { ('-c', "\\echo $MARK$_", '-c', "SHOW $_") } grep { $_ ne 'STATE' || $has_state } @SHOWS), $connection);
}

# What a client does: a login, a pool, a server.
sub query_command {
    my ($host, $port, $user, $database, $seconds) = @_;
    my $connection = join ' ', 'host=' . quoted($host), "port=$port", 'user=' . quoted($user), 'dbname=' . quoted($database),
        'connect_timeout=' . ($seconds < 2 ? 2 : int $seconds), 'application_name=pgbouncer-health';
    return ($PSQL, '-X', '-q', '-A', '-t', '-w', '-c', 'select 1', $connection);
}

# Rows of every SHOW command as mappings by column name: the columns' order differs between versions.
sub shown {
    my ($output) = @_;
    my %shown = map { $_ => [] } @SHOWS;
    for my $part (split /$MARK/, $output) {
        my ($name, $rest) = $part =~ /^(\w+)\n(.*)/s or next;
        $rest =~ s/\n\z//;
        my ($header, @rows) = split /$RECORD/, $rest;
        next if !defined $header;
        my @columns = split /$FIELD/, $header;
        for my $row (@rows) {
            my %row;
            @row{@columns} = split /$FIELD/, $row, -1;
            push @{ $shown{$name} }, \%row;
        }
    }
    return \%shown;
}

1;

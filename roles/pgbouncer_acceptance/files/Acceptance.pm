# Managed by Plumb. What the measuring programs share: parameters, logins by libpq, a clock, a result.
package Acceptance;
use strict;
use warnings;
use DBI;
use DBD::Pg;
use Exporter 'import';
use JSON::PP;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

our @EXPORT_OK = qw(parameters finish now_ms login query_once said milliseconds);

# Not secret: passwords stand in PGPASSFILE, which libpq reads.
sub parameters { local $/; return decode_json(<STDIN>) }

# The result is a file with a name of its own: half of one never counts as one.
sub finish {
    my ($file, $result) = @_;
    open my $out, '>', "$file.part" or die "$file.part: $!\n";
    print {$out} JSON::PP->new->canonical->utf8->encode($result) or die "$file.part: $!\n";
    close $out or die "$file.part: $!\n";
    rename "$file.part", $file or die "$file: $!\n";
}

# Monotonic: a step of the host's clock must not look like a slow query.
sub now_ms { return 1000 * clock_gettime(CLOCK_MONOTONIC) }

# Microseconds are enough, and keep the result small.
sub milliseconds { return 0 + sprintf '%.3f', $_[0] }

# As a client logs in: TLS verified, SCRAM, within so many seconds (`limit`). libpq reads its own variables, so that no value has to be quoted. Dies with libpq's message.
sub login {
    my ($to, %more) = @_;
    local @ENV{qw(PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGSSLMODE PGSSLROOTCERT PGAPPNAME PGCONNECT_TIMEOUT PGGSSENCMODE)} =
        (@$to{qw(host address port database user sslmode ca)}, 'plumb-acceptance', $more{limit} // 30, 'disable');
    delete local $ENV{PGSSLROOTCERT} if !defined $to->{ca};
    delete local $ENV{PGHOSTADDR} if !defined $to->{address};
    my $database = eval {
        DBI->connect('dbi:Pg:', undef, $more{password},
            { RaiseError => 1, PrintError => 0, PrintWarn => 0, Warn => 0, AutoCommit => 1, pg_server_prepare => $more{prepare} ? 1 : 0 });
    };
    return $database // die said($@) . "\n";
}

sub query_once { my ($database, $sql) = @_; return ($database->selectrow_array($sql))[0] }

# One line of what a server or libpq said, without what differs from client to client.
sub said {
    my ($error) = @_;
    $error =~ s/^DB[ID][^:]*(?:::\w+)* [^:]*failed: //;
    $error =~ s/ at \S+ line \d+(?:, <\$?\w+> (?:line|chunk) \d+)?\.?\s*\z//;
    my @lines = grep { /\S/ } split /\n/, $error;
    my $line = $lines[0] // 'unknown error';
    $line =~ s/^connection to server at .*? failed: //;
    $line =~ s/^(?:FATAL|ERROR):\s+//;
    return substr $line, 0, 200;
}

1;

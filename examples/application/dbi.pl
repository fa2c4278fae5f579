# PostgreSQL through PgBouncer in transaction mode, with DBI and DBD::Pg. Where: PGSERVICE and PGSERVICEFILE, which libpq reads.
use strict;
use warnings;
use DBI;

# pg_server_prepare: DBD::Pg prepares under a name what is executed again, which PgBouncer keeps apart only from 1.21 on.
my $database = DBI->connect("dbi:Pg:service=$ENV{PGSERVICE}", undef, undef,
    { RaiseError => 1, PrintError => 0, AutoCommit => 1, pg_server_prepare => 0 });

$database->begin_work;
$database->do("SET LOCAL statement_timeout = 4000");
my ($timeout) = $database->selectrow_array("show statement_timeout");
$database->commit;

$database->begin_work;
$database->do("SET LOCAL statement_timeout = 200");
eval { $database->do("select pg_sleep(5)") };
my $too_slow = $database->state;
$database->rollback;

my $statement = $database->prepare("select ?::int + 1");
my $right = 0;
for my $number (0 .. 19) {
    $statement->execute($number);
    $right++ if $statement->fetchrow_arrayref->[0] == $number + 1;
    $statement->finish;
}
printf qq({"timeout": "%s", "too_slow": "%s", "parameters": %s}\n), $timeout, $too_slow, $right == 20 ? "true" : "false";

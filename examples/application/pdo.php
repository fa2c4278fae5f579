<?php
// PostgreSQL through PgBouncer in transaction mode, with PDO. Where: PGSERVICE and PGSERVICEFILE, which libpq reads.
// PDO::ATTR_PERSISTENT stays off: PHP does not clean what a request leaves open on a connection.
$database = new PDO("pgsql:service=" . getenv("PGSERVICE"), null, null, [
    PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    // prepare() would use names that PgBouncer keeps apart only from 1.21 on. Parameters are sent apart from the statement all the same.
    PDO::PGSQL_ATTR_DISABLE_PREPARES => true,
]);
$seen = [];

$database->beginTransaction();
$database->exec("SET LOCAL statement_timeout = 4000");
$seen["timeout"] = $database->query("show statement_timeout")->fetchColumn();
$database->commit();

try {
    $database->beginTransaction();
    $database->exec("SET LOCAL statement_timeout = 200");
    $database->query("select pg_sleep(5)");
} catch (PDOException $error) {
    $seen["too_slow"] = $error->getCode();
    $database->rollBack();
}

$statement = $database->prepare("select ?::int + 1");
$answers = [];
foreach (range(0, 19) as $number) {
    $statement->execute([$number]);
    $answers[] = (int) $statement->fetchColumn();
}
$seen["parameters"] = $answers === range(1, 20);
echo json_encode($seen), "\n";

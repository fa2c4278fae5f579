"""PostgreSQL through PgBouncer in transaction mode, with psycopg 3. DATABASE_URL is taken as it is: libpq reads it."""

import json
import os

import psycopg


def connect(url):
    # psycopg prepares what is executed often, under a name: with PgBouncer before 1.21 (or max_prepared_statements = 0) another server connection does not know it.
    return psycopg.connect(url, prepare_threshold=None, connect_timeout=5)


with connect(os.environ["DATABASE_URL"]) as connection:
    seen = {}
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 4000")
        seen["timeout"] = connection.execute("show statement_timeout").fetchone()[0]
    try:
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 200")
            connection.execute("select pg_sleep(5)")
    except psycopg.errors.QueryCanceled as error:
        seen["too_slow"] = error.sqlstate
    answers = []
    for number in range(20):
        with connection.transaction():
            answers.append(connection.execute("select %s::int + 1", [number]).fetchone()[0])
    seen["parameters"] = answers == list(range(1, 21))
    print(json.dumps(seen))

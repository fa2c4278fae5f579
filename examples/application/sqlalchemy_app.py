"""PostgreSQL through PgBouncer in transaction mode, with SQLAlchemy (1.4 and 2.0) and psycopg2.

    DATABASE_URL=postgresql://USER:PASSWORD@POOLER:6432/DATABASE?sslmode=verify-full&sslrootcert=FILE

`python3 sqlalchemy_app.py check` tries everything below; `python3 sqlalchemy_app.py serve PORT` answers /health.
"""

import json
import os
import random
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError

# What is gone at the next try: conflicts, a server that starts, stops or is full, a standby where a primary was.
PASSING = {"40001", "40P01", "55P03", "57P01", "57P03", "53300", "25006"}


def make_engine(url, statement_timeout_ms=5000):
    """A small pool. Its connections to PgBouncer are cheap to keep, and each costs a TLS handshake and a SCRAM login to open.

    NullPool works as well, at that price for every use; then pool_size, pool_pre_ping and pool_recycle do not belong to it.
    """
    engine = create_engine(
        url,
        pool_size=5,
        max_overflow=5,
        pool_timeout=5,
        # A connection that a restarted pooler has closed is replaced before it is used.
        pool_pre_ping=True,
        # Connections come back to a pooler that was away.
        pool_recycle=300,
        # Never `options=-c statement_timeout=…` here: PgBouncer refuses or forgets it.
        connect_args={"connect_timeout": 5},
    )

    @event.listens_for(engine, "begin")
    def set_timeout(connection):
        # Ends with its transaction, so it can't come to another client. Or once for all: ALTER ROLE app SET statement_timeout = '5s'.
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(statement_timeout_ms)}")

    return engine


def in_transaction(engine, work, idempotent=False, deadline_s=20.0, base_s=0.05, longest_s=2.0):
    """work(connection) in a transaction; again, with exponential backoff and full jitter, where it certainly was not committed.

    Until COMMIT is sent nothing has happened. A connection that is lost at COMMIT leaves it unknown: then only with `idempotent`.
    """
    end = time.monotonic() + deadline_s
    attempt = 0
    while True:
        attempt += 1
        committing = False
        try:
            with engine.connect() as connection:
                with connection.begin() as transaction:
                    result = work(connection)
                    committing = True
                    transaction.commit()
                return result
        except DBAPIError as error:
            code = getattr(error.orig, "pgcode", None)
            # Without a code the connection was lost, or never came to be.
            lost = code is None or code.startswith("08")
            may_be_done = lost and committing
            if not (lost or code in PASSING) or (may_be_done and not idempotent):
                raise
            pause = random.uniform(0, min(longest_s, base_s * 2 ** (attempt - 1)))
            if time.monotonic() + pause >= end:
                raise
            time.sleep(pause)


def check(engine):
    """Prints what is so, as JSON."""
    seen = {}
    seen["timeout"] = in_transaction(engine, lambda c: c.execute(text("show statement_timeout")).scalar())
    try:
        make = make_engine(engine.url, statement_timeout_ms=200)
        in_transaction(make, lambda c: c.execute(text("select pg_sleep(5)")))
    except DBAPIError as error:
        seen["too_slow"] = error.orig.pgcode
    tries = []

    def end_own_backend_once(connection):
        tries.append(1)
        if len(tries) == 1:
            connection.execute(text("select pg_terminate_backend(pg_backend_pid())"))
        return len(tries)

    seen["tries"] = in_transaction(engine, end_own_backend_once)
    seen["parameters"] = [
        in_transaction(engine, lambda c, n=n: c.execute(text("select :n + 1"), {"n": n}).scalar()) for n in range(20)
    ] == list(range(1, 21))
    print(json.dumps(seen))


def serve(engine, port):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            try:
                in_transaction(engine, lambda c: c.execute(text("select 1")), idempotent=True, deadline_s=2)
                status = 200
            except Exception:  # whatever it is: this application is not well
                status = 503
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_):
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()


if __name__ == "__main__":
    application = make_engine(os.environ["DATABASE_URL"])
    if sys.argv[1] == "serve":
        serve(application, int(sys.argv[2]))
    else:
        check(application)

#!/bin/sh
# psql through PgBouncer. PGSERVICEFILE and PGSERVICE say where; an address with a password in the command line could be read by everybody in the process list.
set -eu
: "${PGSERVICEFILE:?}" "${PGSERVICE:?}"

timeout=$(psql -qAtX -v ON_ERROR_STOP=1 <<'SQL'
begin;
set local statement_timeout = 4000;
show statement_timeout;
commit;
SQL
)

too_slow=$(psql -qAtX -v VERBOSITY=sqlstate 2>&1 <<'SQL' | sed -n 's/^ERROR:  //p'
begin;
set local statement_timeout = 200;
select pg_sleep(5);
rollback;
SQL
)

printf '{"timeout": "%s", "too_slow": "%s"}\n' "$timeout" "$too_slow"

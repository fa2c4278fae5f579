# PostgreSQL through PgBouncer in transaction mode, with pg. DATABASE_URL is taken as it is: libpq reads it.
# Rails: `prepared_statements: false` and `advisory_locks: false` in database.yml (migrations take a lock of the session).
require "json"
require "pg"

database = PG.connect(ENV.fetch("DATABASE_URL"))
seen = {}

database.transaction do |transaction|
  transaction.exec("SET LOCAL statement_timeout = 4000")
  seen["timeout"] = transaction.exec("show statement_timeout").getvalue(0, 0)
end

begin
  database.transaction do |transaction|
    transaction.exec("SET LOCAL statement_timeout = 200")
    transaction.exec("select pg_sleep(5)")
  end
rescue PG::QueryCanceled => error
  seen["too_slow"] = error.result.error_field(PG::Result::PG_DIAG_SQLSTATE)
end

# exec_params uses the statement without a name; prepare and exec_prepared need PgBouncer 1.21.
seen["parameters"] = (0..19).map { |number| database.exec_params("select $1::int + 1", [number]).getvalue(0, 0).to_i } == (1..20).to_a
puts JSON.generate(seen)

import type pg from "pg";

/** Increased with every change of the tables; `prepareSchema` brings older ones up to it. */
export const SHARED_SCHEMA_VERSION = 2;

/**
 * What makes each version of the tables from the one before. Who sent a line and when is said by the server, and not by the client.
 *
 * `json` and not `jsonb`: a line stays as it was written, and may have a `\u0000` in it.
 */
const MIGRATIONS: readonly string[] = [
  `create table plumb.record_line (
     run_id text not null,
     number integer not null,
     type text not null,
     time timestamptz,
     host text,
     status text,
     task text,
     module text,
     line json not null,
     sent_at timestamptz not null default clock_timestamp(),
     sent_by text not null default session_user,
     primary key (run_id, number)
   );
   create index record_line_run on plumb.record_line (run_id) where number = 0;
   create index record_line_host on plumb.record_line (host, time);
   comment on table plumb.record_line is 'Records of runs of Plumb, a row for each line (docs/records.md). Only ever added to.';`,
  // Who works holds an advisory lock of its number: when its connection is gone, so is the lock, and nobody has to guess from the time.
  `create sequence plumb.worker_number as integer;
   create table plumb.worker_run (
     run_id text primary key,
     number integer not null,
     specification json not null,
     stopping text
   );
   create table plumb.worker_batch (
     run_id text not null references plumb.worker_run on delete cascade,
     batch integer not null,
     play integer not null,
     hosts json not null,
     failed json not null,
     primary key (run_id, batch)
   );
   create table plumb.worker_job (
     id bigint generated always as identity primary key,
     run_id text not null,
     batch integer not null,
     host text not null,
     attempt integer not null default 0,
     worker integer,
     result json,
     foreign key (run_id, batch) references plumb.worker_batch on delete cascade
   );
   create index worker_job_open on plumb.worker_job (run_id, id) where result is null;
   create table plumb.worker_event (
     id bigint generated always as identity primary key,
     run_id text not null references plumb.worker_run on delete cascade,
     event json not null
   );
   create index worker_event_run on plumb.worker_event (run_id, id);
   comment on table plumb.worker_job is 'The queue of plumb run --workers (docs/fleets.md): empty when no run is under way.';`,
];

/** Columns that a client gives. */
export const SENT_COLUMNS = "run_id, number, type, time, host, status, task, module, line";

/** The version of the tables in a database; 0 where there are none. @throws Error as `pg` gives it */
export async function schemaVersion(client: pg.Client): Promise<number> {
  // Not to_regclass: it believes what the session has found before, also when another one has made the tables while this one waited for its turn.
  const there = await client.query<{ is: boolean }>(
    `select exists (select from pg_catalog.pg_class where relname = 'schema_version'
       and relnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'plumb')) as is`,
  );
  if (there.rows[0]?.is !== true) return 0;
  const found = await client.query<{ version: number }>(
    "select max(version) as version from plumb.schema_version",
  );
  return found.rows[0]?.version ?? 0;
}

/**
 * Makes the tables, or brings older ones up to date, and gives roles what they need: a writer may add records and nothing else, a reader may read them, a worker may use the queue.
 *
 * @returns the version that it found.
 * @throws Error as `pg` gives it, and for tables that a newer Plumb has made
 */
export async function prepareSchema(
  client: pg.Client,
  roles: { writers: readonly string[]; readers: readonly string[]; workers: readonly string[] } = {
    writers: [],
    readers: [],
    workers: [],
  },
): Promise<number> {
  await client.query("begin");
  try {
    // Two that prepare at once: the second finds everything done.
    await client.query("select pg_advisory_xact_lock(hashtext('plumb schema'))");
    const version = await schemaVersion(client);
    requireKnown(version);
    if (version === 0) {
      await client.query("create schema if not exists plumb");
      await client.query(
        "create table plumb.schema_version (version integer primary key, since timestamptz not null default now())",
      );
    }
    for (const [index, migration] of MIGRATIONS.entries()) {
      if (index < version) continue;
      await client.query(migration);
      await client.query("insert into plumb.schema_version (version) values ($1)", [index + 1]);
    }
    for (const role of [...roles.writers, ...roles.readers, ...roles.workers]) {
      const name = client.escapeIdentifier(role);
      await client.query(
        `grant usage on schema plumb to ${name}; grant select on plumb.schema_version to ${name}`,
      );
    }
    for (const role of roles.writers)
      await client.query(
        `grant insert (${SENT_COLUMNS}) on plumb.record_line to ${client.escapeIdentifier(role)}`,
      );
    for (const role of roles.readers)
      await client.query(`grant select on plumb.record_line to ${client.escapeIdentifier(role)}`);
    for (const role of roles.workers)
      await client.query(
        `grant select, insert, update, delete on plumb.worker_run, plumb.worker_batch, plumb.worker_job, plumb.worker_event to ${client.escapeIdentifier(role)};
         grant usage on sequence plumb.worker_number to ${client.escapeIdentifier(role)}`,
      );
    await client.query("commit");
    return version;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}

/**
 * Sees to it that the tables are there. Who may not make them finds out who can.
 *
 * @throws Error with what to do
 */
export async function requireSchema(client: pg.Client, shown: string): Promise<void> {
  const version = await schemaVersion(client);
  requireKnown(version);
  if (version === SHARED_SCHEMA_VERSION) return;
  try {
    await prepareSchema(client);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `there are no tables of Plumb's${version === 0 ? "" : ` of version ${SHARED_SCHEMA_VERSION}`} in ${shown}, and they can't be made: ${reason}; who owns the database makes them with \`plumb history prepare\``,
    );
  }
}

function requireKnown(version: number): void {
  if (version > SHARED_SCHEMA_VERSION)
    throw new Error(
      `the tables are of version ${version}, and this Plumb knows up to ${SHARED_SCHEMA_VERSION}: a newer one made them`,
    );
}

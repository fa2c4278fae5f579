import { describe, expect, test } from "vitest";
import { diagnosticsOf } from "../../src/converge/place-findings.ts";
import { ModuleFailure } from "../../src/modules/module.ts";
import { pgbouncerIni } from "../../src/modules/pgbouncer-ini.ts";
import { tasksOf, withPlaybook } from "../playbook/loading.ts";
import { scopeOf } from "../playbook/scope-of.ts";
import { NOTHING, SITUATION } from "./answers.ts";

const NAMES = ["pgbouncer", "overrides", "when_supported", "databases", "users", "capacity"];

/** What the module refuses of variables, as `line:column message`: they stand in a file of their own, and the task only names them. */
async function refusals(yaml: string, version: string): Promise<string[]> {
  const scope = scopeOf(yaml);
  const given = NAMES.filter((name) => scope.lookup(name) !== undefined);
  const params = pgbouncerIni.params.parse(
    Object.fromEntries(given.map((name) => [name, scope.lookup(name)])),
  );
  const lines = given.map((name) => `        ${name}: "{{ ${name} }}"\n`);
  return withPlaybook(`- hosts: all\n  tasks:\n    - pgbouncer_ini:\n${lines.join("")}`, (playbook) => {
    const [task] = tasksOf(playbook);
    if (task === undefined) throw new Error("there is no task");
    try {
      pgbouncerIni.diff(params, { at: NOTHING, version: { version, installed: true } }, SITUATION);
      return [];
    } catch (error) {
      if (!(error instanceof ModuleFailure)) throw error;
      return diagnosticsOf(error.findings, "error", task, scope).map(
        ({ at, message }) => `${at?.file}:${at?.line}:${at?.column} ${message}`,
      );
    }
  });
}

describe("what pgbouncer.ini can't be is refused at the line that it came from", () => {
  test.each([
    ["a setting that nobody knows, at its name", "pgbouncer:\n  pool_mod: session\n", "2:3 .*no setting"],
    [
      "one that is too new, at its name",
      "pgbouncer: {}\noverrides:\n  listen_port: 6432\n  max_prepared_statements: 100\n",
      "4:3 .*since PgBouncer 1.21",
    ],
    [
      "one that nobody knows among those for some versions",
      "pgbouncer: {}\nwhen_supported:\n  max_prepared_statement: 100\n",
      "3:3 .*no setting",
    ],
    [
      "a wrong type, at its value",
      "pgbouncer:\n  server_lifetime: fifteen\n",
      "2:20 .*must be a number of seconds",
    ],
    ["a port that there is not", "pgbouncer:\n  listen_port: 65536\n", "2:16 .*at most 65535"],
    ["nor at a server", "pgbouncer: {}\ndatabases:\n  app: {host: a, port: 65536}\n", "3:24 .*at most 65535"],
    [
      "a number that PgBouncer would take for another one",
      "pgbouncer:\n  server_lifetime: 2147483648\n",
      "2:20 .*at most 2147483647",
    ],
    ["what would let nobody in", "pgbouncer:\n  max_client_conn: 0\n", "2:20 .*at least 1"],
    [
      "what the kernel refuses, so that it could listen nowhere",
      "pgbouncer:\n  tcp_keepidle: 32768\n",
      "2:17 .*at most 32767",
    ],
    ["a word that it does not know", "pgbouncer:\n  pool_mode: transactions\n", "2:14 .*can't be"],
    [
      "a setting of a database that nobody knows",
      "pgbouncer: {}\ndatabases:\n  app:\n    host: a\n    prt: 1\n",
      "5:5 .*no setting `prt` in \\[databases\\]",
    ],
    [
      "the database `pgbouncer`, at its name",
      "pgbouncer: {}\ndatabases:\n  app: {host: a}\n  pgbouncer:\n    host: a\n",
      "4:3 .*reserved",
    ],
    [
      "a database with quotes in its name, at its name",
      "pgbouncer: {}\ndatabases:\n  'a\"b':\n    host: a\n",
      "3:3 .*can't stand in pgbouncer.ini",
    ],
    [
      "a database with a name that is too long, at its name",
      `pgbouncer: {}\ndatabases:\n  ${"a".repeat(64)}:\n    host: a\n`,
      "3:3 .*at most 63",
    ],
    [
      "a user with quotes in the name, at the name",
      "pgbouncer: {}\nusers:\n  it's:\n    pool_mode: session\n",
      "3:3 .*can't stand in pgbouncer.ini",
    ],
    [
      "auth_query without auth_user",
      "pgbouncer:\n  auth_type: scram-sha-256\n  auth_query: SELECT 1\n",
      "3:15 .*without auth_user",
    ],
    [
      "a pool that is larger than all connections of a database may be",
      "pgbouncer:\n  max_db_connections: 10\n  default_pool_size: 11\n",
      "3:22 .*more than max_db_connections 10",
    ],
    [
      "the same of one database",
      "pgbouncer: {}\ndatabases:\n  app: {host: a, pool_size: 11, max_db_connections: 10}\n",
      "3:29 .*more than its max_db_connections 10",
    ],
    [
      "more server connections than PostgreSQL leaves",
      "pgbouncer:\n  default_pool_size: 20\ndatabases:\n  app: {host: a}\n  b: {host: a}\ncapacity: {max_connections: 100, users: 3}\n",
      "2:22 .*can open 120 .*leaves 97",
    ],
  ])("%s", async (_what, yaml, expected) => {
    expect(await refusals(yaml, "1.18")).toEqual([expect.stringMatching(`^vars\\.yml:${expected}`)]);
  });

  test("and what the version has is taken", async () => {
    const yaml = "pgbouncer:\n  max_prepared_statements: 100\ndatabases:\n  app: {host: a, pool_size: 10}\n";
    expect(await refusals(yaml, "1.24.1")).toEqual([]);
    expect(await refusals(`${yaml}capacity: {max_connections: 13}\n`, "1.24.1")).toEqual([]);
    expect(await refusals(`${yaml}capacity: {max_connections: 12}\n`, "1.24.1")).toHaveLength(1);
  });
});

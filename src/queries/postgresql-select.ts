import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export interface SelectQuestion {
  /** A SELECT, without semicolon. */
  sql: string;
  /**
   * undefined: it is about what all databases of a server share, and is asked in whichever is asked anyway, because each connection costs the host as much as all of
   * its questions. Names in it are looked for in pg_catalog alone: who may create things in that database must not decide what an administrator runs.
   */
  database: string | undefined;
  /** The system user who may log in as the PostgreSQL administrator of the same name. */
  systemUser: string;
  port?: number | undefined;
}

/** Debian's `psql` is a script that looks for the right one, and takes longer for that than this takes for everything (pg_wrapper(1)). */
const FIND_PSQL = 'for psql in /usr/lib/postgresql/*/bin/psql; do :; done; [ -x "$psql" ] || psql=psql';

/**
 * Rows of any number of SELECTs, through the local socket: one psql(1) a server and user, which goes from database to database. The SQL goes by standard input: argv can
 * be read by everybody. It is asked in read-only transactions, because a query must not change anything.
 */
export const postgresqlSelect = defineQuery<SelectQuestion, readonly ValueMap[]>({
  name: "postgresql-select",
  identify: ({ sql, database, systemUser, port }) =>
    `${systemUser}\0${port ?? ""}\0${database ?? ""}\0${sql}`,
  script: (questions) => ({
    script: shellLines(
      rawShell(FIND_PSQL),
      rawShell('command -v "$psql" >/dev/null || { echo "PostgreSQL is not installed" >&2; exit 3; }'),
      rawShell("cd /"),
      ...serversOf(questions).flatMap(askServer),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const text = output.stdout.toString();
    const lines = output.stderr.trim().split("\n");
    const said = lines.find((line) => /\b(?:ERROR|FATAL|error): /.test(line)) ?? lines.at(-1) ?? "";
    const parts = new Map<number, string>();
    for (const part of text.split(/^== /m).slice(1)) {
      const lineEnd = part.indexOf("\n");
      parts.set(Number(part.slice(0, lineEnd)), part.slice(lineEnd + 1).trim());
    }
    return questions.map((_, index): Answered<readonly ValueMap[]> => {
      const part = parts.get(index);
      if (part === undefined || part === "") return notKnown(said || "psql said nothing");
      const rows = JSON.parse(part) as Value;
      return Array.isArray(rows) ? known(rows.filter(isValueMap)) : notKnown("psql gave no rows");
    });
  },
});

interface Server {
  systemUser: string;
  port: number;
  /** Statements about what all databases share. */
  shared: string[];
  /** Statements for each database. */
  databases: Map<string, string[]>;
}

const READ_ONLY = "set default_transaction_read_only = on;";

function serversOf(questions: readonly SelectQuestion[]): Server[] {
  const servers = new Map<string, Server>();
  questions.forEach(({ systemUser, port = 5432, database, sql }, index) => {
    const key = `${systemUser}\0${port}`;
    const server: Server = servers.get(key) ?? { systemUser, port, shared: [], databases: new Map() };
    servers.set(key, server);
    const statements = [
      `\\echo == ${index}`,
      // In full: the owner of a database may have functions of the same names there, and PostgreSQL takes those that fit better.
      `select coalesce(pg_catalog.json_agg(pg_catalog.row_to_json(answer)), '[]'::pg_catalog.json) from (${sql}) as answer;`,
    ];
    if (database === undefined) server.shared.push(...statements);
    else server.databases.set(database, [...(server.databases.get(database) ?? [READ_ONLY]), ...statements]);
  });
  return [...servers.values()];
}

/** Every server has it. */
const ALWAYS_THERE = "postgres";

const NOWHERE = [ALWAYS_THERE, []] as const;

/** Where a database is not there, psql ends with status 2 (psql(1), "Exit Status"), and each of the others gets one of its own. */
function askServer({ systemUser, port, shared, databases }: Server): ShellText[] {
  const [first = NOWHERE, ...others]: (readonly [string, readonly string[]])[] = [...databases];
  const psql = (database: string): ShellText =>
    sh`setpriv --reuid=${systemUser} --regid=${systemUser} --init-groups -- "$psql" -X -A -t -q -p ${port} -d ${database}`;
  const connect = (database: string): ShellText =>
    sh`printf '%s\\n' ${`\\connect -reuse-previous=off ${psqlWord(`dbname=${conninfoWord(database)} port=${port}`)}`}`;
  const aboutAll =
    shared.length === 0 ? [] : [READ_ONLY, "set search_path = pg_catalog;", ...shared, "reset search_path;"];
  const asks = [["", aboutAll], first, ...others] as const;

  return [
    ...asks.map(([, statements], index) =>
      shellLines(
        rawShell(`ask${index}() {`),
        statements.length === 0 ? rawShell(":") : sh`printf '%s\\n' ${statements}`,
        rawShell("}"),
      ),
    ),
    shellLines(
      rawShell("{ ask0; ask1"),
      ...others.map(([database], index) => shellLines(connect(database), rawShell(`ask${index + 2}`))),
      sh`} | ${psql(first[0])}`,
    ),
    ...(databases.size === 0 || (shared.length === 0 && others.length === 0)
      ? []
      : [
          rawShell("if [ $? -eq 2 ]; then"),
          ...(shared.length === 0 ? [] : [sh`ask0 | ${psql(ALWAYS_THERE)}`]),
          ...others.map(([database], index) => sh`${rawShell(`ask${index + 2}`)} | ${psql(database)}`),
          rawShell("fi"),
        ]),
  ];
}

/** libpq's manual, "Keyword/Value Connection Strings". */
function conninfoWord(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** An argument of a psql meta-command: psql(1), "Meta-Commands". */
function psqlWord(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n")}'`;
}

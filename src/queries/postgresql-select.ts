import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { isValueMap, type Value, type ValueMap } from "../variables/value.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export interface SelectQuestion {
  /** A SELECT, without semicolon. */
  sql: string;
  database: string;
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
  identify: ({ sql, database, systemUser, port }) => `${systemUser}\0${port ?? ""}\0${database}\0${sql}`,
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
  /** Statements for each database. */
  databases: Map<string, string[]>;
}

function serversOf(questions: readonly SelectQuestion[]): Server[] {
  const servers = new Map<string, Server>();
  questions.forEach(({ systemUser, port = 5432, database, sql }, index) => {
    const key = `${systemUser}\0${port}`;
    const server = servers.get(key) ?? { systemUser, port, databases: new Map() };
    servers.set(key, server);
    const statements = server.databases.get(database) ?? ["set default_transaction_read_only = on;"];
    server.databases.set(database, [
      ...statements,
      `\\echo == ${index}`,
      `select coalesce(json_agg(row_to_json(answer)), '[]') from (${sql}) as answer;`,
    ]);
  });
  return [...servers.values()];
}

/** Where the first database is not there, psql ends with status 2 (psql(1), "Exit Status"), and each of the others gets one of its own. */
function askServer({ systemUser, port, databases }: Server): ShellText[] {
  const all = [...databases];
  const first = all[0]?.[0] ?? "";
  const psql = (database: string): ShellText =>
    sh`setpriv --reuid=${systemUser} --regid=${systemUser} --init-groups -- "$psql" -X -A -t -q -p ${port} -d ${database}`;
  const connect = (database: string): ShellText =>
    sh`printf '%s\\n' ${`\\connect -reuse-previous=off ${psqlWord(`dbname=${conninfoWord(database)} port=${port}`)}`}`;
  return [
    ...all.map(([, statements], index) =>
      shellLines(rawShell(`ask${index}() {`), sh`printf '%s\\n' ${statements}`, rawShell("}")),
    ),
    shellLines(
      rawShell("{ ask0"),
      ...all.slice(1).map(([database], index) => shellLines(connect(database), rawShell(`ask${index + 1}`))),
      sh`} | ${psql(first)}`,
    ),
    ...(all.length === 1
      ? []
      : [
          shellLines(
            rawShell("if [ $? -eq 2 ]; then"),
            ...all
              .slice(1)
              .map(([database], index) => sh`${rawShell(`ask${index + 1}`)} | ${psql(database)}`),
            rawShell("fi"),
          ),
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

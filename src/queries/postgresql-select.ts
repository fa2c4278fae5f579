import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
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
 * Rows of any number of SELECTs, through the local socket: one psql(1) a database. The SQL goes by standard input: argv can be read by everybody. It is asked in
 * read-only transactions, because a query must not change anything.
 */
export const postgresqlSelect = defineQuery<SelectQuestion, readonly ValueMap[]>({
  name: "postgresql-select",
  identify: ({ sql, database, systemUser, port }) => `${systemUser}\0${port ?? ""}\0${database}\0${sql}`,
  script: (questions) => {
    const groups = new Map<string, { question: SelectQuestion; statements: string[] }>();
    questions.forEach((question, index) => {
      const key = `${question.systemUser}\0${question.port ?? ""}\0${question.database}`;
      const group = groups.get(key) ?? { question, statements: ["set default_transaction_read_only = on;"] };
      group.statements.push(
        `\\echo == ${index}`,
        `select coalesce(json_agg(row_to_json(answer)), '[]') from (${question.sql}) as answer;`,
      );
      groups.set(key, group);
    });
    return {
      script: shellLines(
        rawShell(FIND_PSQL),
        rawShell('command -v "$psql" >/dev/null || { echo "PostgreSQL is not installed" >&2; exit 3; }'),
        rawShell("cd /"),
        ...[...groups.values()].map(({ question, statements }) => {
          const { systemUser, port = 5432, database } = question;
          return sh`printf '%s\\n' ${statements} | setpriv --reuid=${systemUser} --regid=${systemUser} --init-groups -- "$psql" -X -A -t -q -p ${port} -d ${database}`;
        }),
        rawShell("exit 0"),
      ),
    };
  },
  parse: (output, questions) => {
    const text = output.stdout.toString();
    const said = output.stderr.trim().split("\n").at(-1) ?? "";
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

import { z } from "zod";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { accountName } from "./parameter-types.ts";
import type { ScriptStep } from "./step.ts";

/** How the PostgreSQL modules reach the server: through its socket, as the system user who is its administrator. */
export const postgresqlParams = {
  login_unix_user: accountName
    .default("postgres")
    .describe("System user who may log in as administrator through the socket."),
  login_port: z.number().int().min(1).max(65535).optional().describe("Port, where it is not 5432."),
};

export interface PostgresqlLogin {
  login_unix_user: string;
  login_port?: number | undefined;
}

/** Runs SQL in one transaction, or not at all. The text goes by standard input: it may hold secrets, and argv can be read by everybody. */
export function sqlStep(
  title: string,
  login: PostgresqlLogin,
  database: string,
  sql: string,
  options: { inTransaction?: boolean } = {},
): ScriptStep {
  const port = login.login_port === undefined ? [] : ["-p", login.login_port];
  const transaction = options.inTransaction === false ? [] : ["--single-transaction"];
  return {
    kind: "script",
    title,
    stdin: Buffer.from(`${sql}\n`),
    script: shellLines(
      rawShell("cd /"),
      sh`exec runuser -u ${login.login_unix_user} -- psql -X -A -t -q -v ON_ERROR_STOP=1 ${transaction} ${port} -d ${database} -f -`,
    ),
  };
}

/** A name in SQL (PostgreSQL's documentation, 4.1.1). */
export const sqlName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text in SQL; the E form, so that backslashes mean themselves whatever the settings. */
export const sqlText = (text: string): string => `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

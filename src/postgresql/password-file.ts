import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";

interface Login {
  host: string;
  port: number;
  database: string;
  user: string;
}

/**
 * The password in PGPASSFILE or ~/.pgpass (PostgreSQL's manual, "The Password File"), read here because `pg` is about to drop it. As with libpq, a file that others may read
 * counts as none.
 */
export function passwordOf(login: Login, environment: NodeJS.ProcessEnv): string | undefined {
  const file = environment["PGPASSFILE"] || path.join(environment["HOME"] || homedir(), ".pgpass");
  try {
    if ((statSync(file).mode & 0o077) !== 0) return undefined;
    return passwordIn(readFileSync(file, "utf8"), login);
  } catch {
    return undefined;
  }
}

/** The first line `host:port:database:user:password` that fits; `*` fits everything, and `\` takes its meaning from the character behind it. */
export function passwordIn(text: string, { host, port, database, user }: Login): string | undefined {
  const asked = [host.startsWith("/") ? "localhost" : host, String(port), database, user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = [...line.matchAll(/((?:\\.|[^\\:])*)(?::|$)/g)].map(([, field = ""]) => field);
    const unescaped = fields.map((field) => field.replace(/\\(.)/g, "$1"));
    const password = unescaped[4];
    if (password === undefined || password === "") continue;
    if (asked.every((want, index) => fields[index] === "*" || unescaped[index] === want)) return password;
  }
  return undefined;
}

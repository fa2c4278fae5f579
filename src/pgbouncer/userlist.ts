/** An entry of userlist.txt: `"user" "secret"`, where the secret is a password, an md5 or a SCRAM verifier. */
export interface UserlistEntry {
  user: string;
  secret: string;
}

/** userlist.txt; comments begin with `;` there, never with `#`: that would end the list. */
export function renderUserlist(entries: readonly UserlistEntry[]): string {
  return `;; Managed by Plumb: changes by hand are undone by the next run.\n${entries.map(userlistLine).join("")}`;
}

/** One line of it. */
export function userlistLine({ user, secret }: UserlistEntry): string {
  return `${quoted(user)} ${quoted(secret)}\n`;
}

/** Reads userlist.txt as PgBouncer does: two quoted words a line, a doubled quote stands for one. */
export function parseUserlist(text: string): UserlistEntry[] {
  return text.split("\n").flatMap((line) => {
    const found = /^\s*"((?:[^"]|"")*)"\s+"((?:[^"]|"")*)"/.exec(line);
    return found?.[1] === undefined || found[2] === undefined
      ? []
      : [{ user: unquoted(found[1]), secret: unquoted(found[2]) }];
  });
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const unquoted = (text: string): string => text.replaceAll('""', '"');

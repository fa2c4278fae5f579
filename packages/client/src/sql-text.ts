const PLAIN = /[^"'$\-/]*/y;

/**
 * The statements of a text of SQL, each without comments and without what stands in quotes: what is left are the words that PostgreSQL takes as commands and names.
 * Quoted names and strings leave a `?`, so that `"set"` is not the command. Source: PostgreSQL's lexical structure, 4.1.
 */
export function bareStatements(sql: string): string[] {
  let bare = "";
  let at = 0;
  while (at < sql.length) {
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(sql)?.[0] ?? "";
    bare += plain;
    at += plain.length;
    if (at === sql.length) break;
    const quoted = quotedStart(sql, at);
    bare += quoted === undefined ? sql[at] : quoted.leaves;
    at += quoted?.length ?? 1;
  }
  return bare
    .split(";")
    .map((statement) => statement.replace(/\s+/g, " ").trim())
    .filter((statement) => statement !== "");
}

function quotedStart(sql: string, at: number): { length: number; leaves: string } | undefined {
  if (sql.startsWith("--", at)) return { length: matchAt(/[^\n]*/y, sql, at), leaves: " " };
  if (sql.startsWith("/*", at)) return { length: commentLength(sql.slice(at)), leaves: " " };
  if (sql[at] === '"') return { length: matchAt(/"(?:[^"]|"")*"?/y, sql, at), leaves: "?" };
  const before = sql.slice(Math.max(0, at - 2), at);
  if (sql[at] === "'") {
    // E'…' knows backslashes; other strings don't.
    const form = /(?:^|[^\w$])e$/i.test(before) ? /'(?:[^'\\]|''|\\[\s\S])*'?/y : /'(?:[^']|'')*'?/y;
    return { length: matchAt(form, sql, at), leaves: "?" };
  }
  const tag = matchAt(/\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y, sql, at);
  if (tag === 0 || /[\w$]$/.test(before)) return undefined;
  const end = sql.indexOf(sql.slice(at, at + tag), at + tag);
  return { length: end === -1 ? sql.length - at : end + tag - at, leaves: "?" };
}

function matchAt(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0].length ?? 0;
}

/** Comments nest. */
function commentLength(text: string): number {
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return text.length;
}

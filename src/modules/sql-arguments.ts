import { z } from "zod";
import { sqlText } from "./postgresql-login.ts";

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const argument = z.union([scalar, z.array(scalar)]);

/** Parameters for values that SQL is given, beside its text in `query`. */
export const sqlArgumentParams = {
  positional_args: z
    .array(argument)
    .optional()
    .describe("What stands in `query` for each `%s`, quoted as SQL wants it. A `%` is then written `%%`."),
  named_args: z.record(z.string(), argument).optional().describe("The same for each `%(name)s`."),
};

interface SqlWithArguments {
  query: string;
  positional_args?: readonly SqlArgument[] | undefined;
  named_args?: Readonly<Record<string, SqlArgument>> | undefined;
}

/** Finds what does not fit together, for a schema with these parameters. */
export function checkSqlArguments(want: SqlWithArguments, context: z.RefinementCtx): void {
  if (want.positional_args !== undefined && want.named_args !== undefined) {
    const message = "give either `positional_args` or `named_args`";
    context.addIssue({ code: "custom", path: ["named_args"], message });
    return;
  }
  const sql = sqlWithArguments(want.query, want.positional_args ?? want.named_args);
  if (typeof sql !== "string") context.addIssue({ code: "custom", path: ["query"], message: sql.error });
}

/** The SQL that runs. @throws Error where the schema has found that it does not fit. */
export function sqlOf(want: SqlWithArguments): string {
  const sql = sqlWithArguments(want.query, want.positional_args ?? want.named_args);
  if (typeof sql !== "string") throw new Error(sql.error);
  return sql;
}

/** A value in SQL; a list is an array. */
type SqlArgument = SqlScalar | readonly SqlScalar[];
type SqlScalar = string | number | boolean | null;

/**
 * SQL with `%s` (or `%(name)s`) replaced by quoted values, as Ansible's module has it from psycopg: `%%` is then a percent sign. Without arguments the text
 * stays as it is.
 */
export function sqlWithArguments(
  sql: string,
  given: readonly SqlArgument[] | Readonly<Record<string, SqlArgument>> | undefined,
): string | { error: string } {
  if (given === undefined) return sql;
  let wrong: string | undefined;
  let used = 0;
  const named = Array.isArray(given) ? undefined : (given as Readonly<Record<string, SqlArgument>>);
  const listed = Array.isArray(given) ? (given as readonly SqlArgument[]) : [];
  const text = sql.replace(/%(%|s|\(([^)]*)\)s|.|$)/gs, (mark, kind: string, name: string | undefined) => {
    if (kind === "%") return "%";
    if (kind === "s" && named === undefined) {
      const value = listed[used++];
      if (value === undefined) wrong ??= "has more `%s` than `positional_args` has values";
      return value === undefined ? mark : literal(value);
    }
    if (name !== undefined && named !== undefined) {
      if (!Object.hasOwn(named, name)) wrong ??= `has %(${name})s, and \`named_args\` no ${name}`;
      return literal(named[name] ?? null);
    }
    wrong ??= `has \`${mark}\`: write %% for a percent sign, %s for \`positional_args\` and %(name)s for \`named_args\``;
    return mark;
  });
  if (wrong === undefined && named === undefined && used < listed.length)
    wrong = `has fewer \`%s\` (${used}) than \`positional_args\` has values (${listed.length})`;
  return wrong === undefined ? text : { error: wrong };
}

function literal(value: SqlArgument): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return ` ${sqlText(value)}`;
  if (typeof value === "boolean") return value ? "TRUE" : "FALSE";
  // A minus before a minus would begin a comment.
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  return value.length === 0 ? "'{}'" : `ARRAY[${value.map(literal).join(", ")}]`;
}

import { bareStatements } from "./sql-text.ts";

/** Something that lives as long as a server connection, which in transaction mode is only lent for a transaction. */
export interface SessionFeature {
  feature: string;
  /** What to do instead, as a sentence. */
  instead: string;
}

const FEATURES: readonly (SessionFeature & { pattern: RegExp })[] = [
  {
    feature: "LISTEN",
    pattern: /^(?:un)?listen\b/i,
    instead: "Listen on a connection that goes to PostgreSQL directly; NOTIFY works through the pooler.",
  },
  {
    feature: "SET",
    // What follows ends with the transaction, or is a parameter that PgBouncer follows and restores for each client.
    pattern:
      /^set (?!local\b|transaction\b|constraints\b|(?:session )?(?:application_name|client_encoding|datestyle|timezone|time zone|standard_conforming_strings)\b)/i,
    instead: "Use SET LOCAL in a transaction, or ALTER ROLE … SET for what always holds.",
  },
  {
    feature: "set_config for the session",
    pattern: /\bset_config ?\([^()]*(?:\([^()]*\)[^()]*)*, ?false ?\)/i,
    instead: "Give true as its last argument, in a transaction.",
  },
  {
    feature: "RESET or DISCARD",
    pattern: /^(?:reset|discard)\b/i,
    instead: "What SET LOCAL sets ends with its transaction by itself.",
  },
  {
    feature: "an advisory lock of the session",
    pattern: /\bpg_(?:try_)?advisory_(?:lock|unlock)(?:_shared|_all)?(?:_shared)? ?\(/i,
    instead: "Use pg_advisory_xact_lock in a transaction: it is released with it.",
  },
  {
    feature: "a cursor WITH HOLD",
    pattern: /^declare\b.*\bwith hold\b/i,
    instead: "Read the cursor within its transaction.",
  },
  {
    feature: "PREPARE",
    pattern: /^(?:prepare (?!transaction\b)|execute\b|deallocate\b)/i,
    instead:
      "Send parameters with the query ($1); the driver's own prepared statements need PgBouncer 1.21 or later.",
  },
  {
    feature: "a temporary table that outlives its transaction",
    pattern:
      /^(?:create (?:(?:global|local) )?temp(?:orary)? (?!.*\bon commit drop\b)|select\b.*\binto (?:(?:global|local) )?temp(?:orary)?\b)/i,
    instead: "Create it with ON COMMIT DROP in the transaction that uses it.",
  },
  {
    feature: "LOAD",
    pattern: /^load\b/i,
    instead: "Use session_preload_libraries of the role or the server.",
  },
];

const TRANSACTION_CONTROL: SessionFeature & { pattern: RegExp } = {
  feature: "BEGIN, COMMIT or ROLLBACK in a query of its own",
  pattern:
    /^(?:begin|start transaction|commit|end|rollback(?! (?:work |transaction )?to\b)|abort|prepare transaction)\b/i,
  instead: "Use transaction(): it keeps the statements on one connection and ends what it began.",
};

/** The first thing in a text of SQL that needs the session; undefined where there is none. What stands in functions and DO blocks is not seen. */
export function sessionFeature(sql: string): SessionFeature | undefined {
  for (const statement of bareStatements(sql)) {
    const found = FEATURES.find(({ pattern }) => pattern.test(statement));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** BEGIN, COMMIT and their like, which only transaction() may send. */
export function transactionControl(sql: string): SessionFeature | undefined {
  return bareStatements(sql).some((statement) => TRANSACTION_CONTROL.pattern.test(statement))
    ? TRANSACTION_CONTROL
    : undefined;
}

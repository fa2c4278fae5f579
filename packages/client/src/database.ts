import pg, { type QueryResult, type QueryResultRow } from "pg";
import { AttemptFailure, attempt, type Lease } from "./attempt.ts";
import { openCircuit } from "./circuit.ts";
import { connectionSettings } from "./connection-settings.ts";
import { SessionFeatureError } from "./errors.ts";
import { type CallKind, type Metrics, Recorder } from "./metrics.ts";
import { type DatabaseOptions, keepsNamedStatements, resolveOptions, statementTimeout } from "./options.ts";
import { sessionFeature, transactionControl } from "./session-feature.ts";
import { callTries } from "./tries.ts";

/** SQL, with values for $1, $2, … and a name where it shall be prepared once and kept. The name is left out where the pooler cannot keep it. */
export type Statement = string | { text: string; values?: readonly unknown[]; name?: string };

export interface CallOptions {
  /** Doing it twice is as good as once: it may be tried again although nobody knows whether it was done. */
  idempotent?: boolean;
  statementTimeoutMs?: number;
  deadlineMs?: number;
}

export interface TransactionOptions extends CallOptions {
  isolation?: "read committed" | "repeatable read" | "serializable";
  /** Nothing can be written, so it may always be tried again. */
  readOnly?: boolean;
}

export interface Transaction {
  query: <Row extends QueryResultRow>(statement: Statement) => Promise<QueryResult<Row>>;
}

export interface Database {
  /** One statement. Without `idempotent` it is tried again only where it certainly was not done. Throws DatabaseError, SessionFeatureError. */
  query: <Row extends QueryResultRow>(
    statement: Statement,
    options?: CallOptions,
  ) => Promise<QueryResult<Row>>;
  /**
   * Statements in one transaction. `work` may be called several times: until COMMIT is sent nothing has happened in the database, and it is tried again; so let it do
   * nothing else that lasts. What it throws undoes the transaction and comes back as it is, unless the database failed: that is a DatabaseError.
   */
  transaction: <Result>(
    work: (transaction: Transaction) => Promise<Result>,
    options?: TransactionOptions,
  ) => Promise<Result>;
  metrics: () => Metrics;
  /** Waits for calls under way and closes all connections. */
  close: () => Promise<void>;
}

/**
 * A pool of connections to PostgreSQL through a pooler. Nothing is connected before the first call. Throws SettingsError.
 *
 * @example
 * const database = openDatabase({ url: process.env.DATABASE_URL, pooler: { mode: "transaction", version: "1.24" } });
 * const { rows } = await database.query({ text: "select name from account where id = $1", values: [7] }, { idempotent: true });
 */
export function openDatabase(options: DatabaseOptions): Database {
  const settings = resolveOptions(options);
  const pool = new pg.Pool({
    ...connectionSettings(options.url),
    max: settings.maxConnections,
    idleTimeoutMillis: settings.idleTimeoutMs,
    maxLifetimeSeconds: settings.maxLifetimeMs / 1000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  const recorder = new Recorder();
  pool.on("connect", () => {
    recorder.connectionsOpened += 1;
  });
  pool.on("remove", () => {
    recorder.connectionsClosed += 1;
  });
  // An idle connection was cut. The pool has dropped it; the next call opens another.
  pool.on("error", () => undefined);
  const circuit = openCircuit(
    settings.circuit,
    (error) => error instanceof AttemptFailure && error.failure.isUnavailable,
    () => {
      recorder.circuitOpened += 1;
    },
  );
  const isNamed = keepsNamedStatements(settings.pooler);
  const failed = new WeakSet<object>();
  const tries = callTries(settings, circuit, recorder);

  const send = async <Row extends QueryResultRow>(lease: Lease, statement: Statement) => {
    const { text, values, name } = typeof statement === "string" ? { text: statement } : statement;
    try {
      return await lease.client.query<Row>({
        text,
        ...(values === undefined ? {} : { values: [...values] }),
        ...(name === undefined || !isNamed ? {} : { name }),
      });
    } catch (error) {
      if (typeof error === "object" && error !== null) failed.add(error);
      throw error;
    }
  };
  const check = (statement: Statement): void => {
    const sql = typeof statement === "string" ? statement : statement.text;
    const found =
      transactionControl(sql) ?? (settings.pooler.mode === "transaction" ? sessionFeature(sql) : undefined);
    if (found !== undefined) throw new SessionFeatureError(found);
  };
  const call = <Result>(
    kind: CallKind,
    { idempotent = false, deadlineMs = settings.deadlineMs }: CallOptions,
    work: (lease: Lease) => Promise<Result>,
  ): Promise<Result> =>
    tries(kind, { idempotent, deadlineMs }, (timeoutMs) =>
      attempt(
        pool,
        timeoutMs,
        (seconds) => recorder.acquireDuration.add(seconds),
        work,
        (error) => databaseError(error, failed),
      ),
    );
  const transaction = <Result>(
    kind: CallKind,
    work: (transaction: Transaction) => Promise<Result>,
    options: TransactionOptions,
  ): Promise<Result> => {
    const begin = beginText(
      options,
      options.statementTimeoutMs ?? settings.statementTimeoutMs,
      settings.attemptTimeoutMs,
    );
    return call(
      kind,
      { ...options, idempotent: options.idempotent === true || options.readOnly === true },
      (lease) =>
        inTransaction(lease, begin, send, (lent) =>
          work({
            query: async (statement) => {
              check(statement);
              return send(lent, statement);
            },
          }),
        ),
    );
  };

  return {
    query: async <Row extends QueryResultRow>(statement: Statement, own: CallOptions = {}) => {
      try {
        check(statement);
      } catch (error) {
        recorder.ended("query", error, 0);
        throw error;
      }
      if ((own.statementTimeoutMs ?? settings.statementTimeoutMs) !== undefined)
        return transaction("query", (lent) => lent.query<Row>(statement), own);
      return call("query", own, async (lease) => {
        lease.stage = "autocommit";
        lease.isClean = true;
        return send<Row>(lease, statement);
      });
    },
    transaction: async (work, own = {}) => transaction("transaction", work, own),
    metrics: () => recorder.read(circuit.state(), pool, settings.maxConnections),
    close: () => pool.end(),
  };
}

/** BEGIN and what holds for this transaction alone, in one trip. */
function beginText(
  { isolation, readOnly }: TransactionOptions,
  timeoutMs: number | undefined,
  attemptTimeoutMs: number,
): string {
  const begin = `BEGIN${isolation === undefined ? "" : ` ISOLATION LEVEL ${isolation.toUpperCase()}`}${readOnly === true ? " READ ONLY" : ""}`;
  return timeoutMs === undefined
    ? begin
    : `${begin}; SET LOCAL statement_timeout = ${statementTimeout(timeoutMs, attemptTimeoutMs)}`;
}

async function inTransaction<Result>(
  lease: Lease,
  begin: string,
  send: (lease: Lease, sql: string) => Promise<QueryResult>,
  work: (lease: Lease) => Promise<Result>,
): Promise<Result> {
  lease.stage = "transaction";
  try {
    await send(lease, begin);
    const result = await work(lease);
    lease.stage = "committing";
    const { command } = await send(lease, "COMMIT");
    lease.isClean = true;
    if (command === "COMMIT") return result;
    // A statement had failed and the application went on as if it had not: PostgreSQL answers COMMIT with ROLLBACK.
    throw new AttemptFailure(
      {
        outcome: "rolled-back",
        isTransient: false,
        isUnavailable: false,
        isConnectionSpent: false,
        sqlState: "25P02",
        reason: "statement",
      },
      new Error("a statement of the transaction had failed, so COMMIT undid it"),
    );
  } catch (error) {
    if (!lease.isClean) lease.isClean = await rollback(lease);
    throw error;
  }
}

async function rollback(lease: Lease): Promise<boolean> {
  try {
    await lease.client.query("ROLLBACK");
    return true;
  } catch {
    return false;
  }
}

/** The application may have wrapped it. */
function databaseError(error: unknown, failed: WeakSet<object>): unknown {
  let at = error;
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    if (failed.has(at)) return at;
    at = "cause" in at ? at.cause : undefined;
  }
  return undefined;
}

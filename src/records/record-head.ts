import { execFile } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { REDACTED, type Secrets } from "../diagnostics/secrets.ts";

/** Increased when a field of a record is renamed, removed or changes its meaning; new fields do not count. */
export const RECORD_SCHEMA_VERSION = 1;

/** The first line of a record: who did what, with what, and where. */
export interface RecordHead {
  type: "record";
  schema: typeof RECORD_SCHEMA_VERSION;
  runId: string;
  time: string;
  /** `user@controller`; behind sudo also who called it. */
  who: string;
  controller: string;
  /** Of the process that wrote it, on the controller: tells a run that goes on from one that was killed. */
  pid: number;
  /** What was typed; values of `-e` and secrets are asterisks. */
  command: readonly string[];
  directory: string;
  checkMode: boolean;
  versions: { plumb: string; node: string };
}

/** A later line of a record: what the project was at the time. Absent outside of a repository. */
export interface RecordCommit {
  type: "record-commit";
  commit: string;
  /** Whether files differed from the commit, or were unknown to it. Not looked for by a run in which all was as it should be. */
  dirty?: boolean;
}

/** A line of a record that is neither its head nor an event. */
export type RecordLine = RecordCommit | RecordScore;

/** How the predictions of a plan came true (docs/plans.md). */
export interface RecordScore {
  type: "score";
  planId: string;
  right: number;
  /** Predictions that were put to the test: those for tasks that came to their turn. */
  tested: number;
  /** Changes that earlier tasks of their host have made, in whole or in part, as the plan said that they might. Neither right nor wrong. */
  overtaken?: number;
  /** Tasks of which the plan said `unknown`. */
  unknown: number;
  /** Predictions whose task never came to its turn, because its host failed before. */
  notReached: number;
  wrong: { host: string; task: string; at: string; predicted: string; happened: string }[];
}

/** The head of a run's record. */
export function recordHead(run: {
  runId: string;
  checkMode: boolean;
  version: string;
  secrets: Secrets;
}): RecordHead {
  const caller = process.env["SUDO_USER"];
  const controller = hostname();
  const who = `${userInfo().username}@${controller}`;
  return {
    type: "record",
    schema: RECORD_SCHEMA_VERSION,
    runId: run.runId,
    time: new Date().toISOString(),
    who: caller === undefined ? who : `${who} (sudo by ${caller})`,
    controller,
    pid: process.pid,
    command: maskedCommand(process.argv.slice(2), run.secrets),
    directory: process.cwd(),
    checkMode: run.checkMode,
    versions: { plumb: run.version, node: process.versions.node },
  };
}

/**
 * The arguments without secrets. Nobody can tell which of the variables given with `-e` are secret, so that of all of them only the names are kept;
 * `@file` is kept whole.
 */
export function maskedCommand(args: readonly string[], secrets: Secrets): string[] {
  let isValue = false;
  return args.map((argument) => {
    if (isValue) {
      isValue = false;
      return maskedVariables(argument);
    }
    if (argument === "-e" || argument === "--extra-vars") {
      isValue = true;
      return argument;
    }
    const attached = /^(-e|--extra-vars=)(?=.)/s.exec(argument);
    if (attached !== null) return `${attached[0]}${maskedVariables(argument.slice(attached[0].length))}`;
    return secrets.redact(argument);
  });
}

function maskedVariables(text: string): string {
  if (text.startsWith("@")) return text;
  const name = /^\s*([A-Za-z_]\w*)=/.exec(text)?.[1];
  return name === undefined ? REDACTED : `${name}=${REDACTED}`;
}

/**
 * Which commit the folder is at; undefined outside of a repository, or where there is no git. Nothing that the repository's configuration names is run.
 */
export function commitOf(folder: string): Promise<RecordCommit | undefined> {
  return new Promise((resolve) => {
    execFile(
      "git",
      ["-c", "core.fsmonitor=false", "-C", folder, "status", "--porcelain=v2", "--branch"],
      { env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" }, timeout: 2_000, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout) => {
        const commit = /^# branch\.oid ([0-9a-f]{40,64})$/m.exec(stdout)?.[1];
        if (error !== null || commit === undefined) resolve(undefined);
        else resolve({ type: "record-commit", commit, dirty: /^[^#]/m.test(stdout) });
      },
    );
  });
}

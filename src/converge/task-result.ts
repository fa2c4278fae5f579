import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { DiagnosticsError } from "../diagnostics/diagnostic.ts";
import type { Difference } from "../modules/change.ts";
import { ModuleFailure } from "../modules/module.ts";
import { TransportError } from "../transport/transport.ts";
import { PendingVariable } from "../variables/scope.ts";
import type { SourcedVariable } from "../variables/sourced.ts";
import type { Value, ValueMap } from "../variables/value.ts";
import type { PassResult } from "./apply-pass.ts";
import { BrokenPromise, NotKnown } from "./compare.ts";
import type { TaskStatus } from "./event.ts";
import { HostStateError } from "./host-state-error.ts";
import { StepFailure } from "./perform-options.ts";
import { TimeLimitPassed } from "./time-limit.ts";

/** How a task ended. */
export interface TaskEnd {
  /** After `ignore_errors`. */
  failed: boolean;
  registered: ValueMap;
  /** In check mode: only a run would tell the result. */
  notRun?: boolean | undefined;
}

/** What a pass came to, as views and `register` see it. */
export interface Outcome {
  status: Exclude<TaskStatus, "ignored" | "rescued">;
  message: string;
  hint?: string;
  diagnostics?: readonly Diagnostic[];
  differences: readonly Difference[];
  data: ValueMap;
  /** Of what failed: whether it has changed something before that, or `changed_when` says so. Without, nobody knows. */
  hasChanged?: boolean;
  /** It failed before there was a result that could be judged. */
  neverBegan?: true;
  /** A keyword such as `no_log` can't be evaluated: nothing was done that it could be about. */
  ofFlags?: true;
  /** In check mode: only a run would tell its result. Whatever depends on that is unknown too. */
  notRun?: boolean;
  /** In check mode: what it is to be judged by is not there yet, so that nobody can say what it would do. */
  notAsked?: true;
  /** Variables that it sets on the host. */
  facts: ValueMap;
  /** The same, not rendered yet. */
  variables?: ReadonlyMap<string, SourcedVariable>;
  /** Facts that join `ansible_facts`. */
  gathered?: ValueMap;
}

/** A result as an outcome. */
export function outcomeOf(result: PassResult): Outcome {
  switch (result.kind) {
    case "none":
      return { status: "ok", message: result.reason, differences: [], data: result.data ?? {}, facts: {} };
    case "predicted":
      return {
        status: result.certain ? "would-change" : "unknown",
        message: result.certain
          ? result.change.summary
          : `can't be known before it has run: ${result.change.summary}`,
        differences: result.change.differences,
        data: result.change.data ?? {},
        facts: {},
        ...(result.certain ? {} : { notRun: true }),
      };
    case "done":
      return {
        status: result.result.failed === true ? "failed" : result.result.changed ? "changed" : "ok",
        message: result.result.message ?? result.change.summary,
        differences: result.result.changed ? result.change.differences : [],
        data: result.result.data ?? {},
        facts: result.result.facts ?? {},
        ...(result.result.failed === true && result.result.changed ? { hasChanged: true } : {}),
        ...(result.result.variables === undefined ? {} : { variables: result.result.variables }),
        ...(result.result.gathered === undefined ? {} : { gathered: result.result.gathered }),
      };
  }
}

/**
 * An error as the outcome of the pass that met it. Errors that are not about this task (a lost connection, a bug) are thrown on.
 *
 * @param checkMode nothing is done: what was not run is not known.
 * @param changesPending in check mode, that an earlier task would have changed the host: what is missing now may be there by then.
 */
export function outcomeOfError(error: unknown, changesPending: boolean, checkMode = false): Outcome {
  const nothing = { differences: [], data: {}, facts: {} };
  if (error instanceof NotKnown && changesPending) {
    return {
      ...nothing,
      status: "unknown",
      notRun: true,
      notAsked: true,
      message: `depends on what an earlier task would change (${error.message})`,
    };
  }
  if (error instanceof PendingVariable) {
    const message = `depends on \`${error.variable}\`, which only a run would tell`;
    if (checkMode) return { ...nothing, status: "unknown", notRun: true, message };
    return {
      ...nothing,
      status: "failed",
      neverBegan: true,
      message,
      hint: "the task that sets it has `check_mode: true`, so it has not been run",
    };
  }
  if (error instanceof DiagnosticsError) {
    const [first] = error.diagnostics;
    return {
      ...nothing,
      status: "failed",
      message: error.diagnostics.map(({ message }) => message).join("; "),
      diagnostics: error.diagnostics,
      ...(first?.hint === undefined ? {} : { hint: first.hint }),
    };
  }
  // The host is there; one of its users is not, or is not for us.
  if (error instanceof TransportError && error.code === "become-failed") {
    return {
      ...nothing,
      status: "failed",
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  if (error instanceof TimeLimitPassed) {
    return {
      ...nothing,
      status: "failed",
      message: error.message,
      hint: "write `timeout: SECONDS` for a longer one (0 for none), or `async:` for a job that outlives the connection",
    };
  }
  if (error instanceof StepFailure) {
    return { ...nothing, status: "failed", message: error.message, data: execData(error) };
  }
  if (error instanceof ModuleFailure) {
    return {
      ...nothing,
      status: "failed",
      message: error.message,
      data: error.data ?? {},
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  if (error instanceof HostStateError)
    return { ...nothing, status: "failed", message: error.message, hint: error.hint };
  if (error instanceof BrokenPromise) {
    return {
      ...nothing,
      status: "failed",
      message: error.message,
      differences: error.change.differences,
      hint: "another process may be undoing it; otherwise this is a defect of the module, please report it with the output of -v",
    };
  }
  if (error instanceof NotKnown) return { ...nothing, status: "failed", message: error.message };
  throw error;
}

function execData({ exec }: StepFailure): ValueMap {
  if (exec === undefined) return {};
  return { rc: exec.exitCode ?? null, stdout: exec.stdout.toString(), stderr: exec.stderr.toString() };
}

/** What `register` gets of one pass: Ansible's names. */
export function registeredOf(outcome: Outcome, attempts: number): ValueMap {
  return {
    ...outcome.data,
    changed: ["changed", "would-change", "unknown"].includes(outcome.status) || outcome.hasChanged === true,
    failed: outcome.status === "failed",
    skipped: outcome.status === "skipped",
    msg: outcome.data["msg"] ?? outcome.message,
    attempts,
  };
}

/** The result of one item, and under which name the loop had it. */
export interface ItemResult {
  registered: ValueMap;
  item: Value;
  variable: string;
}

/** What `register` gets of a loop. */
export function registeredOfLoop(results: readonly ItemResult[]): ValueMap {
  const some = (name: string): boolean => results.some(({ registered }) => registered[name] === true);
  return {
    results: results.map(({ registered, item, variable }) => ({
      ...registered,
      [variable]: item,
      ansible_loop_var: variable,
    })),
    changed: some("changed"),
    failed: some("failed"),
    skipped: results.length > 0 && results.every(({ registered }) => registered["skipped"] === true),
    msg: some("failed") ? "one or more items failed" : "all items completed",
  };
}

import type { MetaAction } from "../playbook/meta-task.ts";
import type { Task } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { HostContext } from "./host-context.ts";
import { reportFinished } from "./report-task.ts";
import { failure, whenKnown } from "./run-pass.ts";
import { holds } from "./skip.ts";
import { StopHost } from "./stop-host.ts";
import { takeTurn } from "./take-turn.ts";

/**
 * Does what a `meta:` task says, and tells of it only where it fails.
 *
 * @returns whether the host goes on.
 * @throws StopHost when it ends the play for this host.
 */
export async function runMeta(
  context: HostContext,
  task: Task,
  rescued: boolean,
  flushHandlers: () => Promise<void>,
): Promise<boolean> {
  const startedMs = performance.now();
  try {
    await act(context, task, flushHandlers);
    return true;
  } catch (error) {
    const reported = { task, pass: undefined, handler: false, delegatedTo: undefined };
    const rest = { rescued, startedMs, attempts: 1, notified: [] };
    const status = reportFinished(context, reported, failure(context, error), rest);
    return status !== "failed" && status !== "rescued";
  }
}

/**
 * What is for all hosts of the play (end_play, end_batch) is done when any of them comes to it and its `when` holds
 * there: whatever the others have done until then stays done, and none of them acts on a task after it.
 *
 * @throws StopHost when it ends the play for this host.
 */
async function act(context: HostContext, task: Task, flushHandlers: () => Promise<void>): Promise<void> {
  const { hooks, session, variables } = context;
  const raw = task.parameters.find(({ key }) => key === "_raw_params")?.value;
  if (raw === undefined) return;
  const action = evaluate(raw, variables.scopeOf(task)) as MetaAction;
  // Nobody may fail behind it before the last one has cleared what failed in front of it.
  if (action === "clear_host_errors") await takeTurn(context);
  if (!(await whenKnown(context, () => holds(task, variables.scopeOf(task))))) return;
  switch (action) {
    case "flush_handlers":
      return flushHandlers();
    case "clear_facts":
      variables.setFacts({});
      context.prepared.clear();
      return;
    case "clear_host_errors":
      return hooks.clearHostErrors();
    case "refresh_inventory":
      await takeTurn(context);
      return hooks.refreshInventory();
    case "reset_connection":
      await session.reconnect();
      context.prepared.clear();
      return;
    case "end_role":
      if (task.role !== undefined) context.endedRoles.add(task.role);
      return;
    case "end_play":
    case "end_batch":
      await takeTurn(context);
      hooks.end(action === "end_play" ? "play" : "batch");
      throw new StopHost("ended");
    case "end_host":
      throw new StopHost("ended");
    case "noop":
      return;
  }
}

import type { Task } from "../playbook/playbook.ts";
import { TransportError } from "../transport/transport.ts";
import type { HostContext } from "./host-context.ts";
import { isOn } from "./keyword-flag.ts";
import { reportFinished } from "./report-task.ts";
import { type Outcome, registeredOf } from "./task-result.ts";
import { unlessStopped } from "./unless-stopped.ts";

/**
 * Does a task on a host that is connected. A connection that was lost between two tasks is made anew: nothing was under way. Where the task says
 * `ignore_unreachable`, a host that is not reached is told of, and the next task tries again.
 *
 * @throws TransportError
 */
export async function reached(context: HostContext, task: Task, act: () => Promise<void>): Promise<void> {
  const { session, variables } = context;
  const startedMs = performance.now();
  try {
    if (session.isLost) {
      await unlessStopped(context.hooks.stopping, session.reconnect());
      if (context.play.gatherFacts && session.facts !== undefined) variables.joinFacts(session.facts);
      context.prepared.clear();
    }
    await act();
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    const scope = variables.scopeOf(task);
    context.isFatal = isOn(task.keywords.anyErrorsFatal, scope);
    if (!isOn(task.keywords.ignoreUnreachable, scope)) throw error;
    const outcome: Outcome = {
      status: "failed",
      message: `unreachable: ${error.message}`,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      differences: [],
      data: { unreachable: true },
      facts: {},
    };
    reportFinished(context, { task, pass: undefined, handler: false, delegatedTo: undefined }, outcome, {
      rescued: false,
      ignored: true,
      startedMs,
      attempts: 1,
      notified: [],
    });
    if (task.register !== undefined)
      variables.set(task.register, { ...registeredOf(outcome, 1), failed: false });
    context.prepared.clear();
  }
}

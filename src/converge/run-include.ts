import type { Include, Node } from "../playbook/playbook.ts";
import { expandInclude } from "./expand-include.ts";
import type { HostContext } from "./host-context.ts";
import type { Pass } from "./passes.ts";
import { reportFinished } from "./report-task.ts";
import { whenKnown } from "./run-pass.ts";
import { skipped } from "./skip.ts";
import { type Outcome, outcomeOfError } from "./task-result.ts";

/**
 * The tasks of an include whose turn has come. What is wrong with it is told as a failure of the include.
 *
 * @returns undefined when it failed, and nothing says to go on.
 */
export async function expandAndReport(
  context: HostContext,
  include: Include,
  rescued: boolean,
): Promise<Node[] | undefined> {
  const { task } = include;
  const startedMs = performance.now();
  const report = (pass: Pass | undefined, outcome: Outcome): string =>
    reportFinished(context, { task, pass, handler: false, delegatedTo: undefined }, outcome, {
      rescued,
      startedMs,
      attempts: 1,
      notified: [],
    });
  const scope = context.variables.scopeOf(task);
  try {
    let left: Pass[] = [];
    const nodes = await whenKnown(context, () => {
      left = [];
      return expandInclude(context, include, scope, (pass) => left.push(pass));
    });
    for (const pass of left) report(pass, skipped(task, pass.scope));
    return nodes;
  } catch (error) {
    const status = report(
      { scope },
      outcomeOfError(error, context.changesPending, context.options.checkMode),
    );
    return status === "failed" || status === "rescued" ? undefined : [];
  }
}

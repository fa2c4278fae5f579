import type { HostVariables } from "./host-variables.ts";
import { isOn } from "./keyword-flag.ts";
import type { RunningPass } from "./running-pass.ts";
import type { Outcome } from "./task-result.ts";

/** What stays of a pass that is over: variables, handlers, and what is known of the host. */
export async function settle(running: RunningPass, outcome: Outcome): Promise<void> {
  const { context, session, newlyNotified } = running;
  // A change that did not happen after all (`changed_when: false`) has notified nobody.
  if (outcome.status === "ok" && newlyNotified.length > 0)
    await context.session.handlers.forget(newlyNotified);
  const others = await variablesOfDelegate(running);
  if (outcome.variables !== undefined)
    context.hooks.lookAtNames({ level: "include_vars", variables: outcome.variables });
  const isChanged =
    Object.keys(outcome.facts).length > 0 ||
    outcome.gathered !== undefined ||
    outcome.variables !== undefined;
  if (others !== undefined) others.gift((variables) => keep(variables, running, outcome));
  else keep(context.variables, running, outcome);
  if (isChanged) context.prepared.clear();
  if (isCacheable(running, outcome)) {
    (others ?? context.variables).joinCachedFacts(outcome.facts);
    const secret = context.secrets.appearsIn(JSON.stringify(outcome.facts));
    if (secret) warnOfSecret(running);
    else if (!context.options.checkMode) await context.hooks.cacheFacts(session.name, outcome.facts);
  }
  // Steps may have been done before the one that failed; in check mode none was.
  const wasDone = !context.options.checkMode || running.task.keywords.checkMode !== undefined;
  if (outcome.status === "failed" && wasDone) session.answers.forgetAll();
}

/** `set_fact` with `cacheable: true`. */
function isCacheable({ task, pass }: RunningPass, outcome: Outcome): boolean {
  if (task.module !== "set_fact" || Object.keys(outcome.facts).length === 0) return false;
  return isOn(task.parameters.find(({ key }) => key === "cacheable")?.value, pass.scope);
}

function warnOfSecret({ context, task }: RunningPass): void {
  context.emit({
    type: "warning",
    host: context.host,
    message: `${task.at.file}:${task.at.line}: a secret is in these facts, so they are not kept for the next run`,
  });
}

function keep(variables: HostVariables, { task }: RunningPass, outcome: Outcome): void {
  for (const [name, value] of Object.entries(outcome.facts)) variables.set(name, value);
  if (outcome.gathered !== undefined) variables.joinFacts(outcome.gathered);
  if (outcome.variables !== undefined) variables.include(outcome.variables);
  if (outcome.notRun === true && task.module === "set_fact") {
    for (const { key } of task.parameters) variables.setUnknown(key);
  }
}

/** `delegate_facts`: facts of a delegated task are those of the host that it was delegated to. */
async function variablesOfDelegate(running: RunningPass): Promise<HostVariables | undefined> {
  const { context, task, pass, delegatedTo } = running;
  const { delegateFacts } = task.keywords;
  if (delegatedTo === undefined || !isOn(delegateFacts, pass.scope)) return undefined;
  return context.hooks.variablesOf(delegatedTo);
}

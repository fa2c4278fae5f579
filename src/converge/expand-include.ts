import { loopVariables } from "../playbook/loop-variables.ts";
import type { Expansion, Include, Node } from "../playbook/playbook.ts";
import { evaluate } from "../variables/evaluate.ts";
import type { Scope } from "../variables/scope.ts";
import type { Value } from "../variables/value.ts";
import { handlerId } from "./handlers.ts";
import type { HostContext } from "./host-context.ts";
import { type Pass, passesOf } from "./passes.ts";
import { holds } from "./skip.ts";

/**
 * What an include comes to on this host with what is known of its variables now: for each item of its loop for which its `when` holds.
 *
 * @param isSkipped is told of the items for which it does not.
 * @throws DiagnosticsError for a name that leads nowhere, or a file that is wrong; PendingVariable.
 */
export async function expandInclude(
  context: HostContext,
  include: Include,
  scope: Scope,
  isSkipped: (pass: Pass) => void = () => undefined,
): Promise<Node[]> {
  const passes = passesOf(include.task, scope);
  const items = passes.map(({ item }) => item?.value ?? null);
  const nodes: Node[] = [];
  for (const pass of passes) {
    if (!holds(include.task, pass.scope)) {
      isSkipped(pass);
      continue;
    }
    const { nodes: loaded, handlers } = await expansionOf(context, include, pass, items);
    const known = new Set(context.play.handlers.map(handlerId));
    const fresh = handlers.filter((handler) => !known.has(handlerId(handler)));
    if (fresh.length > 0) context.play = { ...context.play, handlers: [...context.play.handlers, ...fresh] };
    nodes.push(...loaded);
  }
  return nodes;
}

/** The same name for the same item gives the same tasks: what was expanded while looking ahead is used when its turn comes. */
async function expansionOf(
  context: HostContext,
  include: Include,
  pass: Pass,
  items: readonly Value[],
): Promise<Expansion> {
  const target = String(evaluate(include.target, pass.scope));
  const { item } = pass;
  const key = JSON.stringify([include.task.id, target, item?.index, item?.value]);
  let expansion = context.expansions.get(key);
  if (expansion === undefined) {
    const { loop } = include.task;
    const seen = item === undefined || loop === undefined ? {} : loopVariables(loop, items, item.index);
    const variables = new Map(
      Object.entries(seen).map(([name, value]) => [name, { value: { kind: "literal" as const, value } }]),
    );
    expansion = await include.expand(
      target,
      item === undefined ? undefined : { index: item.index, variables },
    );
    context.expansions.set(key, expansion);
    for (const warning of expansion.warnings) context.hooks.tellOnce(warning);
  }
  return expansion;
}

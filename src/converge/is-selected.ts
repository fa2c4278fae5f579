import type { Include } from "../playbook/playbook.ts";
import type { HostContext } from "./host-context.ts";

/** Whether an include takes part. A block in a loop always does: each of its tasks has its tags, and is asked for itself. */
export function isSelected(context: HostContext, include: Include): boolean {
  return include.task.module === "block" || context.options.selects(include.task);
}

import { literalOf } from "../variables/evaluate.ts";
import type { Entries } from "./entries.ts";
import { expansionOf, sourced, withPass } from "./include.ts";
import type { LoadContext } from "./load-context.ts";
import { bareTask } from "./load-task.ts";
import { refuseBetweenItems } from "./loop.ts";
import { loopVariables } from "./loop-variables.ts";
import type { Block, Loop, Node } from "./playbook.ts";

interface LoopedBlock {
  entries: Entries;
  loop: Loop;
  load(inner: LoadContext): Promise<Block>;
}

/**
 * A block in a loop: all of its tasks for the first item, then all of them for the second. Where the items are written out it is as good as a block for
 * each; otherwise it waits for the host, and is checked all the same.
 */
export async function loadLoopedBlock(
  context: LoadContext,
  { entries, loop, load }: LoopedBlock,
): Promise<Node[]> {
  refuseBetweenItems(entries, loop);
  const items = literalOf(loop.items);
  if (Array.isArray(items)) {
    const blocks: Node[] = [];
    for (const index of items.keys()) {
      const variables = sourced(loopVariables(loop, items, index));
      blocks.push(await load(withPass(context, { index, variables })));
    }
    return blocks;
  }
  // The conditions of the block are asked by its tasks, as they are in a block without a loop.
  const task = { ...bareTask(context, entries, "block", context.inherited), notify: [] };
  return [
    {
      kind: "include",
      task,
      target: { kind: "literal", value: "" },
      inside: [await load(context)],
      expand: (_target, pass) =>
        expansionOf(context, async (outside) => [await load(withPass(outside, pass))]),
    },
  ];
}

import { type DiagnosticsError, inputError } from "../diagnostics/diagnostic.ts";
import type { Templated } from "../variables/templated.ts";
import { checkKeywords } from "./check-keywords.ts";
import { localConnection } from "./connection-keywords.ts";
import { describeTemplated, Entries } from "./entries.ts";
import { findModule } from "./find-module.ts";
import { inherit } from "./inherit.ts";
import { collecting, type LoadContext, startOf } from "./load-context.ts";
import { loadRoleUse } from "./load-role-use.ts";
import { loadTask } from "./load-task.ts";
import { loadTaskFile } from "./load-task-file.ts";
import { loopOf } from "./loop.ts";
import { loadLoopedBlock } from "./looped-block.ts";
import type { Block, Node } from "./playbook.ts";
import { present } from "./present.ts";

/**
 * Loads a list of tasks and blocks; what is wrong in one does not stop the others.
 *
 * @param what the list is, for messages.
 * @throws DiagnosticsError when it is no list
 */
export async function loadNodes(context: LoadContext, list: Templated, what: string): Promise<Node[]> {
  if (list.kind === "literal" && list.value === null) return [];
  const items = list.kind === "list" ? list.items : undefined;
  if (items === undefined) {
    throw inputError("wrong-type", `${what} must be a list of tasks, not ${describeTemplated(list)}`, {
      at: list.at ?? startOf(context.file),
      expected: "items that start with `- `",
    });
  }
  const nodes: Node[] = [];
  for (const item of items) {
    nodes.push(...((await collecting(context.state, () => loadNode(context, item))) ?? []));
  }
  return nodes;
}

async function loadNode(context: LoadContext, item: Templated): Promise<Node[]> {
  const entries = new Entries(item, "a task", item.at ?? startOf(context.file), context.state.problems);
  if (["block", "rescue", "always"].some((key) => entries.entry(key) !== undefined))
    return loadBlocks(context, entries);
  const named = findModule(entries, context.isHandler ? "handler" : "task");
  switch (named.name) {
    case "import_tasks":
    case "include_tasks":
      return loadTaskFile(context, entries, named);
    case "import_role":
    case "include_role":
      return loadRoleUse(context, entries, named);
    case "import_playbook":
      throw inputError("unknown-key", "`import_playbook` stands among the plays, not in one", {
        at: named.at,
        hint: "for a file of tasks write `import_tasks:`",
      });
    default:
      return [await loadTask(context, entries, named)];
  }
}

/** A block, or of a block in a loop one for each item. */
async function loadBlocks(context: LoadContext, entries: Entries): Promise<Node[]> {
  if (context.isHandler) {
    throw inputError("wrong-type", "a handler can't be a block", {
      at: entries.at,
      hint: "make a handler of each of its tasks, and let them `listen:` to one topic",
    });
  }
  if (entries.entry("block") === undefined) throw blockless(entries);
  checkKeywords(entries, "block");
  const loop = loopOf(entries);
  return loop === undefined
    ? [await loadBlock(context, entries)]
    : loadLoopedBlock(context, { entries, loop, load: (inner) => loadBlock(inner, entries) });
}

async function loadBlock(context: LoadContext, entries: Entries): Promise<Block> {
  const inner: LoadContext = {
    ...context,
    inherited: localConnection(entries, inherit(context.inherited, entries)),
    notify: [...context.notify, ...entries.wordings("notify")],
  };
  const part = async (key: "block" | "rescue" | "always"): Promise<Node[]> => {
    const list = entries.value(key);
    if (list === undefined) return [];
    return (await collecting(context.state, () => loadNodes(inner, list, `\`${key}\``))) ?? [];
  };
  return {
    kind: "block",
    id: `${context.idPrefix}${entries.at.file}:${entries.at.line}:${entries.at.column}`,
    ...present("name", entries.wording("name")),
    block: await part("block"),
    rescue: await part("rescue"),
    always: await part("always"),
    transaction: entries.boolean("transaction") === true,
    at: entries.at,
  };
}

function blockless(entries: Entries): DiagnosticsError {
  const key = entries.entry("rescue") === undefined ? "always" : "rescue";
  return inputError("missing-key", `\`${key}\` belongs to a \`block\`, and this has none`, {
    at: entries.keyPosition(key),
    hint: "put the tasks that it is for under `block:`",
  });
}

import type { SourceRange } from "../diagnostics/diagnostic.ts";
import type { Task } from "../playbook/playbook.ts";
import { literalOf } from "../variables/evaluate.ts";
import type { Templated } from "../variables/templated.ts";

const COMMANDS = new Set(["command", "shell", "raw"]);

/** The command of a `command`, `shell` or `raw`, templates as they are written. */
export function commandLineOf(task: Task): { text: string; at: SourceRange } | undefined {
  if (!COMMANDS.has(task.module)) return undefined;
  const given = new Map(task.parameters.map(({ key, value }) => [key, value]));
  const line = given.get("cmd") ?? given.get("_raw_params");
  if (line !== undefined) {
    const text = written(line);
    return text === undefined ? undefined : { text, at: line.at ?? task.at };
  }
  const argv = given.get("argv");
  if (argv?.kind !== "list") return undefined;
  return { text: argv.items.map((item) => written(item) ?? "").join(" "), at: argv.at ?? task.at };
}

function written(value: Templated): string | undefined {
  if (value.kind === "text") return value.template.source;
  const literal = literalOf(value);
  return typeof literal === "string" || typeof literal === "number" ? String(literal) : undefined;
}

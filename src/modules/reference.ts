import { z } from "zod";
import type { Module } from "./module.ts";
import { notTakenBy } from "./not-taken.ts";
import { undoneBy } from "./undone-by.ts";

interface ParameterSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  anyOf?: ParameterSchema[];
  items?: ParameterSchema;
}

/** The reference page of a module, from its own schema: as Markdown, and as JSON Schema. */
export function moduleReference(module: Module): { markdown: string; schema: unknown } {
  const schema = z.toJSONSchema(module.params as z.ZodType, { io: "input", unrepresentable: "any" }) as {
    properties?: Record<string, ParameterSchema>;
    required?: string[];
  };
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(schema.properties ?? {}).map(([name, parameter]) => {
    const fallback =
      parameter.default === undefined ? "" : ` Default: \`${JSON.stringify(parameter.default)}\`.`;
    const marks = required.has(name) ? " **required**" : "";
    return `- \`${name}\` (${typeOf(parameter)})${marks}: ${parameter.description ?? ""}${fallback}`;
  });
  const aliases =
    module.aliases === undefined
      ? ""
      : `\nAlso known as ${module.aliases.map((alias) => `\`${alias}\``).join(", ")}.\n`;
  const returns = Object.entries(module.returns ?? {}).map(([name, text]) => `- \`${name}\`: ${text}`);
  const refused = Object.entries(notTakenBy(module.name)).map(
    ([name, instead]) => `- \`${name}\`: ${instead}.`,
  );
  const undone = undoneBy(module);
  const parts = [
    `# ${module.name}`,
    "",
    `${module.summary}.`,
    aliases,
    ...(module.description === undefined ? [] : [module.description, ""]),
    "## Parameters",
    "",
    ...rows,
    "",
    "## Results",
    "",
    ...(returns.length === 0 ? ["Nothing of its own."] : returns),
    "",
    "Besides, what every task gives: `changed`, `failed`, `skipped`, `msg`, `attempts`.",
    "",
    ...(undone === undefined ? [] : ["## What undoes it", "", `${undone}.`, ""]),
    ...(refused.length === 0 ? [] : ["## Parameters of Ansible's that are not taken", "", ...refused, ""]),
    "## Examples",
    "",
    ...module.examples.flatMap(({ title, yaml }) => [`${title}:`, "", "```yaml", yaml.trimEnd(), "```", ""]),
  ];
  return { markdown: `${parts.join("\n").trimEnd()}\n`, schema };
}

function typeOf(parameter: ParameterSchema): string {
  if (parameter.enum !== undefined) return parameter.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (parameter.anyOf !== undefined) return [...new Set(parameter.anyOf.map(typeOf))].join(" or ");
  if (parameter.type === "array")
    return `list of ${parameter.items === undefined ? "anything" : typeOf(parameter.items)}`;
  return Array.isArray(parameter.type) ? parameter.type.join(" or ") : (parameter.type ?? "any");
}

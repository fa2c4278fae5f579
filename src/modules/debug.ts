import { z } from "zod";
import type { Value } from "../variables/value.ts";
import { defineModule } from "./module.ts";

const expression = z.object({ expression: z.string(), value: z.custom<Value>(() => true) });
const params = z.strictObject({
  msg: z
    .custom<Value>(() => true)
    .optional()
    .describe("What to show; a template, usually."),
  var: expression.optional().describe("An expression whose value is shown, such as a variable's name."),
  verbosity: z.number().int().min(0).optional().describe("Show it only with that many -v."),
});

export const debug = defineModule({
  name: "debug",
  summary: "Shows a text or a value",
  params,
  expressionParams: ["var"],
  examples: [
    { title: "A text", yaml: '- debug:\n    msg: "This is {{ inventory_hostname }}"\n' },
    { title: "A value", yaml: "- debug:\n    var: ansible_facts.default_ipv4\n" },
  ],
  queries: () => ({}),
  diff: ({ msg, var: shown, verbosity = 0 }) => {
    const value = shown === undefined ? (msg ?? "Hello world!") : shown.value;
    const text = typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
    const reason = shown === undefined ? text : `${shown.expression}: ${text}`;
    // Who shows it knows how much is to be shown.
    return { action: "none", reason, data: { msg: value, ...(verbosity === 0 ? {} : { verbosity }) } };
  },
  steps: () => [],
});

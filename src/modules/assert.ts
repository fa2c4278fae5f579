import { z } from "zod";
import type { Value } from "../variables/value.ts";
import { defineModule, ModuleFailure } from "./module.ts";

const expression = z.object({ expression: z.string(), value: z.custom<Value>(() => true) });
const params = z.strictObject({
  that: z.union([expression, z.array(expression)]).describe("Expressions that must all be true."),
  fail_msg: z.string().optional().describe("What to say when one is not."),
  msg: z.string().optional().describe("Another name for `fail_msg`."),
  success_msg: z.string().optional().describe("What to say when all are."),
  quiet: z.boolean().default(false).describe("Kept for Ansible's playbooks."),
});

export const assert = defineModule({
  name: "assert",
  summary: "Fails unless expressions are true",
  params,
  expressionParams: ["that"],
  examples: [
    {
      title: "Before anything is changed",
      yaml: '- assert:\n    that:\n      - ansible_facts.memtotal_mb >= 512\n      - ansible_facts.os_family == "Debian"\n    fail_msg: This host is too small\n',
    },
    { title: "One", yaml: "- assert:\n    that: length(play_hosts) > 1\n" },
  ],
  queries: () => ({}),
  diff: ({ that, fail_msg, msg, success_msg }) => {
    const wrong = [that].flat().filter(({ value }) => value !== true);
    const [first] = wrong;
    if (first !== undefined) {
      throw new ModuleFailure(fail_msg ?? msg ?? `not true: ${first.expression}`, {
        ...(typeof first.value === "boolean"
          ? {}
          : {
              hint: `\`${first.expression}\` is ${JSON.stringify(first.value)}, which is neither true nor false`,
            }),
        data: { assertion: first.expression },
      });
    }
    return { action: "none", reason: success_msg ?? "all assertions hold" };
  },
  steps: () => [],
});

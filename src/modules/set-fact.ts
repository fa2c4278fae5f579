import { z } from "zod";
import type { Value, ValueMap } from "../variables/value.ts";
import { defineModule } from "./module.ts";

/** What Ansible takes for true and false; `key=value` text knows no others. */
const FLAG = /^(true|yes|on|1|y|t|false|no|off|0|n|f)$/i;

const params = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of a variable" }),
    z.custom<Value>(() => true),
  )
  .refine((all) => Object.keys(all).some((name) => name !== "cacheable"), {
    error: "needs the name and the value of a variable",
  })
  .refine(({ cacheable = false }) => typeof cacheable !== "object" && FLAG.test(String(cacheable)), {
    error: "must be true or false",
    path: ["cacheable"],
  });

export const setFact = defineModule({
  name: "set_fact",
  summary: "Sets variables of the host, from here on",
  params,
  inCheckMode: "run",
  examples: [
    { title: "A value", yaml: '- set_fact:\n    primary: "{{ first groups.postgresql }}"\n' },
    {
      title: "A computed value",
      yaml: "- set_fact:\n    pool_size: !expr ansible_facts.processor_vcpus * 4\n",
    },
  ],
  returns: { ansible_facts: "The variables that were set." },
  queries: () => ({}),
  diff: (want) => ({
    action: "run",
    summary: `set ${Object.keys(want).join(", ")}`,
    differences: [],
    detail: undefined,
  }),
  steps: () => [],
  result: (want) => {
    const { cacheable: _cacheable, ...facts } = want;
    return {
      changed: false,
      message: `set ${Object.keys(facts).join(", ")}`,
      facts: facts as ValueMap,
      data: { ansible_facts: facts as ValueMap },
    };
  },
});

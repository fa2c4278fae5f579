import { z } from "zod";
import type { Value, ValueMap } from "../variables/value.ts";
import { defineModule } from "./module.ts";

const params = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of a variable" }),
  z.custom<Value>(() => true),
);

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

import { z } from "zod";
import { defineModule, ModuleFailure } from "./module.ts";

const params = z.strictObject({ msg: z.string().default("Failed as the playbook says").describe("Why.") });

export const fail = defineModule({
  name: "fail",
  summary: "Fails, with a message",
  params,
  examples: [
    {
      title: "Where nothing else will do",
      yaml: '- fail:\n    msg: Debian 11 is no longer supported\n  when: ansible_facts.distribution_release == "bullseye"\n',
    },
    { title: "In a rescue", yaml: "- fail:\n    msg: The new version does not start\n" },
  ],
  queries: () => ({}),
  diff: ({ msg }) => {
    throw new ModuleFailure(msg);
  },
  steps: () => [],
});

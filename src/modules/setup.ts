import { z } from "zod";
import { factsIn, isFactSubset } from "../queries/fact-subsets.ts";
import { facts } from "../queries/facts.ts";
import type { ValueMap } from "../variables/value.ts";
import { defineModule } from "./module.ts";

const params = z.strictObject({
  filter: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .describe("Only facts whose names match one of these, with `*` and `?`; `ansible_` may stand in front."),
  gather_subset: z
    .union([z.string(), z.array(z.string())])
    .default("all")
    .refine((words) => wordsOf(words).every(isFactSubset), {
      error: "must be of all, min, hardware, network, virtual; with ! in front to leave one out",
    })
    .describe("Which facts: all, min, hardware, network, virtual; `!network` leaves one out."),
});

const wordsOf = (given: string | string[]): string[] => [given].flat().flatMap((word) => word.split(","));

export const setup = defineModule<z.infer<typeof params>, { facts: ReturnType<typeof facts> }, ValueMap>({
  name: "setup",
  aliases: ["gather_facts"],
  summary: "Gathers the host's facts anew",
  description:
    "Facts come with the first round trip of every run; this is for when a task has changed something that they tell, or for a play with `gather_facts: false`. With `delegate_to` and `delegate_facts: true` it gathers those of other hosts.",
  params,
  inCheckMode: "run",
  examples: [
    {
      title: "After a package has brought a newer systemd",
      yaml: "- package:\n    name: systemd\n    state: latest\n- setup:\n",
    },
    {
      title: "Of hosts that this play does not run on",
      yaml: '- setup:\n    gather_subset: [min, network]\n  delegate_to: "{{ item }}"\n  delegate_facts: true\n  loop: "{{ groups.databases }}"\n',
    },
    { title: "Only what belongs to memory", yaml: "- setup:\n    filter: '*mem*'\n" },
  ],
  returns: { ansible_facts: "The facts, by their names without `ansible_`." },
  queries: () => ({ facts: facts("all", "login") }),
  diff: ({ filter, gather_subset: subset }, answers) => {
    const patterns = [filter].flat().map(patternOf);
    const wanted = Object.entries(factsIn(answers.facts, wordsOf(subset))).filter(
      ([name]) => patterns.length === 0 || patterns.some((pattern) => pattern.test(name)),
    );
    return {
      action: "run",
      summary: `gathered ${wanted.length} facts`,
      differences: [],
      detail: Object.fromEntries(wanted),
    };
  },
  steps: () => [],
  result: (_want, _outputs, { detail, summary }) => ({
    changed: false,
    message: summary,
    gathered: detail,
    data: { ansible_facts: detail },
  }),
});

/** fnmatch(3) as far as names need it. */
function patternOf(text: string): RegExp {
  const escaped = text.replace(/^ansible_/, "").replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

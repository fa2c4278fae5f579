import { z } from "zod";
import { waitSeconds } from "./connect-through.ts";
import { defineModule } from "./module.ts";

const params = z
  .strictObject({
    prompt: z
      .never({
        error:
          "is not taken: a run asks nobody while hosts wait. `vars_prompt` asks before it starts, `--step` before each task; two runs with --tags do what comes before and after somebody has looked",
      })
      .optional()
      .describe("Not taken: see `vars_prompt` and `--step`."),
    seconds: z.number().min(0).optional().describe("How long."),
    minutes: z.number().min(0).optional().describe("How long."),
  })
  .refine((all) => all.seconds !== undefined || all.minutes !== undefined, {
    error: "give `seconds` or `minutes`",
    path: ["seconds"],
  });

const length = ({ seconds = 0, minutes = 0 }: z.infer<typeof params>): number => seconds + minutes * 60;

export const pause = defineModule({
  name: "pause",
  summary: "Waits",
  params,
  examples: [
    { title: "Seconds", yaml: "- pause:\n    seconds: 2\n" },
    { title: "Minutes", yaml: "- pause:\n    minutes: 1\n" },
  ],
  queries: () => ({}),
  diff: (want, _answers, { checkMode }) => {
    // Nothing is under way that would need the time.
    if (checkMode) return { action: "none", reason: `would wait ${length(want)} s` };
    return { action: "run", summary: `wait ${length(want)} s`, differences: [], detail: undefined };
  },
  touches: () => [],
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      timeoutMs: (length(want) + 60) * 1000,
      run: async (host) => {
        await waitSeconds(length(want), host);
        return {};
      },
    },
  ],
  result: (_want, _outputs, change) => ({ changed: false, message: change.summary }),
});

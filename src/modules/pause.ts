import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { defineModule } from "./module.ts";

const params = z
  .strictObject({
    seconds: z.number().min(0).optional().describe("How long."),
    minutes: z.number().min(0).optional().describe("How long."),
  })
  .refine((all) => all.seconds !== undefined || all.minutes !== undefined, {
    error: "give `seconds` or `minutes`",
    path: ["seconds"],
  });

export const pause = defineModule({
  name: "pause",
  summary: "Waits",
  params,
  examples: [
    { title: "Seconds", yaml: "- pause:\n    seconds: 5\n" },
    { title: "Minutes", yaml: "- pause:\n    minutes: 1\n" },
  ],
  queries: () => ({}),
  diff: ({ seconds = 0, minutes = 0 }) => ({
    action: "run",
    summary: `wait ${seconds + minutes * 60} s`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, { seconds = 0, minutes = 0 }) => [
    {
      kind: "controller",
      title: change.summary,
      run: async (host) => {
        // An interrupted run need not wait to the end.
        await wait((seconds + minutes * 60) * 1000, undefined, { signal: host.signal }).catch(
          () => undefined,
        );
        return {};
      },
    },
  ],
  result: (_want, _outputs, change) => ({ changed: false, message: change.summary }),
});

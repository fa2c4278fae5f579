import { z } from "zod";
import { defineModule, ModuleFailure } from "./module.ts";
import type { StepHost } from "./step.ts";

/** As long as timers of the controller can wait. */
const MOST_SECONDS = 24 * 24 * 3600;

const params = z
  .strictObject({
    prompt: z
      .string()
      .optional()
      .describe(
        "What somebody at the terminal is asked. Hosts of a batch that come to the same question are asked once, and all have the answer.",
      ),
    echo: z.boolean().default(true).describe("Whether what is typed can be seen. What can't is a secret."),
    seconds: z
      .number()
      .min(0)
      .optional()
      .describe("How long. With `prompt`: it goes on by itself after this time; nobody has to be there."),
    minutes: z.number().min(0).optional().describe("The same in minutes."),
  })
  .refine((all) => all.seconds === undefined || all.minutes === undefined, {
    error: "give `seconds` or `minutes`",
    path: ["minutes"],
  })
  .refine((all) => (lengthOf(all) ?? 0) <= MOST_SECONDS, {
    error: "is more than 24 days",
    path: ["seconds"],
  });

type Params = z.infer<typeof params>;

interface Length {
  seconds?: number | undefined;
  minutes?: number | undefined;
}

/** In seconds; undefined: until somebody answers. */
function lengthOf({ seconds, minutes }: Length): number | undefined {
  return minutes === undefined ? seconds : minutes * 60;
}

const asks = (want: Params): boolean => want.prompt !== undefined || lengthOf(want) === undefined;

/** What came of it, for `register`. */
interface Paused {
  start: string;
  stop: string;
  delta: number;
  user_input: string;
}

export const pause = defineModule({
  name: "pause",
  summary: "Waits: for some time, or for somebody",
  description:
    "Without a time it waits until somebody presses Enter at the terminal; without a terminal that is an error. Ctrl-C ends the run as it does elsewhere: the next run begins where it is needed. While it waits, the hosts stay connected and locked.",
  params,
  examples: [
    { title: "Seconds", yaml: "- pause:\n    seconds: 2\n" },
    { title: "Minutes", yaml: "- pause:\n    minutes: 1\n" },
    {
      title: "Somebody may have a look; it goes on by itself after a while",
      yaml: "- pause:\n    prompt: Look at the graphs, then press Enter\n    seconds: 5\n",
    },
  ],
  returns: {
    user_input: "What was typed.",
    start: "When it began to wait.",
    stop: "When it went on.",
    delta: "Seconds in between.",
    echo: "Whether what was typed could be seen.",
  },
  queries: () => ({}),
  diff: (want, _answers, { checkMode }) => {
    const length = lengthOf(want);
    const waits = length === undefined ? "" : `wait ${length} s`;
    // Nothing is under way that would need the time.
    if (checkMode && !asks(want)) return { action: "none", reason: `would ${waits}` };
    const summary = asks(want) ? `ask${waits === "" ? "" : `, and ${waits} at most`}` : waits;
    return { action: "run", summary, differences: [], detail: undefined };
  },
  touches: () => [],
  steps: (change, want) => [
    {
      kind: "controller",
      title: change.summary,
      timeoutMs: ((lengthOf(want) ?? MOST_SECONDS) + 60) * 1000,
      run: async (host) => {
        const start = new Date();
        const startedMs = performance.now();
        const typed = await waited(want, host);
        const stop = new Date();
        const paused: Paused = {
          start: start.toISOString(),
          stop: stop.toISOString(),
          delta: Math.round((performance.now() - startedMs) / 1000),
          user_input: typed,
        };
        return { output: { title: change.summary, data: paused } };
      },
    },
  ],
  result: (want, outputs, change) => {
    const paused = outputs[0]?.data as Paused;
    return { changed: false, message: change.summary, data: { ...paused, echo: want.echo } };
  },
});

/** @returns what was typed; nothing where the time was over before. */
async function waited(want: Params, host: StepHost): Promise<string> {
  const length = lengthOf(want);
  if (!asks(want) || (host.ask === undefined && length !== undefined)) {
    await host.wait(length ?? 0);
    return "";
  }
  if (host.ask === undefined)
    throw new ModuleFailure("there is no terminal to ask on", {
      hint: "run it where somebody can answer, give it `seconds` or `minutes`, or leave the task out with --skip-tags",
    });
  const over = new AbortController();
  const question = { text: want.prompt ?? "Press Enter to go on, Ctrl-C to stop", echo: want.echo };
  const answer = host.ask(question, over.signal);
  if (length === undefined) return answer;
  try {
    return await Promise.race([answer, host.wait(length, over.signal).then(() => "")]);
  } finally {
    over.abort();
    answer.catch(() => undefined);
  }
}

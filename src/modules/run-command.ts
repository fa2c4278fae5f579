import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change } from "./change.ts";
import { COMMAND_RETURNS, commandResult } from "./command-result.ts";
import { defineModule, type ModuleExample } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

/** Parameters that all modules which run something have. */
export const runParams = {
  chdir: absolutePath.optional().describe("Directory in which it runs; if it is not there, nothing runs."),
  creates: absolutePath.optional().describe("It runs only if this path is not there."),
  removes: absolutePath.optional().describe("It runs only if this path is there."),
  stdin: z.string().optional().describe("Its standard input; without, it has none."),
};

interface RunParams {
  chdir?: string | undefined;
  creates?: string | undefined;
  removes?: string | undefined;
  stdin?: string | undefined;
}

/** A module that runs something whose effect nobody can ask about: it runs every time, unless `creates` or `removes` says that it has run already. */
export function defineRunModule<Params extends RunParams>(definition: {
  name: string;
  summary: string;
  description?: string;
  params: z.ZodType<Params>;
  freeForm: keyof Params & string;
  examples: readonly ModuleExample[];
  what(want: Params): { title: string; script: ShellText };
}) {
  return defineModule({
    ...definition,
    returns: COMMAND_RETURNS,
    queries: (want: Params) => ({
      creates: pathState({ path: want.creates ?? "/" }),
      removes: pathState({ path: want.removes ?? "/" }),
    }),
    diff: (want: Params, { creates, removes }): Change<undefined> => {
      if (want.creates !== undefined && creates.type !== "absent")
        return { action: "none", reason: `${want.creates} is there` };
      if (want.removes !== undefined && removes.type === "absent")
        return { action: "none", reason: `${want.removes} is not there` };
      return {
        action: "run",
        summary: `run ${definition.what(want).title}`,
        differences: [],
        detail: undefined,
      };
    },
    steps: (_change, want: Params) => {
      const { title, script } = definition.what(want);
      return [
        {
          kind: "script" as const,
          title,
          script: want.chdir === undefined ? script : shellLines(sh`cd -- ${want.chdir} || exit 1`, script),
          succeedsWith: "any" as const,
          ...(want.stdin === undefined ? {} : { stdin: Buffer.from(want.stdin) }),
        },
      ];
    },
    result: (_want, outputs) => commandResult(outputs),
  });
}

/** A command for a title: one line, not too long. */
export function shortened(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

import { z } from "zod";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { STATE_DIRECTORY } from "../shell/state-directory.ts";
import { COMMAND_RETURNS, commandResult } from "./command-result.ts";
import { defineLoadingModule } from "./module.ts";
import {
  inDirectory,
  MARKERS_HAVE_PLACE,
  markersHavePlace,
  shortened,
  whetherParams,
  whetherQueries,
  whetherToRun,
  withoutNul,
} from "./run-command.ts";
import { commandFault, splitCommand } from "./split-command.ts";
import type { ControllerFile } from "./step.ts";

const params = z
  .strictObject({
    cmd: withoutNul
      .superRefine((text, context) => {
        const fault = commandFault(text);
        if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
      })
      .describe(
        "A script on the controller (in the role's `files/`, or beside the playbook), and its arguments.",
      ),
    executable: withoutNul.min(1).optional().describe("What runs it; without, its own first line says so."),
    ...whetherParams,
  })
  .refine(markersHavePlace, MARKERS_HAVE_PLACE);

interface Input {
  want: z.infer<typeof params>;
  file: ControllerFile;
  bytes: Buffer;
  args: string[];
}

/** Of root in Plumb's state directory, of others in theirs: /tmp may forbid that anything in it is run. What a killed run left goes after a day. */
const WORK_DIRECTORY = shellLines(
  rawShell("umask 077"),
  STATE_DIRECTORY,
  rawShell('mkdir -p -- "$state/scripts" || exit 1'),
  rawShell('find "$state/scripts" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf -- {} +'),
  rawShell('work=$(mktemp -d -- "$state/scripts/run.XXXXXXXXXX") || exit 1'),
  rawShell(`trap 'rm -rf -- "$work"' EXIT`),
  rawShell("trap 'exit 1' HUP INT TERM"),
  rawShell('cat > "$work/script" && chmod 0700 "$work/script" || exit 1'),
);

export const script = defineLoadingModule<
  z.infer<typeof params>,
  Input,
  ReturnType<typeof whetherQueries>,
  undefined
>({
  name: "script",
  summary: "Runs a script of the controller on the host",
  description:
    "The script is copied into Plumb's own folder on the host, run, and removed. It runs every time and counts as a change: say with `creates`, `removes` or `changed_when` when it does not.",
  params,
  freeForm: "cmd",
  examples: [
    {
      title: "With arguments",
      yaml: "- script: files/migrate.sh --to 42\n  args:\n    creates: /var/lib/app/migrated-42\n",
    },
    { title: "By another interpreter", yaml: "- script:\n    cmd: files/report.pl\n    executable: perl\n" },
  ],
  returns: COMMAND_RETURNS,
  load: async (want, controller) => {
    const [name = "", ...args] = splitCommand(want.cmd);
    const file = await controller.file(name, "files");
    return { want, file, bytes: await file.read(), args };
  },
  queries: ({ want }) => whetherQueries(want),
  diff: ({ want }, at) => whetherToRun(want, at, shortened(want.cmd)),
  steps: (change, { want, bytes, args }) => [
    {
      kind: "script",
      title: change.summary,
      stdin: bytes,
      succeedsWith: "any",
      isUsersOwn: true,
      script: shellLines(
        WORK_DIRECTORY,
        // Not `exec`: the shell has to be there still to remove the script.
        inDirectory(want.chdir, sh`${splitCommand(want.executable ?? "")} "$work/script" ${args} </dev/null`),
      ),
    },
  ],
  result: (_want, outputs) => commandResult(outputs),
});

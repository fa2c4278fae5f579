import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { COMMAND_RETURNS, commandResult } from "./command-result.ts";
import { defineLoadingModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import { splitCommand } from "./split-command.ts";
import type { ControllerFile } from "./step.ts";

const params = z.strictObject({
  cmd: z
    .string()
    .min(1)
    .describe(
      "A script on the controller (in the role's `files/`, or beside the playbook), and its arguments.",
    ),
  executable: z.string().optional().describe("What runs it; without, its own first line says so."),
  chdir: absolutePath.optional().describe("Directory in which it runs."),
  creates: absolutePath.optional().describe("It runs only if this path is not there."),
  removes: absolutePath.optional().describe("It runs only if this path is there."),
});

interface Input {
  want: z.infer<typeof params>;
  file: ControllerFile;
  bytes: Buffer;
  args: string[];
}

export const script = defineLoadingModule<
  z.infer<typeof params>,
  Input,
  { creates: ReturnType<typeof pathState>; removes: ReturnType<typeof pathState> },
  undefined
>({
  name: "script",
  summary: "Runs a script of the controller on the host",
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
  queries: ({ want }) => ({
    creates: pathState({ path: want.creates ?? "/" }),
    removes: pathState({ path: want.removes ?? "/" }),
  }),
  diff: ({ want }, { creates, removes }) => {
    if (want.creates !== undefined && creates.type !== "absent")
      return { action: "none", reason: `${want.creates} is there` };
    if (want.removes !== undefined && removes.type === "absent")
      return { action: "none", reason: `${want.removes} is not there` };
    return { action: "run", summary: `run ${want.cmd}`, differences: [], detail: undefined };
  },
  steps: (_change, { want, bytes, args }) => [
    {
      kind: "script",
      title: `run ${want.cmd}`,
      stdin: bytes,
      succeedsWith: "any",
      script: shellLines(
        rawShell("umask 077; work=$(mktemp -d) || exit 1"),
        rawShell(`trap 'rm -rf -- "$work"' EXIT`),
        rawShell('cat > "$work/script" && chmod 0700 "$work/script" || exit 1'),
        want.chdir === undefined ? undefined : sh`cd -- ${want.chdir} || exit 1`,
        sh`${want.executable === undefined ? rawShell("") : rawShell(want.executable)} "$work/script" ${args} </dev/null`,
      ),
    },
  ],
  result: (_want, outputs) => commandResult(outputs),
});

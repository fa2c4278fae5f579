import { z } from "zod";
import { type PathState, pathState } from "../queries/path-state.ts";
import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import type { Change } from "./change.ts";
import { COMMAND_RETURNS, commandResult, NOTHING_RAN } from "./command-result.ts";
import { defineModule, type ModuleExample } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

/** Text that a shell word or a command's input can hold. */
export const withoutNul = z
  .string()
  .refine((text) => !text.includes("\0"), { error: "must not contain a NUL character" });

/** A path whose being there says whether something has run already. Relative to `chdir`, where that is given. */
const markerPath = withoutNul.min(1).refine((path) => !/[*?]/.test(path), {
  error: "must be a path: patterns with * and ? have no meaning here",
});

/** Parameters that decide whether a command has to run, and where. */
export const whetherParams = {
  chdir: absolutePath.optional().describe("Directory in which it runs; if it is not there, nothing runs."),
  creates: markerPath.optional().describe("It runs only if this path is not there."),
  removes: markerPath.optional().describe("It runs only if this path is there."),
};

/** Parameters that all modules which run something have. */
export const runParams = {
  ...whetherParams,
  stdin: withoutNul.optional().describe("Its standard input; without, it has none."),
  stdin_add_newline: z.boolean().default(true).describe("End the standard input with a line end."),
  strip_empty_ends: z.boolean().default(true).describe("Leave out line ends at the end of the output."),
};

export interface WhetherParams {
  chdir?: string | undefined;
  creates?: string | undefined;
  removes?: string | undefined;
}

interface RunParams extends WhetherParams {
  stdin?: string | undefined;
  stdin_add_newline: boolean;
  strip_empty_ends: boolean;
}

/** A marker that is not absolute needs a directory that it is relative to. */
export function markersHavePlace({ chdir, creates, removes }: WhetherParams): boolean {
  return (
    chdir !== undefined || [creates, removes].every((path) => path === undefined || path.startsWith("/"))
  );
}

export const MARKERS_HAVE_PLACE = {
  error: "`creates` and `removes` must be absolute paths (starting with /), or relative to `chdir`",
  path: ["creates"],
};

function placed(path: string | undefined, chdir: string | undefined): string {
  if (path === undefined) return "/";
  return path.startsWith("/") ? path : `${chdir ?? ""}/${path}`;
}

/** What has to be known to say whether it runs. */
export const whetherQueries = ({ creates, removes, chdir }: WhetherParams) => ({
  creates: pathState({ path: placed(creates, chdir) }),
  removes: pathState({ path: placed(removes, chdir) }),
});

/** Whether it runs: every time, unless `creates` or `removes` says that it has run already. */
export function whetherToRun(
  want: WhetherParams,
  at: { creates: PathState; removes: PathState },
  title: string,
): Change<undefined> {
  if (want.creates !== undefined && at.creates.type !== "absent")
    return { action: "none", reason: `${want.creates} is there`, data: { ...NOTHING_RAN } };
  if (want.removes !== undefined && at.removes.type === "absent")
    return { action: "none", reason: `${want.removes} is not there`, data: { ...NOTHING_RAN } };
  return { action: "run", summary: `run ${title}`, differences: [], detail: undefined };
}

/** The script in its directory. */
export function inDirectory(chdir: string | undefined, script: ShellText): ShellText {
  return chdir === undefined ? script : shellLines(sh`cd -- ${chdir} || exit 1`, script);
}

/** A module that runs something whose effect nobody can ask about. */
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
    queries: (want: Params) => whetherQueries(want),
    diff: (want: Params, at) => whetherToRun(want, at, definition.what(want).title),
    steps: (_change, want: Params) => {
      const { title, script } = definition.what(want);
      const { stdin, stdin_add_newline: addNewline } = want;
      const input = stdin !== undefined && addNewline && !stdin.endsWith("\n") ? `${stdin}\n` : stdin;
      return [
        {
          kind: "script" as const,
          title,
          script: inDirectory(want.chdir, script),
          succeedsWith: "any" as const,
          isUsersOwn: true as const,
          ...(input === undefined ? {} : { stdin: Buffer.from(input) }),
        },
      ];
    },
    result: (want: Params, outputs) => commandResult(outputs, want.strip_empty_ends),
  });
}

/**
 * Text for another shell than /bin/sh. Shells get it in a variable that they take away before they run it: what stands in argv can be read by every
 * user of the host. What is no shell (an interpreter) gets it behind `-c`, as in Ansible.
 */
export function byExecutable(executable: string, text: string): ShellText {
  if (!/\/(ba|da|k|mk|z|a)?sh$/.test(executable)) return sh`exec ${executable} -c ${text}`;
  const run = 'plumb_text_=$plumb_text; unset plumb_text; eval "$plumb_text_"';
  return shellLines(sh`plumb_text=${text}`, rawShell("export plumb_text"), sh`exec ${executable} -c ${run}`);
}

/** A command for a title: one line, not too long. */
export function shortened(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

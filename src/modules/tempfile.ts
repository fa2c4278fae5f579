import { z } from "zod";
import { SAFE_FOLDER } from "../shell/safe-folder.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const namePart = z
  .string()
  .max(100)
  .regex(/^[^/\0\n]*$/, { error: "must be a part of a file name: no `/`" });

const params = z.strictObject({
  state: z.enum(["file", "directory"]).default("file").describe("What is made."),
  path: absolutePath
    .optional()
    .describe("The directory in which it is made. Without: the host's TMPDIR, or /tmp."),
  prefix: namePart.default("ansible.").describe("What its name begins with."),
  suffix: namePart.default("").describe("What its name ends with."),
});

export const tempfile = defineModule({
  name: "tempfile",
  summary: "A new file or directory with a name that nobody has",
  description:
    "It is made every time and only its owner may use it. Nobody removes it: do so with `file: state: absent` on the registered path, in an `always:`.",
  params,
  examples: [
    {
      title: "Work in a directory that goes in the end",
      yaml: '- tempfile:\n    state: directory\n    suffix: .build\n  register: work\n- file:\n    path: "{{ work.path }}"\n    state: absent\n  when: work.changed\n',
    },
    { title: "A file", yaml: "- tempfile:\n    prefix: dump.\n    path: /var/tmp\n  register: dump\n" },
  ],
  returns: { path: "Its path.", state: "file or directory.", owner: "Whose it is.", mode: "Its mode." },
  queries: () => ({}),
  diff: ({ state }) => ({
    action: "run",
    summary: `make a temporary ${state}`,
    differences: [],
    detail: undefined,
  }),
  steps: (change, { state, path, prefix, suffix }) => [
    {
      kind: "script",
      title: change.summary,
      script: shellLines(
        rawShell("set -eu; umask 077"),
        path === undefined
          ? rawShell('directory="${TMPDIR:-/tmp}"')
          : shellLines(SAFE_FOLDER, sh`directory=${path}; ( plumb_enter "$directory" )`),
        sh`name=$(mktemp ${state === "directory" ? ["-d"] : []} --suffix=${suffix} -- "$directory"/${prefix}XXXXXXXXXX)`,
        rawShell(`stat --printf '%n\\0%U\\0%a' -- "$name"`),
      ),
    },
  ],
  result: ({ state }, outputs) => {
    const [path = "", owner = "", mode = ""] = (outputs[0]?.exec?.stdout.toString() ?? "").split("\0");
    return {
      changed: true,
      message: `made ${path}`,
      data: { path, state, owner, mode: mode.padStart(4, "0") },
    };
  },
});

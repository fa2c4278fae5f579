import { z } from "zod";
import { rawShell } from "../shell/shell-text.ts";
import { absolutePath } from "./parameter-types.ts";
import {
  byExecutable,
  defineRunModule,
  MARKERS_HAVE_PLACE,
  markersHavePlace,
  runParams,
  shortened,
  withoutNul,
} from "./run-command.ts";

const params = z
  .strictObject({
    cmd: withoutNul
      .min(1)
      .describe("Text for the shell. Values from variables need quoting: {{ quote name }}."),
    executable: absolutePath.optional().describe("Another shell than /bin/sh."),
    ...runParams,
  })
  .refine(markersHavePlace, MARKERS_HAVE_PLACE);

export const shell = defineRunModule<z.infer<typeof params>>({
  name: "shell",
  summary: "Runs text in a shell",
  description:
    "It runs every time and counts as a change: say with `creates`, `removes` or `changed_when` when it does not.",
  params,
  freeForm: "cmd",
  examples: [
    { title: "A pipe", yaml: "- shell: dmesg | tail -n 5\n  register: kernel\n  changed_when: false\n" },
    {
      title: "Once, in another shell",
      yaml: "- shell:\n    cmd: 'shopt -s nullglob; rm -f /var/tmp/*.old'\n    executable: /bin/bash\n",
    },
  ],
  what: ({ cmd, executable }) => ({
    title: shortened(cmd),
    script: executable === undefined ? rawShell(cmd) : byExecutable(executable, cmd),
  }),
});

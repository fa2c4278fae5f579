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
    cmd: withoutNul.min(1).describe("Text for the shell."),
    executable: absolutePath.optional().describe("Another shell than /bin/sh."),
    ...runParams,
  })
  .refine(markersHavePlace, MARKERS_HAVE_PLACE);

export const raw = defineRunModule<z.infer<typeof params>>({
  name: "raw",
  summary: "Runs text in a shell, as `shell` does",
  description:
    "Ansible needs `raw` for hosts without Python. Plumb needs no Python anywhere, so this is `shell` under the name that playbooks have.",
  params,
  freeForm: "cmd",
  examples: [
    { title: "As in Ansible", yaml: "- raw: uname -a\n  changed_when: false\n" },
    {
      title: "Only where it is needed",
      yaml: "- raw: apt-get install -y python3\n  args:\n    creates: /usr/bin/python3\n",
    },
  ],
  what: ({ cmd, executable }) => ({
    title: shortened(cmd),
    script: executable === undefined ? rawShell(cmd) : byExecutable(executable, cmd),
  }),
});

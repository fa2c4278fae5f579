import { z } from "zod";
import { rawShell } from "../shell/shell-text.ts";
import { defineRunModule, runParams, shortened } from "./run-command.ts";

const params = z.strictObject({
  cmd: z.string().min(1).describe("Text for the shell."),
  ...runParams,
});

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
  what: ({ cmd }) => ({ title: shortened(cmd), script: rawShell(cmd) }),
});

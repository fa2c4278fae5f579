import { z } from "zod";
import { sh } from "../shell/shell-text.ts";
import {
  defineRunModule,
  MARKERS_HAVE_PLACE,
  markersHavePlace,
  runParams,
  shortened,
  withoutNul,
} from "./run-command.ts";
import { commandFault, splitCommand } from "./split-command.ts";

const commandLine = withoutNul.superRefine((text, context) => {
  const fault = commandFault(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

const params = z
  .strictObject({
    cmd: commandLine
      .optional()
      .describe(
        "The command and its arguments. No shell reads it: `|`, `>` and `$` are ordinary characters.",
      ),
    argv: z
      .array(z.union([withoutNul, z.number()]))
      .min(1)
      .optional()
      .describe("The same as a list."),
    ...runParams,
  })
  .refine((all) => (all.cmd === undefined) !== (all.argv === undefined), {
    error: "give either `cmd` or `argv`",
    path: ["cmd"],
  })
  .refine(markersHavePlace, MARKERS_HAVE_PLACE);

type Params = z.infer<typeof params>;

const wordsOf = ({ cmd, argv }: Params): string[] =>
  argv === undefined ? splitCommand(cmd ?? "") : argv.map(String);

export const command = defineRunModule<Params>({
  name: "command",
  summary: "Runs a command, without a shell",
  description:
    "It runs every time and counts as a change: say with `creates`, `removes` or `changed_when` when it does not. Where a module does the job, take the module.",
  params,
  freeForm: "cmd",
  examples: [
    {
      title: "Once",
      yaml: "- command: ssh-keygen -q -t ed25519 -N '' -f /etc/app/deploy_key\n  args:\n    creates: /etc/app/deploy_key\n",
    },
    { title: "To look at something", yaml: "- command: uptime\n  register: up\n  changed_when: false\n" },
  ],
  what: (want) => ({ title: shortened(wordsOf(want).join(" ")), script: sh`exec ${wordsOf(want)}` }),
});

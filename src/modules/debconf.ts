import { z } from "zod";
import { type DebconfValue, debconfValue } from "../queries/debconf-value.ts";
import { rawShell, sh } from "../shell/shell-text.ts";
import { defineLoadingModule } from "./module.ts";
import type { Step } from "./step.ts";

const word = z.string().regex(/^\S+$/, { error: "must be without blanks" });
const TYPES = [
  "boolean",
  "error",
  "multiselect",
  "note",
  "password",
  "seen",
  "select",
  "string",
  "text",
  "title",
] as const;

const params = z
  .strictObject({
    name: word.describe("The package whose question it is."),
    question: word.describe("The question, such as tzdata/Areas."),
    vtype: z
      .enum(TYPES)
      .optional()
      .describe("The type of the answer; `seen` sets only whether it was asked."),
    value: z
      .union([z.string().regex(/^[^\n]*$/, { error: "must be one line" }), z.boolean(), z.number()])
      .transform(String)
      .optional()
      .describe("The answer. With `vtype: password` it is secret."),
    unseen: z.boolean().default(false).describe("Leave it to be asked, with this answer proposed."),
    state: z
      .enum(["present", "absent"])
      .default("present")
      .describe("`absent`: the package's own answer counts again, and the question may be asked."),
  })
  .refine(({ state, vtype, value }) => state === "absent" || (vtype !== undefined && value !== undefined), {
    error: "give the answer: `vtype` and `value`",
    path: ["value"],
  });

type Params = z.infer<typeof params>;

export const debconf = defineLoadingModule<
  Params,
  Params,
  { at: ReturnType<typeof debconfValue> },
  undefined
>({
  name: "debconf",
  summary: "Answers to the questions that a Debian package asks when it is installed",
  description:
    "Set before the package is installed, or followed by a handler that runs `dpkg-reconfigure --frontend noninteractive PACKAGE`. Answers travel on standard input, never as arguments.",
  params,
  examples: [
    {
      title: "Before the installation",
      yaml: "- debconf:\n    name: postfix\n    question: postfix/main_mailer_type\n    vtype: select\n    value: Satellite system\n",
    },
    {
      title: "As the package has it",
      yaml: "- debconf:\n    name: postfix\n    question: postfix/main_mailer_type\n    state: absent\n",
    },
  ],
  returns: { previous: "The answer before; not of a password." },
  load: async (want, controller) => {
    if (want.vtype === "password" && want.value !== undefined) controller.addSecret(want.value);
    return want;
  },
  queries: ({ question }) => ({ at: debconfValue(question) }),
  diff: (want, { at }) => {
    const before = at.exists ? at.value : undefined;
    const secret = want.vtype === "password";
    const data = secret || before === undefined ? {} : { previous: before };
    if (isSo(want, at)) return { action: "none", reason: `${want.question} is answered so`, data };
    if (want.state === "absent")
      return {
        action: "delete",
        summary: `forget the answer to ${want.question}`,
        differences: [{ kind: "field", name: want.question, before: "answered", after: "absent" }],
        detail: undefined,
      };
    const after = want.vtype === "seen" ? `seen: ${want.value ?? ""}` : (want.value ?? "");
    return {
      action: at.exists ? "update" : "create",
      summary: `answer ${want.question}`,
      differences: [
        secret
          ? { kind: "field", name: want.question, secret }
          : { kind: "field", name: want.question, ...(before === undefined ? {} : { before }), after },
      ],
      detail: undefined,
      data,
    };
  },
  steps: ({ action, summary }, want): Step[] => {
    if (action === "delete")
      return [
        {
          kind: "script",
          title: summary,
          script: rawShell("DEBIAN_FRONTEND=noninteractive debconf-communicate | grep -q '^0'"),
          stdin: Buffer.from(`RESET ${want.question}\n`),
        },
      ];
    return [
      {
        kind: "script",
        title: summary,
        script: sh`DEBIAN_FRONTEND=noninteractive debconf-set-selections ${want.unseen ? ["--unseen"] : []}`,
        stdin: Buffer.from([want.name, want.question, want.vtype, want.value].join(" ").concat("\n")),
      },
    ];
  },
});

function isSo({ state, vtype, value, unseen }: Params, at: DebconfValue): boolean {
  if (!at.exists) return state === "absent";
  if (state === "absent") return !at.seen;
  if (vtype === "seen") return String(at.seen) === value;
  if (unseen && at.seen) return false;
  return vtype === "multiselect" ? sorted(at.value) === sorted(value ?? "") : at.value === value;
}

/** The order of several choices says nothing. */
function sorted(choices: string): string {
  return choices
    .split(",")
    .map((choice) => choice.trim())
    .sort()
    .join(",");
}

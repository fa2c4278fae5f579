import { z } from "zod";
import { type LocaleState, localeState } from "../queries/locale-state.ts";
import type { PathState } from "../queries/path-state.ts";
import type { QueryMap } from "../queries/query.ts";
import { rawShell } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
} from "./edited-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import type { Step } from "./step.ts";

const localeName = z.string().regex(/^[A-Za-z_]+(\.[A-Za-z0-9-]+)?(@[a-z]+)?( [A-Z0-9-]+)?$/, {
  error: "must be a locale as in /etc/locale.gen: de_DE.UTF-8",
});

const params = z.strictObject({
  name: z.union([localeName, z.array(localeName).min(1)]).describe("One locale or several."),
  state: z.enum(["present", "absent"]).default("present").describe("Whether programs can use it."),
});

type Params = z.infer<typeof params>;

const FILE = "/etc/locale.gen";
/** Part of the C library, without a line in the file. */
const BUILT_IN = /^(C|POSIX|C\.UTF-8|C\.utf8)$/;
const namesOf = ({ name }: Params): string[] => [name].flat();

export const localeGen = defineModule<Params, QueryMap, { edit: EditChange | undefined }>({
  name: "locale_gen",
  summary: "Locales that programs on the host can use",
  description:
    "The line of the locale in /etc/locale.gen is set to work or put in a comment, and all locales are made anew with locale-gen. Debian's package `locales` has to be installed. The host's default locale is a line in /etc/default/locale.",
  params,
  examples: [
    { title: "One more language", yaml: "- locale_gen:\n    name: de_DE.UTF-8\n" },
    {
      title: "Two that nobody needs",
      yaml: "- locale_gen:\n    name: [de_AT.UTF-8, de_CH.UTF-8]\n    state: absent\n",
    },
  ],
  returns: { name: "The locales." },
  queries: (want) => ({
    file: editedFileQuery(FILE),
    ...Object.fromEntries(namesOf(want).map((name) => [`locale ${name}`, localeState(name)])),
  }),
  diff: (want, answers, situation) => {
    const file = answers["file"] as PathState;
    const names = namesOf(want).filter((name) => !BUILT_IN.test(name));
    const states = names.map((name) => answers[`locale ${name}`] as LocaleState);
    const present = want.state === "present";
    if (present && !situation.changesPending) checkPossible(names, states);
    const edit = diffEditedFile(fileEdit(want, names, states), file, situation);
    const differences: Difference[] = names.flatMap((name, index) =>
      states[index]?.generated === present
        ? []
        : [{ kind: "field", name, before: present ? "absent" : "present", after: want.state }],
    );
    if (edit.action !== "none") differences.push(...edit.differences);
    const data = { name: namesOf(want) };
    if (differences.length === 0)
      return { action: "none", reason: `${namesOf(want).join(", ")}: ${want.state}`, data };
    return {
      action: present ? "create" : "delete",
      summary: `${present ? "make" : "remove"} the locale ${names.join(", ")}`,
      differences,
      detail: { edit: edit.action === "none" ? undefined : edit.detail },
      data,
    };
  },
  steps: ({ detail, summary }): Step[] => [
    ...(detail.edit === undefined ? [] : editedFileSteps(FILE_EDIT, detail.edit)),
    { kind: "script", title: summary, script: rawShell("locale-gen") },
  ],
});

const FILE_EDIT: FileEdit = { path: FILE, create: true, mode: "0644", edit: (text) => text };

function checkPossible(names: readonly string[], states: readonly LocaleState[]): void {
  names.forEach((name, index) => {
    const state = states[index];
    if (state?.canGenerate === false)
      throw new ModuleFailure("the host has no locale-gen", { hint: "install the package locales first" });
    if (state?.supported === undefined)
      throw new ModuleFailure(`the host knows no locale ${name}`, {
        hint: "/usr/share/i18n/SUPPORTED lists those it knows; is it written as there?",
      });
  });
}

function fileEdit(want: Params, names: readonly string[], states: readonly LocaleState[]): FileEdit {
  const lines = names.map((name, index) => states[index]?.supported ?? name);
  return {
    ...FILE_EDIT,
    edit: (text) =>
      lines.reduce(
        (all, line) => (want.state === "present" ? withLine(all, line) : withoutLine(all, line)),
        text,
      ),
  };
}

/** Works in place of the comment that Debian ships, or at the end. */
function withLine(text: string, line: string): string {
  if (matching(line, false).test(text)) return text;
  if (matching(line, true).test(text)) return text.replace(matching(line, true), line);
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

function withoutLine(text: string, line: string): string {
  return text.replace(new RegExp(matching(line, false).source, "gm"), `# ${line}`);
}

function matching(line: string, comment: boolean): RegExp {
  const words = line.split(/\s+/).map((word) => word.replace(/[.+*?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${comment ? "#[ \\t]*" : "[ \\t]*"}${words.join("[ \\t]+")}[ \\t]*$`, "m");
}

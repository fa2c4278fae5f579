import { z } from "zod";
import { editParams } from "./edit-params.ts";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
  withinTime,
} from "./edited-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { hasOnePath, ONE_PATH, pathNames, pathOf } from "./path-names.ts";
import { expandReplacement, isPattern, pythonPattern } from "./python-pattern.ts";

const pattern = z.string().min(1).refine(isPattern, { error: "must be a regular expression (JavaScript's)" });

const { create: _create, ...fileParams } = editParams;

const params = z
  .strictObject({
    ...pathNames,
    regexp: pattern.describe(
      "What is replaced, everywhere in the file. `^` and `$` are the ends of each line; write `[^\\n]` for `.` across lines.",
    ),
    replace: z
      .string()
      .default("")
      .describe(
        "What stands there instead; `\\1` and `\\g<name>` are groups of the match. Without: nothing.",
      ),
    after: pattern.optional().describe("Only behind the first match of this; `.` matches line ends too."),
    before: pattern
      .optional()
      .describe("Only before the last match of this, or with `after` the first behind it."),
    ...fileParams,
  })
  .refine(hasOnePath, ONE_PATH);

type Params = z.infer<typeof params>;

export const replace = defineModule<Params, { at: ReturnType<typeof editedFileQuery> }, EditChange>({
  name: "replace",
  summary: "Every match of a pattern in a text file that is there",
  description:
    "A pattern that matches its own replacement would change the file on every run, and is refused: look behind or ahead (`(?<!…)`, `(?!…)`), or anchor it. For one line, `lineinfile` says better what is wanted.",
  params,
  examples: [
    {
      title: "A server's new name, wherever it stands as a word",
      yaml: "- replace:\n    path: /etc/app.conf\n    regexp: '\\bold-server\\b'\n    replace: db1\n",
    },
    {
      title: "Only in one section, and the value stays",
      yaml: "- replace:\n    path: /etc/app.ini\n    after: '\\[pool\\]'\n    before: '\\[log\\]'\n    regexp: '^# *(size *=.*)$'\n    replace: '\\1'\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  queries: (want) => ({ at: editedFileQuery(pathOf(want)) }),
  diff: (want, { at }, situation) => {
    const change = diffEditedFile(editOf(want), at, situation);
    if (change.action === "none" || !change.detail.rewrite) return change;
    if (withinTime(() => edited(change.detail.text, want)) !== change.detail.text)
      throw new ModuleFailure(
        "this would change the file on every run: the pattern matches its own replacement",
        {
          findings: [{ path: ["regexp"], message: "matches what `replace` puts there" }],
          hint: "anchor the pattern, or look ahead: `port=(?!6432)\\d+`",
        },
      );
    return change;
  },
  steps: (change, want) => editedFileSteps(editOf(want), change.detail),
});

const editOf = (want: Params): FileEdit => ({
  ...want,
  path: pathOf(want),
  create: false,
  edit: (text) => edited(text, want),
});

function edited(text: string, want: Params): string {
  const { start, end } = section(text, want);
  const expression = pythonPattern(want.regexp, "gm");
  const inside = text.slice(start, end);
  const parts: string[] = [];
  let last = 0;
  for (const match of inside.matchAll(expression)) {
    parts.push(inside.slice(last, match.index), expanded(want.replace, match));
    last = match.index + match[0].length;
  }
  return `${text.slice(0, start)}${parts.join("")}${inside.slice(last)}${text.slice(end)}`;
}

/** @throws ModuleFailure */
function expanded(replacement: string, match: RegExpExecArray): string {
  try {
    return expandReplacement(replacement, match);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ModuleFailure(error.message, { findings: [{ path: ["replace"], message: error.message }] });
  }
}

/** Where it may be replaced; nowhere, when a mark is not there. Ansible's: before the last `before`, and with `after` the nearest pair. */
function section(text: string, { after, before }: Params): { start: number; end: number } {
  const nowhere = { start: 0, end: 0 };
  const opening = after === undefined ? undefined : pythonPattern(after, "ms").exec(text);
  if (opening === null) return nowhere;
  const start = opening === undefined ? 0 : opening.index + opening[0].length;
  if (before === undefined) return { start, end: text.length };
  const closings = [...text.slice(start).matchAll(pythonPattern(before, "gms"))];
  const closing = after === undefined ? closings.at(-1) : closings[0];
  return closing === undefined ? nowhere : { start, end: start + closing.index };
}

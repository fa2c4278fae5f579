import { z } from "zod";
import { editParams } from "./edit-params.ts";
import {
  diffEditedFile,
  type EditChange,
  editedFileQuery,
  editedFileSteps,
  type FileEdit,
  joinLines,
  linesOf,
} from "./edited-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { hasOnePath, ONE_PATH, pathNames, pathOf } from "./path-names.ts";
import { expandReplacement, isPattern, pythonPattern } from "./python-pattern.ts";

const pattern = z.string().refine(isPattern, { error: "must be a regular expression (JavaScript's)" });

const params = z
  .strictObject({
    ...pathNames,
    line: z
      .string()
      .regex(/^[^\n]*$/, { error: "must be one line" })
      .optional()
      .describe("The line that should be there."),
    regexp: pattern
      .optional()
      .describe("The line that it replaces: the last that matches. With `absent`: the lines that go."),
    search_string: z.string().optional().describe("The same as plain text."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the line should be there."),
    backrefs: z
      .boolean()
      .default(false)
      .describe(
        "`\\1` and `\\g<name>` in `line` are groups of `regexp`. Where nothing matches, nothing changes.",
      ),
    firstmatch: z
      .boolean()
      .default(false)
      .describe(
        "The first line that matches counts instead of the last: for `regexp`, `insertafter` and `insertbefore`.",
      ),
    insertafter: z
      .string()
      .refine(isPattern, { error: "must be EOF, or a regular expression (JavaScript's)" })
      .default("EOF")
      .describe("Where a new line goes: behind the last line that matches this, or at the end (EOF)."),
    insertbefore: z
      .string()
      .refine(isPattern, { error: "must be BOF, or a regular expression (JavaScript's)" })
      .optional()
      .describe("Where a new line goes: before the last line that matches this, or at the beginning (BOF)."),
    ...editParams,
  })
  .refine(hasOnePath, ONE_PATH)
  .refine((all) => !all.backrefs || (all.regexp !== undefined && all.state === "present"), {
    error: "`backrefs` needs a `regexp`",
    path: ["backrefs"],
  })
  .refine((all) => all.state === "absent" || all.line !== undefined, {
    error: "give the `line`",
    path: ["line"],
  })
  .refine((all) => all.state === "present" || (all.line ?? all.regexp ?? all.search_string) !== undefined, {
    error: "give `line`, `regexp` or `search_string`",
    path: ["line"],
  });

type Params = z.infer<typeof params>;

export const lineinfile = defineModule<Params, { at: ReturnType<typeof editedFileQuery> }, EditChange>({
  name: "lineinfile",
  summary: "One line of a text file",
  params,
  examples: [
    {
      title: "A setting",
      yaml: "- lineinfile:\n    path: /etc/ssh/sshd_config\n    regexp: '^#?PermitRootLogin'\n    line: PermitRootLogin no\n    validate: sshd -t -f %s\n",
    },
    {
      title: "A part of a line, whatever stands around it",
      yaml: "- lineinfile:\n    path: /etc/default/grub\n    regexp: '^(GRUB_CMDLINE_LINUX=\")(?!quiet)(.*)$'\n    line: '\\1quiet \\2'\n    backrefs: true\n",
    },
    {
      title: "Gone",
      yaml: "- lineinfile:\n    path: /etc/hosts\n    regexp: 'old-server$'\n    state: absent\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  queries: (want) => ({ at: editedFileQuery(pathOf(want)) }),
  diff: (want, { at }, situation) => diffEditedFile(editOf(want), at, situation),
  steps: (change, want) => editedFileSteps(editOf(want), change.detail),
});

const editOf = (want: Params): FileEdit => ({
  ...want,
  path: pathOf(want),
  edit: (text) => joinLines(edited(linesOf(text), want)),
});

function edited(lines: readonly string[], want: Params): string[] {
  const matches = matcher(want);
  if (want.state === "absent") return lines.filter((line) => !(matches?.(line) ?? line === want.line));
  const line = want.line ?? "";
  const index = matches === undefined ? -1 : search(lines, matches, want);
  if (want.backrefs) return index === -1 ? [...lines] : lines.with(index, expanded(lines[index] ?? "", want));
  if (index !== -1) return lines.with(index, line);
  if (lines.includes(line)) return [...lines];
  return lines.toSpliced(placeFor(lines, want), 0, line);
}

function search(
  lines: readonly string[],
  matches: (line: string) => boolean,
  { firstmatch }: Params,
): number {
  return firstmatch ? lines.findIndex(matches) : lines.findLastIndex(matches);
}

/** @throws ModuleFailure when the line names a group that the pattern has not, or would grow on every run. */
function expanded(before: string, { regexp = "", line = "" }: Params): string {
  const expression = pythonPattern(regexp);
  const expand = (text: string): string => {
    const match = expression.exec(text);
    return match === null ? text : expandReplacement(line, match);
  };
  try {
    const after = expand(before);
    if (expand(after) === after) return after;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ModuleFailure(error.message, { findings: [{ path: ["line"], message: error.message }] });
  }
  throw new ModuleFailure(
    "this would change the file on every run: the new line matches the pattern and would become another",
    {
      findings: [{ path: ["regexp"], message: "matches the new line too" }],
      hint: "let the pattern match only what is still to be changed",
    },
  );
}

function placeFor(lines: readonly string[], want: Params): number {
  const { insertbefore, insertafter } = want;
  if (insertbefore === "BOF") return 0;
  if (insertbefore !== undefined) {
    const found = search(lines, (line) => pythonPattern(insertbefore).test(line), want);
    return found === -1 ? lines.length : found;
  }
  if (insertafter === "EOF") return lines.length;
  const found = search(lines, (line) => pythonPattern(insertafter).test(line), want);
  return found === -1 ? lines.length : found + 1;
}

function matcher({ regexp, search_string }: Params): ((line: string) => boolean) | undefined {
  if (regexp !== undefined) {
    const expression = pythonPattern(regexp);
    return (line) => expression.test(line);
  }
  return search_string === undefined ? undefined : (line) => line.includes(search_string);
}

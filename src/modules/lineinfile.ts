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
import { defineModule } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";

const pattern = z.string().refine(isPattern, { error: "must be a regular expression (JavaScript's)" });

const params = z
  .strictObject({
    path: absolutePath.describe("The file."),
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
    insertafter: z
      .string()
      .default("EOF")
      .describe("Where a new line goes: behind the last line that matches this, or at the end (EOF)."),
    insertbefore: z
      .string()
      .optional()
      .describe("Where a new line goes: before the last line that matches this, or at the beginning (BOF)."),
    ...editParams,
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
      title: "Gone",
      yaml: "- lineinfile:\n    path: /etc/hosts\n    regexp: 'old-server$'\n    state: absent\n",
    },
  ],
  queries: ({ path }) => ({ at: editedFileQuery(path) }),
  diff: (want, { at }, { changesPending }) => diffEditedFile(editOf(want), at, changesPending),
  steps: (change, want) => editedFileSteps(editOf(want), change.detail),
});

const editOf = (want: Params): FileEdit => ({
  ...want,
  edit: (text) => joinLines(edited(linesOf(text), want)),
});

function edited(lines: readonly string[], want: Params): string[] {
  const matches = matcher(want);
  if (want.state === "absent") return lines.filter((line) => !(matches?.(line) ?? line === want.line));
  const line = want.line ?? "";
  const index = matches === undefined ? -1 : lines.findLastIndex(matches);
  if (index !== -1) return lines.with(index, line);
  if (lines.includes(line)) return [...lines];
  return lines.toSpliced(placeFor(lines, want), 0, line);
}

function placeFor(lines: readonly string[], { insertbefore, insertafter }: Params): number {
  if (insertbefore === "BOF") return 0;
  if (insertbefore !== undefined) {
    const found = lines.findLastIndex((line) => new RegExp(insertbefore).test(line));
    return found === -1 ? lines.length : found;
  }
  if (insertafter === "EOF") return lines.length;
  const found = lines.findLastIndex((line) => new RegExp(insertafter).test(line));
  return found === -1 ? lines.length : found + 1;
}

function matcher({ regexp, search_string }: Params): ((line: string) => boolean) | undefined {
  if (regexp !== undefined) {
    const expression = new RegExp(regexp);
    return (line) => expression.test(line);
  }
  return search_string === undefined ? undefined : (line) => line.includes(search_string);
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

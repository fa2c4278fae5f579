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

const params = z.strictObject({
  path: absolutePath.describe("The file."),
  block: z.string().default("").describe("The lines; none: the block goes."),
  marker: z
    .string()
    .includes("{mark}", { error: "must contain {mark}" })
    .default("# {mark} ANSIBLE MANAGED BLOCK")
    .describe(
      "The line before and behind the block; {mark} becomes BEGIN and END. The same as Ansible's, so that blocks it made are found.",
    ),
  state: z.enum(["present", "absent"]).default("present").describe("Whether the block should be there."),
  insertafter: z
    .string()
    .default("EOF")
    .describe("Where a new block goes: behind the last line that matches this, or at the end (EOF)."),
  insertbefore: z
    .string()
    .optional()
    .describe("Where a new block goes: before the last line that matches this, or at the beginning (BOF)."),
  ...editParams,
});

type Params = z.infer<typeof params>;

export const blockinfile = defineModule<Params, { at: ReturnType<typeof editedFileQuery> }, EditChange>({
  name: "blockinfile",
  summary: "Some lines of a text file, between two marks",
  params,
  examples: [
    {
      title: "Hosts of ours",
      yaml: "- blockinfile:\n    path: /etc/hosts\n    block: |\n      10.0.0.2 db1\n      10.0.0.3 db2\n",
    },
    { title: "Gone", yaml: "- blockinfile:\n    path: /etc/hosts\n    state: absent\n" },
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
  const [begin, end] = [want.marker.replace("{mark}", "BEGIN"), want.marker.replace("{mark}", "END")];
  const wanted = want.state === "absent" || want.block === "" ? [] : [begin, ...linesOf(want.block), end];
  const first = lines.indexOf(begin);
  const last = first === -1 ? -1 : lines.indexOf(end, first);
  if (first !== -1 && last !== -1) return lines.toSpliced(first, last - first + 1, ...wanted);
  return wanted.length === 0 ? [...lines] : lines.toSpliced(placeFor(lines, want), 0, ...wanted);
}

function placeFor(lines: readonly string[], { insertbefore, insertafter }: Params): number {
  if (insertbefore === "BOF") return 0;
  const pattern = insertbefore ?? (insertafter === "EOF" ? undefined : insertafter);
  if (pattern === undefined) return lines.length;
  const found = lines.findLastIndex((line) => new RegExp(pattern).test(line));
  if (found === -1) return lines.length;
  return insertbefore === undefined ? found + 1 : found;
}

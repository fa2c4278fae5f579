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
import { hasOnePath, ONE_PATH, pathNames, pathOf } from "./path-names.ts";
import { isPattern, pythonPattern } from "./python-pattern.ts";

const params = z
  .strictObject({
    ...pathNames,
    block: z
      .string()
      .default("")
      .describe("The lines; none: the block goes. `content` is another name for it."),
    content: z.string().optional().describe("Another name for `block`."),
    marker_begin: z.string().min(1).default("BEGIN").describe("What {mark} becomes before the block."),
    marker_end: z.string().min(1).default("END").describe("What {mark} becomes behind it."),
    prepend_newline: z
      .boolean()
      .default(false)
      .describe("An empty line before a new block, unless it is the first or one is there."),
    append_newline: z
      .boolean()
      .default(false)
      .describe("An empty line behind a new block, unless it is the last or one is there."),
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
      .refine(isPattern, { error: "must be EOF, or a regular expression (JavaScript's)" })
      .default("EOF")
      .describe("Where a new block goes: behind the last line that matches this, or at the end (EOF)."),
    insertbefore: z
      .string()
      .refine(isPattern, { error: "must be BOF, or a regular expression (JavaScript's)" })
      .optional()
      .describe("Where a new block goes: before the last line that matches this, or at the beginning (BOF)."),
    ...editParams,
  })
  .refine(hasOnePath, ONE_PATH);

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
  const begin = want.marker.replace("{mark}", () => want.marker_begin);
  const end = want.marker.replace("{mark}", () => want.marker_end);
  const block = want.content ?? want.block;
  const wanted = want.state === "absent" || block === "" ? [] : [begin, ...linesOf(block), end];
  const first = lines.indexOf(begin);
  const last = first === -1 ? -1 : lines.indexOf(end, first);
  if (first !== -1 && last !== -1) return lines.toSpliced(first, last - first + 1, ...wanted);
  if (wanted.length === 0) return [...lines];
  const place = placeFor(lines, want);
  const before = want.prepend_newline && place > 0 && lines[place - 1] !== "" ? [""] : [];
  const behind = want.append_newline && place < lines.length && lines[place] !== "" ? [""] : [];
  return lines.toSpliced(place, 0, ...before, ...wanted, ...behind);
}

function placeFor(lines: readonly string[], { insertbefore, insertafter }: Params): number {
  if (insertbefore === "BOF") return 0;
  const pattern = insertbefore ?? (insertafter === "EOF" ? undefined : insertafter);
  if (pattern === undefined) return lines.length;
  const found = lines.findLastIndex((line) => pythonPattern(pattern).test(line));
  if (found === -1) return lines.length;
  return insertbefore === undefined ? found + 1 : found;
}

import { parse } from "ini";
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

const params = z
  .strictObject({
    path: absolutePath.optional().describe("The file. `dest` is another name for it."),
    dest: absolutePath.optional().describe("Another name for `path`."),
    section: z
      .string()
      .regex(/^[^\]\n]*$/, { error: "must be one line without ]" })
      .default("")
      .describe("The section; empty for what stands before the first one."),
    option: z
      .string()
      .regex(/^[^=\n]+$/, { error: "must be one line without =" })
      .optional()
      .describe("The option. Without: the section itself; `absent` removes it with all in it."),
    value: z.union([z.string(), z.number(), z.boolean()]).optional().describe("Its value."),
    values: z
      .array(z.union([z.string(), z.number(), z.boolean()]))
      .min(1)
      .optional()
      .describe(
        "Several values, instead of `value`: a line each, for files in which an option may stand several times.",
      ),
    exclusive: z
      .boolean()
      .default(true)
      .describe(
        "With `values`: other lines of the option go. `false`: they stay, and `absent` takes away these values only.",
      ),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the option should be there."),
    no_extra_spaces: z
      .boolean()
      .default(false)
      .describe("Write `option=value`, without blanks around the sign."),
    allow_no_value: z
      .boolean()
      .default(false)
      .describe("An option without `value` stands alone, without a sign."),
    ...editParams,
    create: z.boolean().default(true).describe("Make the file where there is none."),
  })
  .refine((all) => (all.path === undefined) !== (all.dest === undefined), {
    error: "give `path`",
    path: ["path"],
  })
  .refine((all) => all.option !== undefined || all.section !== "", {
    error: "give `option` or `section`",
    path: ["option"],
  })
  .refine(
    (all) =>
      all.option === undefined ||
      all.state === "absent" ||
      (all.value ?? all.values) !== undefined ||
      all.allow_no_value,
    {
      error: "give the `value`, or `allow_no_value: true`",
      path: ["value"],
    },
  )
  .refine((all) => all.value === undefined || all.values === undefined, {
    error: "give either `value` or `values`",
    path: ["values"],
  })
  .refine((all) => all.values === undefined || all.option !== undefined, {
    error: "are an option's: give the `option`",
    path: ["values"],
  });

type Params = z.infer<typeof params>;

export const iniFile = defineModule<Params, { at: ReturnType<typeof editedFileQuery> }, EditChange>({
  name: "ini_file",
  summary: "One option of an INI file",
  description: "Comments, order and everything else in the file stay as they are.",
  params,
  examples: [
    {
      title: "An option",
      yaml: '- ini_file:\n    path: /etc/app.ini\n    section: server\n    option: port\n    value: 8080\n    mode: "0644"\n',
    },
    {
      title: "An option that stands several times",
      yaml: "- ini_file:\n    path: /etc/systemd/resolved.conf\n    section: Resolve\n    option: DNS\n    values: [192.0.2.53, 198.51.100.53]\n    no_extra_spaces: true\n",
    },
    {
      title: "Gone",
      yaml: "- ini_file:\n    path: /etc/app.ini\n    section: server\n    option: debug\n    state: absent\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  queries: (want) => ({ at: editedFileQuery(pathOf(want)) }),
  diff: (want, { at }, situation) => diffEditedFile(editOf(want), at, situation),
  steps: (change, want) => editedFileSteps(editOf(want), change.detail),
});

const pathOf = ({ path, dest }: Params): string => path ?? dest ?? "";

const editOf = (want: Params): FileEdit => ({
  ...want,
  path: pathOf(want),
  edit: (text) => joinLines(edited(linesOf(text), want)),
});

function edited(lines: readonly string[], want: Params): string[] {
  const { start, end } = sectionOf(lines, want.section);
  if (want.option === undefined) return wholeSection(lines, want, start, end);
  if (want.values !== undefined) return severalValues(lines, want, want.option, want.values, { start, end });
  const value = String(want.value ?? "");
  const sign = want.no_extra_spaces ? "=" : " = ";
  const stands = want.value === undefined && want.allow_no_value;
  const line = stands ? want.option : `${want.option}${sign}${value}`;
  const index =
    start === -1
      ? -1
      : lines.findIndex(
          (one, at) =>
            at >= start && at < end && (optionOf(one) === want.option || one.trim() === want.option),
        );
  if (want.state === "absent") return index === -1 ? [...lines] : lines.toSpliced(index, 1);
  if (index !== -1) {
    const found = lines[index] ?? "";
    const isRight = stands ? found.trim() === want.option : found.includes("=") && says(found, value);
    return isRight ? [...lines] : lines.with(index, line);
  }
  if (start === -1) return [...lines, ...(lines.length === 0 ? [] : [""]), `[${want.section}]`, line];
  return lines.toSpliced(lastFilled(lines, start, end), 0, line);
}

/** A line for each value: those that are there keep their place, new ones go behind the last of them. */
function severalValues(
  lines: readonly string[],
  { section, state, exclusive, no_extra_spaces: tight }: Params,
  option: string,
  values: readonly (string | number | boolean)[],
  { start, end }: { start: number; end: number },
): string[] {
  const wanted = [...new Set(values.map(String))];
  const isOption = (line: string, at: number): boolean =>
    start !== -1 && at >= start && at < end && optionOf(line) === option;
  const found = new Set<string>();
  const goes = (line: string): boolean => {
    const value = wanted.find((one) => says(line, one));
    if (state === "absent") return exclusive || value !== undefined;
    if (value === undefined) return exclusive;
    if (found.has(value)) return true;
    found.add(value);
    return false;
  };
  const kept = lines.map((line, at) => (isOption(line, at) && goes(line) ? undefined : line));
  const added =
    state === "absent"
      ? []
      : wanted.filter((value) => !found.has(value)).map((value) => `${option}${tight ? "=" : " = "}${value}`);
  const present = (some: readonly (string | undefined)[]): string[] =>
    some.filter((line) => line !== undefined);
  if (added.length === 0) return present(kept);
  if (start === -1) return [...lines, ...(lines.length === 0 ? [] : [""]), `[${section}]`, ...added];
  const last = lines.findLastIndex(isOption);
  return present(kept.toSpliced(last === -1 ? lastFilled(lines, start, end) : last + 1, 0, ...added));
}

function wholeSection(
  lines: readonly string[],
  { section, state }: Params,
  start: number,
  end: number,
): string[] {
  if (state === "absent") return start === -1 ? [...lines] : lines.toSpliced(start - 1, end - start + 1);
  return start === -1 ? [...lines, ...(lines.length === 0 ? [] : [""]), `[${section}]`] : [...lines];
}

/** Where the options of a section begin and end; -1 when there is no such section. */
function sectionOf(lines: readonly string[], section: string): { start: number; end: number } {
  const isHeader = (line: string): boolean => /^\s*\[[^\]]*\]\s*$/.test(line);
  const header = section === "" ? -1 : lines.findIndex((line) => line.trim() === `[${section}]`);
  if (section !== "" && header === -1) return { start: -1, end: -1 };
  const next = lines.findIndex((line, at) => at > header && isHeader(line));
  return { start: header + 1, end: next === -1 ? lines.length : next };
}

/** A new option goes behind the last one, not behind the blank lines before the next section. */
function lastFilled(lines: readonly string[], start: number, end: number): number {
  let at = end;
  while (at > start && lines[at - 1]?.trim() === "") at -= 1;
  return at;
}

function optionOf(line: string): string | undefined {
  return /^\s*[;#]/.test(line) ? undefined : /^\s*([^=]+?)\s*=/.exec(line)?.[1];
}

/** Whether a line says this value already: as it is written, or as the `ini` package reads it (quotes, escapes). */
function says(line: string, value: string): boolean {
  const written = line.slice(line.indexOf("=") + 1).trim();
  if (written === value) return true;
  const [read] = Object.values(parse(`option=${written}`));
  return typeof read === "string" && read === value && !/[;#]/.test(written);
}

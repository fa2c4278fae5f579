import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import type { SourcedVariable } from "../variables/sourced.ts";
import { defineLoadingModule, ModuleFailure } from "./module.ts";

const pattern = z.string().refine(
  (text) => {
    try {
      return new RegExp(text) instanceof RegExp;
    } catch {
      return false;
    }
  },
  { error: "must be a regular expression" },
);

const params = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .describe("A file of variables: in the role's `vars/`, beside the playbook, or absolute."),
    dir: z
      .string()
      .min(1)
      .optional()
      .describe("A folder of them, instead: all files in it and below, in the order of their names."),
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "must be the name of a variable" })
      .optional()
      .describe("Put them all into one mapping of this name."),
    depth: z.number().int().min(0).default(0).describe("How many folders deep to look; 0 for all."),
    files_matching: pattern.optional().describe("Of a folder, only files whose names match."),
    ignore_files: z.array(pattern).default([]).describe("Of a folder, not these: regular expressions."),
    extensions: z
      .array(z.string())
      .default(["json", "yaml", "yml"])
      .describe("Of a folder, only files with these endings."),
  })
  .refine((all) => (all.file === undefined) !== (all.dir === undefined), {
    error: "give either `file` or `dir`",
    path: ["file"],
  });

/** Its parameters, for who looks at them without a run. */
export const includeVarsParameters = params;

type Params = z.infer<typeof params>;
type FolderSearch = Pick<Params, "depth" | "extensions" | "files_matching" | "ignore_files">;

interface Input {
  want: Params;
  files: string[];
  variables: ReadonlyMap<string, SourcedVariable>;
}

export const includeVars = defineLoadingModule<Params, Input, Record<string, never>, undefined>({
  name: "include_vars",
  summary: "Reads variables from files on the controller, from here on",
  description:
    "The values are rendered when somebody asks for them, as those of `vars/` are. They win over the inventory's, the play's and the role's.",
  params,
  freeForm: "file",
  inCheckMode: "run",
  examples: [
    { title: "By the kind of system", yaml: '- include_vars: "{{ ansible_facts.os_family }}.yml"\n' },
    {
      title: "A folder, into one mapping",
      yaml: "- include_vars:\n    dir: vars/services\n    name: services\n",
    },
  ],
  returns: { ansible_included_var_files: "Paths of the files that were read." },
  load: async (want, controller) => {
    const files = await filesToInclude(want, (name) => controller.find(name, "vars"));
    const variables = new Map<string, SourcedVariable>();
    for (const file of files) {
      for (const [name, variable] of await controller.variablesFile(file)) variables.set(name, variable);
    }
    return { want, files, variables: want.name === undefined ? variables : inOne(want.name, variables) };
  },
  queries: () => ({}),
  diff: ({ files }) => ({
    action: "run",
    summary: `read ${files.join(", ") || "no file"}`,
    differences: [],
    detail: undefined,
  }),
  steps: () => [],
  result: ({ files, variables }, _outputs, change) => ({
    changed: false,
    message: change.summary,
    variables,
    data: { ansible_included_var_files: files },
  }),
});

/**
 * The files that a task reads, in their order.
 *
 * @param find where a name leads.
 * @throws ModuleFailure for a folder that is none
 */
export async function filesToInclude(
  want: Pick<Params, "file" | "dir"> & FolderSearch,
  find: (name: string) => Promise<string>,
): Promise<string[]> {
  if (want.file !== undefined) return [await find(want.file)];
  const folder = await find(want.dir ?? "");
  if (!(await stat(folder)).isDirectory()) throw new ModuleFailure(`${folder} is no folder`);
  return filesBelow(folder, want, 1);
}

async function filesBelow(folder: string, want: FolderSearch, level: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      if (want.depth === 0 || level < want.depth) files.push(...(await filesBelow(place, want, level + 1)));
    } else if (isWanted(entry.name, want)) files.push(place);
  }
  return files;
}

function isWanted(name: string, { extensions, files_matching, ignore_files }: FolderSearch): boolean {
  if (!extensions.includes(path.extname(name).slice(1))) return false;
  if (files_matching !== undefined && !new RegExp(files_matching).test(name)) return false;
  return !ignore_files.some((one) => new RegExp(one).test(name));
}

function inOne(
  name: string,
  variables: ReadonlyMap<string, SourcedVariable>,
): ReadonlyMap<string, SourcedVariable> {
  const entries = [...variables].map(([key, { value, at }]) => ({
    key,
    value,
    ...(at === undefined ? {} : { keyAt: at }),
  }));
  return new Map([[name, { value: { kind: "map", entries } }]]);
}

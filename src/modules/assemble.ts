import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { type Fragments, fragments } from "../queries/fragments.ts";
import type { pathState } from "../queries/path-state.ts";
import type { Change } from "./change.ts";
import { fileParams } from "./file-params.ts";
import {
  diffManagedFile,
  type FileChange,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
} from "./managed-file.ts";
import { type Controller, defineLoadingModule, ModuleFailure } from "./module.ts";
import { isPattern, pythonPattern } from "./python-pattern.ts";

const params = z.strictObject({
  src: z
    .string()
    .min(1)
    .describe(
      "The directory with the parts; on the host, an absolute path. They are put together in the order of their names.",
    ),
  remote_src: z
    .boolean()
    .default(true)
    .describe(
      "`src` is on the host. `false`: on the controller, in the role's `files/` or beside the playbook.",
    ),
  regexp: z
    .string()
    .refine(isPattern, { error: "must be a regular expression (JavaScript's)" })
    .optional()
    .describe("Only parts whose name matches."),
  delimiter: z.string().optional().describe("A line between two parts; `\\n` is a line end."),
  ignore_hidden: z.boolean().default(false).describe("Leave out parts whose name begins with a dot."),
  ...fileParams,
});

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  /** undefined: they are on the host. */
  own: Fragments;
}

type Detail = FileChange & { file: ManagedFile };

export const assemble = defineLoadingModule<
  Params,
  Input,
  { at: ReturnType<typeof pathState>; parts: ReturnType<typeof fragments> },
  Detail
>({
  name: "assemble",
  summary: "A file put together from the files of a directory",
  params,
  examples: [
    {
      title: "Parts that other tasks and packages have left",
      yaml: '- assemble:\n    src: /etc/app/conf.d\n    dest: /etc/app/app.conf\n    delimiter: "# ----"\n    mode: "0644"\n',
    },
    {
      title: "Parts of the role, checked before they count",
      yaml: "- assemble:\n    src: sudoers.d\n    remote_src: false\n    dest: /etc/sudoers.d/team\n    regexp: '\\.sudo$'\n    mode: \"0440\"\n    validate: visudo -cf %s\n",
    },
  ],
  returns: { dest: "The path.", checksum: "SHA-256 of the content." },
  load: async (want, controller) => ({
    want,
    own: want.remote_src ? undefined : await readParts(await controller.find(want.src, "files"), controller),
  }),
  queries: ({ want }, situation) => ({
    at: managedFileQuery(want.dest, false, situation),
    parts: fragments(want.remote_src ? want.src : undefined),
  }),
  diff: ({ want, own }, { at, parts }, situation): Change<Detail> => {
    if (want.remote_src && !want.src.startsWith("/"))
      throw new ModuleFailure("`src` must be an absolute path on the host", {
        findings: [{ path: ["src"], message: "must be an absolute path (starting with /)" }],
        hint: "`remote_src: false` takes a directory of the controller",
      });
    const found = want.remote_src ? parts.files : own;
    if (found === undefined && !situation.changesPending)
      throw new ModuleFailure(`there is no directory ${want.src}`);
    const file: ManagedFile = {
      path: want.dest,
      content: { kind: "bytes", bytes: putTogether(found ?? new Map(), want) },
      owner: want.owner,
      group: want.group,
      mode: want.mode,
      validate: want.validate,
      backup: want.backup,
    };
    const change = diffManagedFile(file, at, situation);
    return change.action === "none" ? change : { ...change, detail: { ...change.detail, file } };
  },
  steps: ({ detail }) => managedFileSteps(detail.file, detail),
});

async function readParts(directory: string, controller: Controller): Promise<Fragments> {
  if (!(await stat(directory)).isDirectory()) throw new ModuleFailure(`${directory} is no directory`);
  const names = await readdir(directory);
  const parts = await Promise.all(
    names.map(async (name): Promise<[string, Buffer][]> => {
      const file = path.join(directory, name);
      return (await stat(file)).isFile() ? [[name, await (await controller.file(file, "files")).read()]] : [];
    }),
  );
  return new Map(parts.flat());
}

/** A part that does not end its last line gets the line end that is missing, if another follows. */
function putTogether(parts: ReadonlyMap<string, Buffer>, want: Params): Buffer {
  const expression = want.regexp === undefined ? undefined : pythonPattern(want.regexp);
  const names = [...parts.keys()]
    .filter((name) => expression?.test(name) !== false && !(want.ignore_hidden && name.startsWith(".")))
    .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
  const line = want.delimiter?.replaceAll("\\n", "\n");
  const delimiter = line === undefined || line.endsWith("\n") ? (line ?? "") : `${line}\n`;
  return Buffer.concat(
    names.flatMap((name, index) => {
      const content = parts.get(name) ?? Buffer.alloc(0);
      if (index === names.length - 1) return [content];
      const isEnded = content.at(-1) === 10 || content.byteLength === 0;
      return [content, Buffer.from(isEnded ? "" : "\n"), Buffer.from(delimiter)];
    }),
  );
}

import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { rawShell, sh } from "../shell/shell-text.ts";
import { updateAptLists } from "./apt-update.ts";
import type { Difference } from "./change.ts";
import {
  diffManagedFile,
  type ManagedFile,
  managedFileQuery,
  managedFileSteps,
  textContent,
} from "./managed-file.ts";
import { defineLoadingModule } from "./module.ts";
import type { ControllerFile, Step } from "./step.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, { error: "must be letters, digits, `_` and `-`" })
      .describe("Name of the file in /etc/apt/sources.list.d."),
    state: z.enum(["present", "absent"]).default("present").describe("Whether the repository is used."),
    types: z
      .array(z.enum(["deb", "deb-src"]))
      .min(1)
      .default(["deb"])
      .describe("Binary packages, source packages or both."),
    uris: z
      .array(z.string().regex(/^[a-z+]+:\S+$/, { error: "must be a URI" }))
      .optional()
      .describe("Where it is."),
    suites: z.array(z.string().regex(/^\S+$/)).optional().describe("Suites, such as bookworm."),
    components: z.array(z.string().regex(/^\S+$/)).default(["main"]).describe("Components."),
    key: z.string().optional().describe("The signing key, ASCII-armoured."),
    key_file: z
      .string()
      .optional()
      .describe("The signing key as a file on the controller, in the role's `files/`."),
    trusted: z
      .boolean()
      .default(false)
      .describe("Take packages without signature. For a repository on the host itself, and nothing else."),
    update_cache: z.boolean().default(true).describe("Have apt read it at once."),
  })
  .refine((all) => all.state === "absent" || (all.uris !== undefined && all.suites !== undefined), {
    error: "give `uris` and `suites`",
    path: ["uris"],
  })
  .refine(
    (all) =>
      all.state === "absent" || all.trusted || (all.key === undefined) !== (all.key_file === undefined),
    {
      error: "give the signing key: `key` or `key_file`",
      path: ["key"],
    },
  );

type Params = z.infer<typeof params>;

interface Input {
  want: Params;
  source: ManagedFile;
  key: ManagedFile | undefined;
}

const sourcePath = (name: string): string => `/etc/apt/sources.list.d/${name}.sources`;
const keyPath = (name: string): string => `/etc/apt/keyrings/${name}.asc`;

export const aptRepository = defineLoadingModule<
  Params,
  Input,
  { source: ReturnType<typeof managedFileQuery>; key: ReturnType<typeof pathState> },
  { source: boolean; key: boolean }
>({
  name: "apt_repository",
  summary: "A repository of Debian packages, with its own signing key",
  description:
    "Written in deb822 form, with a key that counts for this repository alone (Signed-By), as apt wants it since Debian 12.",
  params,
  examples: [
    {
      title: "PostgreSQL's own packages",
      yaml: "- apt_repository:\n    name: pgdg\n    uris: [https://apt.postgresql.org/pub/repos/apt]\n    suites: [bookworm-pgdg]\n    key: \"{{ pgdg_key }}\"\n  vars:\n    pgdg_key: '-----BEGIN PGP PUBLIC KEY BLOCK-----'\n",
    },
    { title: "Gone", yaml: "- apt_repository:\n    name: pgdg\n    state: absent\n" },
  ],
  load: async (want, controller) => {
    const file: ControllerFile | undefined =
      want.key_file === undefined ? undefined : await controller.file(want.key_file, "files");
    const armoured = file === undefined ? want.key : (await file.read()).toString();
    const owned = { owner: "root", group: "root", mode: "0644" };
    return {
      want,
      source: { path: sourcePath(want.name), content: textContent(sourceText(want)), ...owned },
      key:
        armoured === undefined
          ? undefined
          : { path: keyPath(want.name), content: textContent(`${armoured.trimEnd()}\n`), ...owned },
    };
  },
  queries: ({ want, source }, situation) => ({
    source: managedFileQuery(source.path, false, situation),
    key: pathState({ path: keyPath(want.name), sha256: true }),
  }),
  diff: ({ want, source, key }, answers) => {
    if (want.state === "absent") {
      if (answers.source.type === "absent" && answers.key.type === "absent")
        return { action: "none", reason: "not used" };
      return {
        action: "delete",
        summary: `no longer use ${want.name}`,
        differences: [{ kind: "field", name: "state", before: "present", after: "absent" }],
        detail: { source: true, key: true },
      };
    }
    const sourceChange = diffManagedFile(source, answers.source);
    const keyChange = key === undefined ? undefined : diffManagedFile(key, answers.key);
    const differences: Difference[] = [
      ...(sourceChange.action === "none" ? [] : sourceChange.differences),
      ...(keyChange === undefined || keyChange.action === "none" ? [] : keyChange.differences),
    ];
    if (differences.length === 0) return { action: "none", reason: `${want.name} is used` };
    return {
      action: answers.source.type === "absent" ? "create" : "update",
      summary: `use ${want.name}`,
      differences,
      detail: {
        source: sourceChange.action !== "none",
        key: keyChange !== undefined && keyChange.action !== "none",
      },
    };
  },
  steps: (change, { want, source, key }): Step[] => {
    const update: Step[] = want.update_cache
      ? [
          {
            kind: "script",
            title: "read the lists of packages",
            script: updateAptLists,
          },
        ]
      : [];
    if (change.action === "delete") {
      return [
        { kind: "script", title: change.summary, script: sh`rm -f -- ${source.path} ${keyPath(want.name)}` },
        ...update,
      ];
    }
    const everything = { rewrite: true, attributes: true };
    return [
      {
        kind: "script",
        title: "make the folder for keys",
        script: rawShell("mkdir -p -m 0755 /etc/apt/keyrings"),
      },
      ...(change.detail.key && key !== undefined ? managedFileSteps(key, everything) : []),
      ...(change.detail.source ? managedFileSteps(source, everything) : []),
      ...update,
    ];
  },
});

/** deb822 (sources.list(5), apt 2.6). */
function sourceText(want: Params): string {
  const lines = [
    "# Managed by Plumb: changes by hand are undone by the next run.",
    `Types: ${want.types.join(" ")}`,
    `URIs: ${(want.uris ?? []).join(" ")}`,
    `Suites: ${(want.suites ?? []).join(" ")}`,
    ...(want.suites?.every((suite) => suite.endsWith("/")) === true
      ? []
      : [`Components: ${want.components.join(" ")}`]),
    want.trusted ? "Trusted: yes" : `Signed-By: ${keyPath(want.name)}`,
  ];
  return `${lines.join("\n")}\n`;
}

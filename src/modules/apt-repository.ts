import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { rawShell, sh } from "../shell/shell-text.ts";
import { nameOfRepository, type RepositoryLine, readRepositoryLine } from "./apt-repository-line.ts";
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
import { absolutePath } from "./parameter-types.ts";
import type { ControllerFile, Step } from "./step.ts";
import { pathsTouched } from "./subject.ts";

const params = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, { error: "must be letters, digits, `_` and `-`" })
      .optional()
      .describe(
        "Name of the file in /etc/apt/sources.list.d; with `repo`, made from the address where it is not given.",
      ),
    filename: z
      .string()
      .regex(/^[A-Za-z0-9_-]+$/, { error: "must be letters, digits, `_` and `-`" })
      .optional()
      .describe("Another name for `name`."),
    repo: z
      .string()
      .superRefine((text, context) => {
        const line = readRepositoryLine(text);
        if (typeof line === "string") context.addIssue({ code: "custom", message: line });
      })
      .optional()
      .describe(
        "The repository in one line, as in sources.list, instead of `uris` and `suites`; it is written in deb822 form all the same.",
      ),
    signed_by: absolutePath
      .optional()
      .describe("A keyring that is on the host already, such as one that `apt_key` keeps, instead of `key`."),
    architectures: z
      .array(
        z.string().regex(/^[a-z0-9-]+$/, { error: "must be the name of an architecture, such as amd64" }),
      )
      .optional()
      .describe("Architectures, such as amd64; without: the host's."),
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
    suites: z
      .array(z.string().regex(/^\S+$/, { error: "must be one word, without blanks" }))
      .optional()
      .describe("Suites, such as bookworm."),
    components: z
      .array(z.string().regex(/^\S+$/, { error: "must be one word, without blanks" }))
      .default(["main"])
      .describe("Components."),
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
  .refine((all) => (all.name ?? all.filename ?? all.repo) !== undefined, {
    error: "give the `name` of its file",
    path: ["name"],
  })
  .refine((all) => all.name === undefined || all.filename === undefined, {
    error: "is another name for `name`: give one",
    path: ["filename"],
  })
  .refine((all) => all.repo === undefined || (all.uris ?? all.suites) === undefined, {
    error: "says this in one line: give either `repo`, or `uris` and `suites`",
    path: ["repo"],
  })
  .refine(
    (all) =>
      all.state === "absent" ||
      all.repo !== undefined ||
      (all.uris !== undefined && all.suites !== undefined),
    { error: "give `uris` and `suites`", path: ["uris"] },
  )
  .refine(
    (all) =>
      all.state === "absent" ||
      (all.repo !== undefined && lineOf(all) === undefined) ||
      keysGiven(all) === 1 ||
      (keysGiven(all) === 0 && isTrusted(all)),
    {
      error:
        "give the signing key once: `key` or `key_file`, or `signed_by` for a keyring on the host ([signed-by=…] in `repo`)",
      path: ["key"],
    },
  );

interface Written {
  repo?: string | undefined;
  key?: string | undefined;
  key_file?: string | undefined;
  signed_by?: string | undefined;
  trusted: boolean;
}

const lineOf = ({ repo }: Pick<Written, "repo">): RepositoryLine | undefined => {
  const line = repo === undefined ? undefined : readRepositoryLine(repo);
  return typeof line === "string" ? undefined : line;
};

function keysGiven(all: Written): number {
  return [all.key, all.key_file, all.signed_by, lineOf(all)?.signedBy].filter((one) => one !== undefined)
    .length;
}

function isTrusted(all: Written): boolean {
  return all.trusted || lineOf(all)?.trusted === true;
}

type Params = z.infer<typeof params>;

/** All of it, wherever it was written. */
interface Wanted extends Pick<Params, "state" | "types" | "components" | "update_cache" | "architectures"> {
  name: string;
  uris: readonly string[];
  suites: readonly string[];
  signedBy: string;
  trusted: boolean;
}

function wantedOf(all: Params): Wanted {
  const line = lineOf(all);
  const name = all.name ?? all.filename ?? (line === undefined ? "" : nameOfRepository(line));
  return {
    ...all,
    name,
    types: line?.types ?? all.types,
    uris: line?.uris ?? all.uris ?? [],
    suites: line?.suites ?? all.suites ?? [],
    components: line?.components ?? all.components,
    architectures: line?.architectures ?? all.architectures,
    signedBy: all.signed_by ?? line?.signedBy ?? keyPath(name),
    trusted: isTrusted(all),
  };
}

interface Input {
  want: Wanted;
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
    {
      title: "In one line, as playbooks for Ansible have it",
      yaml: "- apt_repository:\n    repo: deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable\n    filename: docker\n",
    },
    { title: "Gone", yaml: "- apt_repository:\n    name: pgdg\n    state: absent\n" },
  ],
  load: async (all, controller) => {
    const want = wantedOf(all);
    const file: ControllerFile | undefined =
      all.key_file === undefined ? undefined : await controller.file(all.key_file, "files");
    const armoured = file === undefined ? all.key : (await file.read()).toString();
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
  diff: ({ want, source, key }, answers, situation) => {
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
    const sourceChange = diffManagedFile(source, answers.source, situation);
    const keyChange = key === undefined ? undefined : diffManagedFile(key, answers.key, "made by the module");
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
            touches: [],
          },
        ]
      : [];
    if (change.action === "delete") {
      return [
        {
          kind: "script",
          title: change.summary,
          script: sh`rm -f -- ${source.path} ${keyPath(want.name)}`,
          touches: pathsTouched(source.path, keyPath(want.name)),
        },
        ...update,
      ];
    }
    const everything = { rewrite: true, attributes: true };
    return [
      {
        kind: "script",
        title: "make the folder for keys",
        script: rawShell("mkdir -p -m 0755 /etc/apt/keyrings"),
        touches: [],
      },
      ...(change.detail.key && key !== undefined ? managedFileSteps(key, everything) : []),
      ...(change.detail.source ? managedFileSteps(source, everything) : []),
      ...update,
    ];
  },
});

/** deb822 (sources.list(5), apt 2.6). */
function sourceText(want: Wanted): string {
  const lines = [
    "# Managed by Plumb: changes by hand are undone by the next run.",
    `Types: ${want.types.join(" ")}`,
    `URIs: ${want.uris.join(" ")}`,
    `Suites: ${want.suites.join(" ")}`,
    ...(want.suites.every((suite) => suite.endsWith("/"))
      ? []
      : [`Components: ${want.components.join(" ")}`]),
    ...(want.architectures === undefined ? [] : [`Architectures: ${want.architectures.join(" ")}`]),
    want.trusted ? "Trusted: yes" : `Signed-By: ${want.signedBy}`,
  ];
  return `${lines.join("\n")}\n`;
}

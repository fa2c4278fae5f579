import { z } from "zod";
import { type Alternative, type AlternativeState, alternativeState } from "../queries/alternative-state.ts";
import { pathState } from "../queries/path-state.ts";
import { type ShellText, sh } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const linkName = z.string().regex(/^[^\s/]+$/, { error: "must be a name without blanks and slashes" });

const params = z.strictObject({
  name: linkName.describe("The group of alternatives, such as editor."),
  path: absolutePath.describe("The program that is meant."),
  link: absolutePath
    .optional()
    .describe(
      "The link that leads to the chosen program, such as /usr/bin/editor. Needed for a group that is new.",
    ),
  priority: z
    .number()
    .int()
    .optional()
    .describe(
      "The highest one is chosen in `auto`. Without it an existing one stays, and a new program gets 50.",
    ),
  state: z
    .enum(["selected", "present", "auto", "absent"])
    .default("selected")
    .describe(
      "`present`: a choice. `selected`: a choice, and the one that counts. `auto`: a choice, and the priorities decide. `absent`: no choice.",
    ),
  subcommands: z
    .array(
      z.strictObject({
        name: linkName.describe("Name of the link."),
        path: absolutePath.describe("What it leads to."),
        link: absolutePath.describe("The link."),
      }),
    )
    .optional()
    .describe("Links that go along, such as manual pages."),
});

type Params = z.infer<typeof params>;

/** What has to be called, in this order. */
interface AlternativesChange {
  install:
    | { link: string; priority: number; slaves: { link: string; name: string; path: string }[] }
    | undefined;
  select: "set" | "auto" | undefined;
}

export const alternatives = defineModule<
  Params,
  { group: ReturnType<typeof alternativeState>; program: ReturnType<typeof pathState> },
  AlternativesChange
>({
  name: "alternatives",
  summary: "Which program a common name leads to, as update-alternatives keeps it",
  params,
  examples: [
    {
      title: "vim for whoever calls the editor",
      yaml: "- alternatives:\n    name: editor\n    path: /usr/bin/vim.basic\n",
    },
    {
      title: "A choice of one's own",
      yaml: "- alternatives:\n    name: psql-wrapper\n    link: /usr/local/bin/db\n    path: /opt/db/bin/psql\n    priority: 100\n    state: auto\n",
    },
    {
      title: "No longer a choice",
      yaml: "- alternatives:\n    name: psql-wrapper\n    path: /opt/db/bin/psql\n    state: absent\n",
    },
  ],
  returns: { value: "What the link leads to, as it was before." },
  queries: ({ name, path }) => ({ group: alternativeState(name), program: pathState({ path }) }),
  diff: (want, { group, program }, { changesPending }) => {
    const choice = group.exists ? group.alternatives.find(({ path }) => path === want.path) : undefined;
    const value = group.exists ? (group.value ?? null) : null;
    if (want.state === "absent") {
      if (choice === undefined)
        return { action: "none", reason: `${want.path} is no choice for ${want.name}`, data: { value } };
      return {
        action: "delete",
        summary: `take ${want.path} out of ${want.name}`,
        differences: [
          { kind: "field", name: want.path, before: `priority ${choice.priority}`, after: "absent" },
        ],
        detail: { install: undefined, select: undefined },
        data: { value },
      };
    }
    if (program.type === "absent" && !changesPending)
      throw new ModuleFailure(`${want.path} is not there, and can't be a choice for ${want.name}`);
    const installation = installed(want, group, choice);
    const selection = selectionOf(want, group);
    const differences = [...installation, ...selection];
    if (differences.length === 0)
      return { action: "none", reason: `${want.name}: ${want.path} is ${want.state}`, data: { value } };
    return {
      action: choice === undefined ? "create" : "update",
      summary: `${want.state === "selected" ? "choose" : "offer"} ${want.path} for ${want.name}`,
      differences,
      detail: {
        install: installation.length === 0 ? undefined : installationOf(want, group, choice),
        select: selection.length === 0 ? undefined : want.state === "auto" ? "auto" : "set",
      },
      data: { value },
    };
  },
  steps: ({ action, summary, detail }, { name, path }): Step[] => {
    const call = (script: ShellText): Step => ({ kind: "script", title: summary, script });
    if (action === "delete") return [call(sh`update-alternatives --quiet --remove ${name} ${path}`)];
    const { install, select } = detail;
    const slaves = install?.slaves.flatMap((one) => ["--slave", one.link, one.name, one.path]) ?? [];
    return [
      ...(install === undefined
        ? []
        : [
            call(
              sh`update-alternatives --quiet --install ${install.link} ${name} ${path} ${install.priority} ${slaves}`,
            ),
          ]),
      ...(select === "set" ? [call(sh`update-alternatives --quiet --set ${name} ${path}`)] : []),
      ...(select === "auto" ? [call(sh`update-alternatives --quiet --auto ${name}`)] : []),
    ];
  },
});

/** @throws ModuleFailure for a new group without a link. */
function installed(want: Params, group: AlternativeState, choice: Alternative | undefined): Difference[] {
  const differences: Difference[] = [];
  const compare = (name: string, before: string | undefined, after: string | undefined): void => {
    if (after === undefined || before === after) return;
    differences.push({ kind: "field", name, ...(before === undefined ? {} : { before }), after });
  };
  if (!group.exists && want.link === undefined)
    throw new ModuleFailure(`there is no group of alternatives ${want.name}`, {
      hint: "`link`, such as /usr/bin/NAME, makes one; is the package installed that brings it?",
    });
  compare("link", group.exists ? group.link : undefined, want.link);
  compare(
    want.path,
    choice === undefined ? "no choice" : `priority ${choice.priority}`,
    priorityText(want, choice),
  );
  for (const { name, path, link } of want.subcommands ?? []) {
    compare(`${name} path`, choice?.slaves.get(name), path);
    compare(`${name} link`, group.exists ? group.slaveLinks.get(name) : undefined, link);
  }
  return differences;
}

function priorityText(want: Params, choice: Alternative | undefined): string {
  return `priority ${want.priority ?? choice?.priority ?? 50}`;
}

function selectionOf(want: Params, group: AlternativeState): Difference[] {
  const value = group.exists ? (group.value ?? "nothing") : "nothing";
  if (want.state === "selected" && value !== want.path)
    return [{ kind: "field", name: want.name, before: value, after: want.path }];
  if (want.state === "auto" && group.exists && group.mode !== "auto")
    return [{ kind: "field", name: "mode", before: group.mode, after: "auto" }];
  return [];
}

/** Links that go along with the choice already stay, unless they are given anew: `--install` forgets those it is not told. */
function installationOf(
  want: Params,
  group: AlternativeState,
  choice: Alternative | undefined,
): AlternativesChange["install"] {
  const kept = [...(choice?.slaves ?? [])].flatMap(([name, path]) => {
    const link = group.exists ? group.slaveLinks.get(name) : undefined;
    const isGiven = want.subcommands?.some((one) => one.name === name) === true;
    return link === undefined || path === "" || isGiven ? [] : [{ name, path, link }];
  });
  return {
    link: want.link ?? (group.exists ? group.link : ""),
    priority: want.priority ?? choice?.priority ?? 50,
    slaves: [...kept, ...(want.subcommands ?? [])],
  };
}

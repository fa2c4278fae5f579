import { z } from "zod";
import { pathState } from "../queries/path-state.ts";
import { treeOwnership } from "../queries/tree-ownership.ts";
import { rawShell, sh, shellLines } from "../shell/shell-text.ts";
import type { Difference } from "./change.ts";
import { attributeDifferences, attributeScript } from "./managed-file.ts";
import { defineModule, ModuleFailure } from "./module.ts";
import { absolutePath, accountName, fileMode } from "./parameter-types.ts";
import type { Step } from "./step.ts";

const params = z
  .strictObject({
    path: absolutePath.optional().describe("The path. `dest` and `name` are other names for it."),
    dest: absolutePath.optional().describe("Another name for `path`."),
    name: absolutePath.optional().describe("Another name for `path`."),
    state: z
      .enum(["file", "directory", "touch", "link", "hard", "absent"])
      .default("file")
      .describe(
        "`file`: is there already, with these attributes. `directory`: is made, parents too. `touch`: an empty file is made where there is none. `link`, `hard`: points to `src`. `absent`: is removed, with all below.",
      ),
    src: z.string().optional().describe("What a link points to."),
    owner: accountName.optional().describe("User who owns it."),
    group: accountName.optional().describe("Group that owns it."),
    mode: fileMode.optional().describe("Permission bits, in quotes."),
    recurse: z.boolean().default(false).describe("Owner and group of everything below too."),
    force: z.boolean().default(false).describe("Replace what is in the way of a link."),
  })
  .refine((all) => [all.path, all.dest, all.name].filter(Boolean).length === 1, {
    error: "give `path` once",
    path: ["path"],
  })
  .refine((all) => (all.state === "link" || all.state === "hard") === (all.src !== undefined), {
    error: "`src` belongs to `state: link` and `state: hard`",
    path: ["src"],
  });

type Params = z.infer<typeof params>;

const pathOf = ({ path, dest, name }: Params): string =>
  (path ?? dest ?? name ?? "").replace(/(.)\/+$/, "$1");

export const file = defineModule({
  name: "file",
  summary: "Directories, links, owners and modes; removes files and trees",
  params,
  examples: [
    {
      title: "A directory",
      yaml: '- file:\n    path: /etc/pgbouncer\n    state: directory\n    owner: root\n    group: pgbouncer\n    mode: "0750"\n',
    },
    { title: "Gone, with all below it", yaml: "- file:\n    path: /var/cache/old\n    state: absent\n" },
    {
      title: "A link",
      yaml: "- file:\n    path: /usr/local/bin/tool\n    src: /opt/tool/bin/tool\n    state: link\n",
    },
  ],
  returns: { path: "The path." },
  queries: (want) => ({
    at: pathState({ path: pathOf(want) }),
    source: pathState({ path: want.state === "hard" ? (want.src ?? "/") : "/" }),
    below: treeOwnership({
      path: pathOf(want),
      ...(want.recurse && want.owner !== undefined ? { owner: want.owner } : {}),
      ...(want.recurse && want.group !== undefined ? { group: want.group } : {}),
    }),
  }),
  diff: (want, { at, below }, { changesPending }) => {
    const path = pathOf(want);
    const data = { path };
    const none = (reason: string) => ({ action: "none" as const, reason, data });
    if (want.state === "absent") {
      if (at.type === "absent") return none(`${path} is not there`);
      return {
        action: "delete",
        summary: `remove ${path}`,
        differences: [field("state", at.type, "absent")],
        detail: undefined,
        data,
      };
    }
    if (want.state === "file" && at.type === "absent") {
      if (changesPending)
        return {
          action: "update",
          summary: `set owner and mode of ${path}`,
          differences: attributeDifferences(want, at),
          detail: undefined,
          data,
        };
      throw new ModuleFailure(`${path} is not there`, {
        hint: "`state: touch` makes an empty file, `state: directory` a directory; copy and template write content",
      });
    }
    const wantedType = { file: undefined, directory: "directory", touch: "file", link: "link", hard: "file" }[
      want.state
    ];
    if (wantedType !== undefined && at.type !== "absent" && at.type !== wantedType) {
      const replaceable = want.state === "link" && want.force && at.type === "file";
      const followed = want.state === "directory" && at.type === "link";
      if (!replaceable && !followed)
        throw new ModuleFailure(`${path} is a ${at.type}, and a ${wantedType} is wanted there`, {
          hint: "move it away first",
        });
    }
    const differences: Difference[] = [...attributeDifferences(want, at)];
    if (wantedType !== undefined && at.type === "absent")
      differences.unshift(field("state", "absent", want.state));
    if (want.state === "link" && at.type === "link" && at.target !== want.src)
      differences.push(field("src", at.target, want.src));
    if (want.state === "link" && at.type === "file") differences.push(field("state", "file", "link"));
    if (below.differing.length > 0)
      differences.push(field("below", `${below.differing.length} with another owner`, "as wanted"));
    if (differences.length === 0) return none(`${path} is as wanted`);
    const action = at.type === "absent" ? "create" : "update";
    return {
      action,
      summary: `${action === "create" ? "create" : "change"} ${path}`,
      differences,
      detail: undefined,
      data,
    };
  },
  steps: (change, want): Step[] => {
    const path = pathOf(want);
    if (change.action === "delete")
      return [{ kind: "script", title: change.summary, script: sh`rm -rf -- ${path}` }];
    const owner = `${want.owner ?? ""}${want.group === undefined ? "" : `:${want.group}`}`;
    const script = shellLines(
      rawShell("set -e"),
      makeScript(want, path),
      want.state === "link"
        ? owner === ""
          ? undefined
          : sh`chown -h -- ${owner} ${path}`
        : attributeScript({ path, owner: want.owner, group: want.group, mode: want.mode }),
      want.recurse && owner !== "" ? sh`chown -hR -- ${owner} ${path}` : undefined,
    );
    return [{ kind: "script", title: change.summary, script }];
  },
});

function makeScript(want: Params, path: string): ReturnType<typeof sh> | undefined {
  switch (want.state) {
    case "directory":
      return sh`mkdir -p -- ${path}`;
    case "touch":
      return sh`[ -e ${path} ] || ( umask 077; set -C; : > ${path} ); ${want.mode === undefined ? sh`chmod 0644 -- ${path}` : sh`:`}`;
    case "link":
      return sh`ln -sfnT -- ${want.src ?? ""} ${path}`;
    case "hard":
      return sh`[ ${want.src ?? ""} -ef ${path} ] || ln -fT -- ${want.src ?? ""} ${path}`;
    default:
      return undefined;
  }
}

function field(name: string, before: string | undefined, after: string | undefined): Difference {
  return {
    kind: "field",
    name,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
  };
}

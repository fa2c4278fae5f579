import { z } from "zod";
import type { QueryMap } from "../queries/query.ts";
import { type RpmRow, type RpmState, rpmPackage } from "../queries/rpm-package.ts";
import { sh } from "../shell/shell-text.ts";
import type { Change, Difference } from "./change.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import { compareRpmVersions, rpmVersionText } from "./rpm-version.ts";
import type { Step } from "./step.ts";

const packageName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+:~^-]*$/, {
  error:
    "must be the name of a package, with a version behind - if it must be that one: postgresql-server-15.4. Groups, files and patterns are not taken",
});
const repositories = z
  .union([z.string(), z.array(z.string())])
  .default([])
  .transform((value) => [value].flat().flatMap((text) => text.split(",")))
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9_.:*-]+$/, { error: "must be the names of repositories" })));

const params = z.strictObject({
  name: z
    .union([packageName, z.array(packageName).min(1)])
    .describe("One package or several, each with `-version` if it must be that one."),
  state: z
    .enum(["present", "installed", "latest", "absent", "removed"])
    .default("present")
    .describe(
      "`present` (or `installed`), `latest`: at the newest version in the repositories; `absent` (or `removed`).",
    ),
  enablerepo: repositories.describe("Repositories that are used although they are off."),
  disablerepo: repositories.describe("Repositories that are not used."),
  disable_gpg_check: z.boolean().default(false).describe("Take packages without checking their signatures."),
  update_cache: z
    .boolean()
    .default(false)
    .describe("Look into the repositories anew, however fresh what is known of them."),
  autoremove: z.boolean().default(false).describe("With `absent`: what was installed only for it, too."),
  allow_downgrade: z
    .boolean()
    .default(false)
    .describe("A pinned version may be older than the installed one."),
  install_weak_deps: z.boolean().default(true).describe("Install recommended packages too."),
});

type Params = z.infer<typeof params>;
export type DnfParams = Params;

export interface DnfChange {
  names: string[];
  /** Those of them that are installed in an older version. */
  upgrade: string[];
}

const namesOf = ({ name }: Params): string[] => [name].flat();
const isRemoval = ({ state }: Params): boolean => state === "absent" || state === "removed";

export const dnf = defineModule<Params, QueryMap, DnfChange>({
  name: "dnf",
  aliases: ["yum"],
  summary: "RPM packages: installed, at a version, or removed",
  description:
    "dnf runs without questions, and waits for another one to finish. Tried with dnf 4 (RHEL 8 and 9, and their kin); dnf 5 has not been tried. Groups, modules, files and patterns are for `command`.",
  params,
  examples: [
    { title: "Installed", yaml: "- dnf:\n    name: [nginx, postgresql-server-15.4]\n" },
    {
      title: "At the newest version, from a repository that is off",
      yaml: "- dnf:\n    name: pgbouncer\n    state: latest\n    enablerepo: pgdg-common\n",
    },
    { title: "Gone", yaml: "- dnf:\n    name: telnet\n    state: absent\n" },
  ],
  returns: { versions: "Installed version of each package, by name, as it was before." },
  queries: (want) =>
    Object.fromEntries(
      namesOf(want).map((spec) => [
        `package ${spec}`,
        rpmPackage({ spec, newest: want.state === "latest", options: repositoryOptions(want) }),
      ]),
    ),
  diff: (want, answers, situation): Change<DnfChange> => {
    const states = new Map(namesOf(want).map((spec) => [spec, answers[`package ${spec}`] as RpmState]));
    const versions = Object.fromEntries(
      [...states].map(([spec, { installed }]) => [
        spec,
        installed === undefined ? null : rpmVersionText(installed),
      ]),
    );
    const change = isRemoval(want) ? removal(states) : installation(want, states, situation);
    return { ...change, data: { versions } };
  },
  steps: ({ summary, detail }, want): Step[] => {
    const options = [
      ...repositoryOptions(want),
      ...(want.disable_gpg_check ? ["--nogpgcheck"] : []),
      `--setopt=install_weak_deps=${want.install_weak_deps ? "True" : "False"}`,
      ...(isRemoval(want) && !want.autoremove ? ["--noautoremove"] : []),
    ];
    // `install` leaves an older version that is there alone.
    const calls: [verb: string, names: readonly string[]][] = isRemoval(want)
      ? [["remove", detail.names]]
      : [
          ["install", detail.names.filter((name) => !detail.upgrade.includes(name))],
          ["upgrade", detail.upgrade],
        ];
    return calls
      .filter(([, names]) => names.length > 0)
      .map(([verb, names]) => ({
        kind: "script",
        title: summary,
        script: sh`dnf -y -q ${options} ${verb} ${names}`,
      }));
  },
});

/** The question and the installation must mean the same repositories. */
function repositoryOptions(want: Params): string[] {
  return [
    ...want.disablerepo.map((name) => `--disablerepo=${name}`),
    ...want.enablerepo.map((name) => `--enablerepo=${name}`),
    ...(want.update_cache ? ["--refresh"] : []),
  ];
}

function removal(states: ReadonlyMap<string, RpmState>): Change<DnfChange> {
  const present = [...states].filter(([, { installed }]) => installed !== undefined);
  const names = present.map(([spec]) => spec);
  if (names.length === 0)
    return { action: "none", reason: `${[...states.keys()].join(", ")}: not installed` };
  return {
    action: "delete",
    summary: `remove ${names.join(", ")}`,
    differences: present.map(([spec, { installed }]) => versionChange(spec, installed, "not installed")),
    detail: { names, upgrade: [] },
  };
}

/** @throws ModuleFailure for a package that no repository has, or an older one that may not replace a newer one. */
function installation(
  want: Params,
  states: ReadonlyMap<string, RpmState>,
  situation: Situation,
): Change<DnfChange> {
  const wanting = [...states].filter(
    ([, { installed, available }]) =>
      installed === undefined || (want.state === "latest" && available.length > 0),
  );
  const names = wanting.map(([spec]) => spec);
  if (names.length === 0)
    return {
      action: "none",
      reason: `${[...states.keys()].join(", ")}: ${want.state === "latest" ? "the newest is installed" : "installed"}`,
    };
  for (const [spec, state] of wanting) checkPossible(want, spec, state, situation);
  return {
    action: wanting.every(([, { installed, other }]) => (installed ?? other) === undefined)
      ? "create"
      : "update",
    summary: `install ${names.join(", ")}`,
    differences: wanting.map(([spec, { installed, other, available }]) =>
      versionChange(
        spec,
        installed ?? other,
        available.length === 1 && available[0] !== undefined
          ? rpmVersionText(available[0])
          : "the newest available",
      ),
    ),
    detail: {
      names,
      upgrade: wanting.filter(([, { installed }]) => installed !== undefined).map(([spec]) => spec),
    },
  };
}

function checkPossible(want: Params, spec: string, state: RpmState, { changesPending }: Situation): void {
  const [target] = state.available;
  if (target === undefined) {
    if (changesPending) return;
    throw new ModuleFailure(`no repository has ${spec}`, {
      hint: "is the name right, and is the repository on (`enablerepo`)? `update_cache: true` looks anew",
    });
  }
  const { other } = state;
  if (other !== undefined && !want.allow_downgrade && compareRpmVersions(target, other) < 0)
    throw new ModuleFailure(`${spec} is older than the ${rpmVersionText(other)} that is installed`, {
      hint: "`allow_downgrade: true` takes it all the same",
    });
}

function versionChange(spec: string, before: RpmRow | undefined, after: string): Difference {
  return {
    kind: "field",
    name: spec,
    before: before === undefined ? "not installed" : rpmVersionText(before),
    after,
  };
}

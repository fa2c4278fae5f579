import { z } from "zod";
import { aptListsAge } from "../queries/apt-lists.ts";
import { type AptAction, type AptPlanned, aptPlan } from "../queries/apt-plan.ts";
import { type DebFile, debFile } from "../queries/deb-file.ts";
import { type PackageState, packageState } from "../queries/package-state.ts";
import type { QueryMap } from "../queries/query.ts";
import { aptScript } from "./apt-script.ts";
import type { Change, Difference } from "./change.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import { debChange } from "./package-deb.ts";

const packageName = z.string().regex(/^[a-z0-9][a-z0-9.+-]*(=[A-Za-z0-9.+~:-]+)?$/, {
  error:
    "must be the name of a package, with a version behind = if it must be that one: pgbouncer=1.18.0-1+deb12u1",
});

const params = z
  .strictObject({
    name: z
      .union([packageName, z.array(packageName)])
      .optional()
      .describe("One package or several, each with `=version` if it must be that one."),
    pkg: z
      .union([packageName, z.array(packageName)])
      .optional()
      .describe("Another name for `name`."),
    deb: z
      .string()
      .refine((text) => !/^[a-z]+:\/\//.test(text), {
        error:
          "is a file on the host here: `get_url` fetches it, with the checksum that says it is the right one",
      })
      .refine((text) => /^\/.+\.deb$/.test(text) || /^[a-z]+:\/\//.test(text), {
        error: "must be the absolute path of a .deb file on the host",
      })
      .optional()
      .describe("A package file on the host, instead of `name`; what it depends on is installed too."),
    state: z
      .enum(["present", "absent", "latest"])
      .default("present")
      .describe("`present`: installed. `latest`: at the newest version that apt knows. `absent`: removed."),
    purge: z.boolean().default(false).describe("With `absent`: configuration files too."),
    autoremove: z
      .boolean()
      .default(false)
      .describe(
        "With `absent`: what was installed only for it, too. Without `name`: whatever nothing needs any more.",
      ),
    upgrade: z
      .union([z.boolean(), z.enum(["yes", "no", "safe", "full", "dist"])])
      .default(false)
      .describe(
        "Without `name`: bring every package up to date; `safe` removes none, `full` and `dist` where that is necessary.",
      ),
    only_upgrade: z.boolean().default(false).describe("Packages that are not installed stay so."),
    lock_timeout: z
      .number()
      .int()
      .min(0)
      .default(300)
      .describe("Seconds to wait for another apt or dpkg to finish."),
    update_cache: z
      .boolean()
      .default(true)
      .describe(
        "Refresh apt's lists before something is installed, if they are older than `cache_valid_time`; without `name`, for their own sake.",
      ),
    cache_valid_time: z
      .number()
      .int()
      .min(0)
      .default(3600)
      .describe("Seconds for which apt's lists count as fresh."),
    install_recommends: z.boolean().default(false).describe("Install recommended packages too."),
    default_release: z.string().optional().describe("Prefer this release, such as bookworm-backports."),
    allow_downgrade: z
      .boolean()
      .default(false)
      .describe("A pinned version may be older than the installed one."),
    allow_change_held_packages: z
      .boolean()
      .default(false)
      .describe("Change a package that is on hold, too; afterwards it is on hold again."),
    start_services: z
      .boolean()
      .default(true)
      .describe(
        "Whether a package's service may start when it is installed. `false` keeps it down until it is configured.",
      ),
  })
  .refine((all) => all.name === undefined || all.pkg === undefined, {
    error: "is another name for `name`: give one",
    path: ["pkg"],
  })
  .refine((all) => upgradeOf(all) === undefined || (all.name ?? all.pkg) === undefined, {
    error: "is about every package: for some, `state: latest`",
    path: ["upgrade"],
  })
  .refine((all) => all.deb === undefined || (all.name ?? all.pkg) === undefined, {
    error: "says which package it is: leave out `name`",
    path: ["deb"],
  })
  .refine((all) => all.deb === undefined || upgradeOf(all) === undefined, {
    error: "is about one package, and `upgrade` about all",
    path: ["deb"],
  })
  .refine((all) => (all.name ?? all.pkg) !== undefined || all.state !== "absent", {
    error: "give the `name`",
    path: ["name"],
  });

type Params = z.infer<typeof params>;

/** What apt calls it. */
function upgradeOf({ upgrade }: { upgrade: boolean | string }): "upgrade" | "dist-upgrade" | undefined {
  if (upgrade === false || upgrade === "no") return undefined;
  return upgrade === "full" || upgrade === "dist" ? "dist-upgrade" : "upgrade";
}

/** Without names it is about the whole system. */
const isGeneral = ({ name, pkg, deb }: Params): boolean => (name ?? pkg ?? deb) === undefined;

interface Wanted {
  name: string;
  version: string | undefined;
}

/** What has to be done, by package. */
export interface PackageChange {
  install: Wanted[];
  remove: string[];
  refreshLists: boolean;
  configureBroken: boolean;
  /** On hold, and so again when it is done. */
  held?: readonly string[];
  /** About every package: in this order. */
  general: readonly AptAction[];
}

const wantedOf = ({ name, pkg }: Params): Wanted[] =>
  [name ?? pkg ?? []].flat().map((text) => {
    const [bare = "", version] = text.split("=");
    return { name: bare, version };
  });

export const packageModule = defineModule<Params, QueryMap, PackageChange>({
  name: "package",
  aliases: ["apt"],
  summary: "Debian packages: installed, at a version, or removed",
  description:
    "apt-get runs without questions: configuration files that were changed by hand stay, and it waits up to five minutes for another apt to finish. An interrupted dpkg is taken up where it stopped.",
  params,
  examples: [
    { title: "Installed", yaml: "- package:\n    name: [nginx, curl]\n" },
    {
      title: "This version, and its service stays down until it is configured",
      yaml: "- package:\n    name: pgbouncer=1.18.0-1+deb12u1\n    start_services: false\n",
    },
    {
      title: "Everything up to date, and nothing that nobody needs",
      yaml: "- package:\n    upgrade: full\n    autoremove: true\n    cache_valid_time: 86400\n",
    },
    {
      title: "A package file",
      yaml: "- get_url:\n    url: https://example.org/tool_1.2_amd64.deb\n    checksum: sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\n    dest: /var/cache/tool.deb\n- package:\n    deb: /var/cache/tool.deb\n",
    },
    {
      title: "Gone, with its configuration",
      yaml: "- package:\n    name: telnet\n    state: absent\n    purge: true\n",
    },
  ],
  returns: { versions: "Installed version of each package, by name." },
  queries: (want) => ({
    lists: aptListsAge("age"),
    deb: debFile(want.deb),
    upgrade: aptPlan(isGeneral(want) ? upgradeOf(want) : undefined),
    autoremove: aptPlan(isGeneral(want) && want.autoremove ? "autoremove" : undefined),
    ...Object.fromEntries(
      wantedOf(want).map(({ name }) => [
        `package ${name}`,
        packageState({ name, ...(want.state === "latest" ? { candidate: true } : {}) }),
      ]),
    ),
  }),
  diff: (want, answers, situation) => {
    const lists = answers["lists"] as { seconds: number | undefined };
    const states = new Map(
      wantedOf(want).map(({ name }) => [name, answers[`package ${name}`] as PackageState]),
    );
    if (want.deb !== undefined)
      return debChange(want.deb, answers["deb"] as DebFile, want, areStale(want, lists.seconds), situation);
    if (isGeneral(want)) {
      const [upgrade, autoremove] = [answers["upgrade"], answers["autoremove"]] as {
        planned: readonly AptPlanned[];
      }[];
      return generalChange(want, lists.seconds, upgrade?.planned ?? [], autoremove?.planned ?? []);
    }
    return want.state === "absent"
      ? removal(want, states)
      : installation(want, states, lists.seconds, situation);
  },
  touches: (_, change) => {
    if (change === undefined) return [{ kind: "packages" }];
    const { install, remove, configureBroken, general } = change.detail;
    return install.length + remove.length + general.length > 0 ||
      configureBroken ||
      change.action !== "update"
      ? [{ kind: "packages" }]
      : [];
  },
  steps: (change, want) => [
    {
      kind: "script",
      title: change.summary,
      script: aptScript(change.detail, want),
      timeoutMs: 30 * 60_000,
    },
  ],
});

function generalChange(
  want: Params,
  listsSeconds: number | undefined,
  upgrades: readonly AptPlanned[],
  removals: readonly AptPlanned[],
): Change<PackageChange> {
  const refreshLists = areStale(want, listsSeconds);
  const upgrade = upgradeOf(want);
  const planned = [...upgrades, ...removals];
  const differences = planned.map(({ name, before, after }) => versionChange(name, before, after));
  if (refreshLists)
    differences.push({
      kind: "field",
      name: "package lists",
      before: listsSeconds === undefined ? "none" : `${listsSeconds} s old`,
      after: "fresh",
    });
  if (differences.length === 0) return { action: "none", reason: "nothing to do" };
  return {
    action: "update",
    summary: planned.length === 0 ? "refresh the lists of packages" : `change ${planned.length} packages`,
    differences,
    detail: {
      install: [],
      remove: [],
      refreshLists,
      configureBroken: false,
      // With fresh lists there may be more to do than the old ones say.
      general: [
        ...(upgrade === undefined ? [] : [upgrade]),
        ...(want.autoremove ? ["autoremove" as const] : []),
      ],
    },
  };
}

function areStale(
  { update_cache: wanted, cache_valid_time: valid }: Params,
  seconds: number | undefined,
): boolean {
  return wanted && (seconds === undefined || seconds > valid);
}

function removal(want: Params, states: ReadonlyMap<string, PackageState>): Change<PackageChange> {
  const remove = [...states]
    .filter(([, state]) => state.installed !== undefined || state.broken || (want.purge && state.leftovers))
    .map(([name]) => name);
  if (remove.length === 0) return { action: "none", reason: "not installed" };
  return {
    action: "delete",
    summary: `remove ${remove.join(", ")}`,
    differences: remove.map((name) =>
      versionChange(
        name,
        states.get(name)?.leftovers === true ? "configuration files" : states.get(name)?.installed,
        undefined,
      ),
    ),
    detail: { install: [], remove, refreshLists: false, configureBroken: false, general: [] },
  };
}

function installation(
  want: Params,
  states: ReadonlyMap<string, PackageState>,
  listsSeconds: number | undefined,
  situation: Situation,
): Change<PackageChange> {
  const refreshLists = areStale(want, listsSeconds);
  const install = wantedOf(want).filter(({ name, version }) =>
    isWanting(want, version, states.get(name), refreshLists),
  );
  const broken = [...states.values()].some((state) => state.broken);
  const versions = Object.fromEntries(
    [...states].map(([name, state]) => [name, state.installed ?? state.candidate ?? null]),
  );
  if (install.length === 0 && !broken) return { action: "none", reason: "installed", data: { versions } };
  for (const { name } of install) {
    const state = states.get(name);
    if (state?.held === true && !want.allow_change_held_packages)
      throw new ModuleFailure(`${name} is on hold`, {
        hint: `apt-mark unhold ${name}, if it should change after all`,
      });
    if (
      state?.candidate === undefined &&
      state?.installed === undefined &&
      !refreshLists &&
      !situation.changesPending
    ) {
      throw new ModuleFailure(`apt knows no package ${name}`, {
        hint: "is the name right, and does the host have the repository? `update_cache: true` with a smaller `cache_valid_time` refreshes the lists",
      });
    }
  }
  const names = install.map(({ name, version }) => (version === undefined ? name : `${name}=${version}`));
  return {
    action: [...states.values()].every((state) => state.installed === undefined) ? "create" : "update",
    summary:
      broken && install.length === 0 ? "finish an interrupted installation" : `install ${names.join(", ")}`,
    differences: install.map(({ name, version }) => {
      const state = states.get(name);
      return versionChange(
        name,
        state?.installed,
        version ??
          (refreshLists && state?.installed !== undefined ? undefined : state?.candidate) ??
          "what the refreshed lists say",
      );
    }),
    detail: {
      install,
      remove: [],
      refreshLists,
      configureBroken: broken,
      held: install.map(({ name }) => name).filter((name) => states.get(name)?.held === true),
      general: [],
    },
    data: { versions },
  };
}

function isWanting(
  want: Params,
  version: string | undefined,
  state: PackageState | undefined,
  refreshLists: boolean,
): boolean {
  if (state?.installed === undefined && want.only_upgrade) return false;
  if (state?.installed === undefined || state.broken) return true;
  if (version !== undefined) return state.installed !== version;
  // Old lists do not know what is the latest.
  if (want.state === "latest" && refreshLists && !(state.held && !want.allow_change_held_packages))
    return true;
  return want.state === "latest" && state.candidate !== undefined && state.candidate !== state.installed;
}

function versionChange(name: string, before: string | undefined, after: string | undefined): Difference {
  return { kind: "field", name, before: before ?? "not installed", after: after ?? "not installed" };
}

import type { QueryMap } from "../queries/query.ts";
import { aptPackages, type PackageChange } from "./apt-packages.ts";
import type { Change, NeededChange } from "./change.ts";
import { type DnfChange, dnf } from "./dnf.ts";
import { asDnf } from "./dnf-parameters.ts";
import { defineModule, ModuleFailure, type Situation } from "./module.ts";
import { type PackageParams, packageParams } from "./package-params.ts";

type Manager = "apt" | "dnf";

type Detail = { manager: "apt"; apt: PackageChange } | { manager: "dnf"; dnf: DnfChange };

export const packageModule = defineModule<PackageParams, QueryMap, Detail>({
  name: "package",
  aliases: ["apt"],
  summary: "Packages: installed, at a version, or removed",
  description:
    "With apt or with dnf, whichever is the host's (`use`). Most parameters are apt's; what dnf has no word for is an error on its hosts. apt-get runs without questions: configuration files that were changed by hand stay, and it waits up to five minutes for another apt to finish. An interrupted dpkg is taken up where it stopped.",
  params: packageParams,
  examples: [
    {
      title: "Installed, with apt or dnf, whichever is there",
      yaml: "- package:\n    name: [nginx, curl]\n",
    },
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
  queries: (want, situation) =>
    managerFor(want, situation) === "dnf" ? dnf.queries(asDnf(want), situation) : aptPackages.queries(want),
  diff: (want, answers, situation): Change<Detail> => {
    if (managerFor(want, situation) === "apt") {
      const change = aptPackages.diff(want, answers, situation);
      return change.action === "none"
        ? change
        : { ...change, detail: { manager: "apt", apt: change.detail } };
    }
    const change = dnf.diff(asDnf(want), answers, situation);
    return change.action === "none" ? change : { ...change, detail: { manager: "dnf", dnf: change.detail } };
  },
  touches: (want, change) => {
    if (change?.detail.manager === "dnf") return [{ kind: "lost", what: `package: ${change.summary}` }];
    return aptPackages.touches(want, change === undefined ? undefined : aptChange(change));
  },
  steps: (change, want, situation) =>
    change.detail.manager === "dnf"
      ? dnf.steps({ ...change, detail: change.detail.dnf }, asDnf(want), situation)
      : aptPackages.steps(aptChange(change), want),
  result: (_want, outputs, change) =>
    change.detail.manager === "dnf"
      ? { changed: true, ...(change.data === undefined ? {} : { data: change.data }) }
      : aptPackages.result(outputs, aptChange(change)),
});

function aptChange(change: NeededChange<Detail>): NeededChange<PackageChange> {
  if (change.detail.manager !== "apt") throw new Error("a change by dnf was taken for one by apt");
  return { ...change, detail: change.detail.apt };
}

/**
 * The host's package manager. Before its facts are known apt is guessed: then what nearly all hosts need travels with the first questions.
 *
 * @throws ModuleFailure for a manager that there is nothing for.
 */
function managerFor({ use }: PackageParams, { factsSoFar }: Situation): Manager {
  if (use === "apt") return "apt";
  if (use === "dnf" || use === "yum") return "dnf";
  const told = factsSoFar?.["pkg_mgr"] ?? "apt";
  if (told === "apt" || told === "dnf") return told;
  throw new ModuleFailure(
    `the package manager of this host (${String(factsSoFar?.["distribution"])}) is ${String(told)}`,
    {
      hint: "`package` knows apt and dnf, and `use` says which; for others there is `command`",
    },
  );
}

import { z } from "zod";
import { type InstalledPackage, installedPackages } from "../queries/installed-packages.ts";
import type { ValueMap } from "../variables/value.ts";
import { defineModule } from "./module.ts";

const params = z.strictObject({
  manager: z
    .enum(["auto", "apt", "rpm"])
    .default("auto")
    .describe("Whose packages. `auto`: dpkg's where there is a dpkg, else rpm's."),
});

export const packageFacts = defineModule<
  z.infer<typeof params>,
  { packages: ReturnType<typeof installedPackages> },
  ValueMap
>({
  name: "package_facts",
  summary: "Tells which packages are installed, as `ansible_facts.packages`",
  description:
    "A package can be installed in several versions or architectures at once, so each name leads to a list, as in Ansible. It changes nothing, so it runs in check mode too. Versions alone, of Debian packages, are in `ansible_facts.package_versions` without this module.",
  params,
  inCheckMode: "run",
  examples: [
    {
      title: "Is it installed?",
      yaml: "- package_facts:\n- debug:\n    msg: There is a pooler\n  when: \"'pgbouncer' in ansible_facts.packages\"\n",
    },
    {
      title: "Its version, of RPM",
      yaml: "- package_facts:\n    manager: rpm\n- debug:\n    msg: !expr ansible_facts.packages['bash'][0].version\n",
    },
  ],
  returns: {
    ansible_facts:
      "`packages`: by name a list of `name`, `version`, `arch`, `source` (apt or rpm); of Debian also `category`, of RPM also `release` and `epoch`.",
  },
  queries: ({ manager }) => ({ packages: installedPackages(manager) }),
  diff: (_want, { packages }) => ({
    action: "run",
    summary: `found ${packages.length} packages`,
    differences: [],
    detail: { packages: byName(packages) },
  }),
  steps: () => [],
  result: (_want, _outputs, { detail, summary }) => ({
    changed: false,
    message: summary,
    gathered: detail,
    data: { ansible_facts: detail },
  }),
});

function byName(packages: readonly InstalledPackage[]): ValueMap {
  const lists = new Map<string, ValueMap[]>();
  for (const one of packages) {
    const list = lists.get(one.name);
    if (list === undefined) lists.set(one.name, [{ ...one }]);
    else list.push({ ...one });
  }
  return Object.fromEntries(lists);
}

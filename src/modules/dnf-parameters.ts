import type { z } from "zod";
import { type DnfParams, dnf } from "./dnf.ts";
import { ModuleFailure, type ParameterFinding } from "./module.ts";
import type { PackageParams } from "./package-params.ts";

/** Parameters of `package` that only apt has a meaning for, and what they are when nobody gives them. Those that dnf does by itself are not among them. */
const OF_APT: readonly [name: keyof PackageParams & string, unset: unknown, instead: string][] = [
  ["deb", undefined, "`command: dnf install FILE` does it"],
  ["purge", false, "rpm knows no configuration files that stay behind"],
  ["upgrade", false, "`command: dnf upgrade` does it"],
  ["only_upgrade", false, "ask `package_facts` before, and say `when`"],
  ["default_release", undefined, "`dnf` takes `enablerepo`"],
  ["allow_change_held_packages", false, "`command: dnf versionlock` takes the lock off"],
  ["start_services", true, "packages of its hosts start nothing of their own accord"],
];

/**
 * What `package` was asked for, in the words of `dnf`.
 *
 * @throws ModuleFailure, with the parameters that mean nothing there.
 */
export function asDnf(want: PackageParams): DnfParams {
  const findings: ParameterFinding[] = OF_APT.filter(([name, unset]) => want[name] !== unset).map(
    ([name, , instead]) => ({
      path: [name],
      message: `\`${name}\` is apt's, and this host has dnf`,
      hint: instead,
    }),
  );
  const names = want.name ?? want.pkg;
  if (names === undefined)
    findings.push({ path: ["name"], message: "this host has dnf, which needs the `name` of a package" });
  const { name: _name, pkg: _pkg, ...rest } = want;
  const checked = dnf.params.safeParse({
    name: names ?? "-",
    state: rest.state,
    autoremove: rest.autoremove,
    allow_downgrade: rest.allow_downgrade,
    install_weak_deps: rest.install_recommends,
    update_cache: rest.update_cache === true,
  } satisfies z.input<typeof dnf.params>);
  if (names !== undefined && !checked.success)
    findings.push(
      ...checked.error.issues.map(({ message }) => ({
        path: [want.name === undefined ? "pkg" : "name"],
        message,
      })),
    );
  if (findings.length > 0 || !checked.success)
    throw new ModuleFailure(findings.map(({ message }) => message).join("; "), { findings });
  return checked.data;
}

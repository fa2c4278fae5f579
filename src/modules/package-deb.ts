import type { DebFile } from "../queries/deb-file.ts";
import type { PackageChange } from "./apt-packages.ts";
import type { Change } from "./change.ts";
import { ModuleFailure, type Situation } from "./module.ts";

/** Whether the package in a file has to be installed. A later version that is installed stays, as in Ansible, unless it may be taken back. */
export function debChange(
  path: string,
  at: DebFile,
  { allow_downgrade: mayGoBack }: { allow_downgrade: boolean },
  refreshLists: boolean,
  { changesPending }: Situation,
): Change<PackageChange> {
  if (!at.exists && !changesPending)
    throw new ModuleFailure(`${path} is not there`, { hint: "`copy` or `get_url` brings it to the host" });
  if (at.exists && at.installed === at.version)
    return {
      action: "none",
      reason: `${at.name} ${at.version} is installed`,
      data: dataOf(at.name, at.version),
    };
  if (at.exists && at.isOlder && !mayGoBack)
    return {
      action: "none",
      reason: `${at.name} ${at.installed ?? ""} is installed, which is later than ${at.version}`,
      data: dataOf(at.name, at.installed ?? ""),
    };
  const name = at.exists ? at.name : path;
  return {
    action: at.exists && at.installed !== undefined ? "update" : "create",
    summary: `install ${path}`,
    differences: [
      {
        kind: "field",
        name,
        before: (at.exists ? at.installed : undefined) ?? "not installed",
        after: at.exists ? at.version : "what the file holds",
      },
    ],
    detail: {
      install: [{ name: path, version: undefined }],
      remove: [],
      refreshLists,
      configureBroken: false,
      general: [],
    },
    ...(at.exists ? { data: dataOf(at.name, at.version) } : {}),
  };
}

function dataOf(name: string, version: string): { versions: Record<string, string> } {
  return { versions: { [name]: version } };
}

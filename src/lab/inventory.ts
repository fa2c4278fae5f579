import { stringify } from "yaml";
import type { LabStatus } from "./lab.ts";

/** The inventory of a lab, in YAML as Ansible has it. Groups name hosts; every host is reached as root (or `user`) with the lab's key; `variables` are everybody's. */
export function labInventory(
  lab: LabStatus,
  groups: Readonly<Record<string, readonly string[]>>,
  user = "root",
  variables: Readonly<Record<string, unknown>> = {},
): string {
  const hosts = Object.fromEntries(lab.hosts.map((host) => [host.name, { ansible_host: host.address }]));
  const children = Object.entries(groups).map(([group, names]) => [
    group,
    { hosts: Object.fromEntries(names.map((name) => [name, {}])) },
  ]);
  return stringify({
    all: {
      vars: {
        ansible_user: user,
        ansible_ssh_private_key_file: lab.keyFile,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${lab.knownHostsFile}`,
        ...variables,
      },
      hosts,
      children: Object.fromEntries(children),
    },
  });
}

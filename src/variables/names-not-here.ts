const NO_PYTHON = "Plumb needs no Python on hosts, and has none of its own";
const COMMAND = "with `register` and `changed_when: false`";

/** Facts and magic variables of Ansible's that Plumb does not have, without `ansible_`, with what to write instead. */
const INSTEAD: readonly (readonly [names: RegExp, instead: string])[] = [
  [/^(playbook_)?python(_version|_interpreter)?$|^selinux_python_present$/, NO_PYTHON],
  [/^config_file$/, "Plumb has no configuration file: options and PLUMB_… variables say it"],
  [/^collection_name$/, "Plumb has no collections"],
  [
    /^search_path$/,
    "files are looked for in the role, then beside the playbook: `role_path`, `playbook_dir`",
  ],
  [/^parent_role_(names|paths)$/, "give the name to the role as a variable of its `include_role`"],
  [/^date_time$/, "write `now()`, the controller's clock; the host's: `command: date +%s`"],
  [/^env$/, `of the controller: \`env("NAME")\`; of the host: \`command: printenv NAME\` ${COMMAND}`],
  [
    /^(mounts|uptime_seconds|loadavg|memory_mb|swapfree_mb)$/,
    `\`command: findmnt --json\`, \`slurp\` of a file in /proc, or the like, ${COMMAND}`,
  ],
  [/^(devices|device_links|lvm)$/, `\`command: lsblk --json\` ${COMMAND}`],
  [
    /^processor(_count|_cores|_nproc|_threads_per_core)?$/,
    "`ansible_processor_vcpus`, and `ansible_processor_model`",
  ],
  [
    /^lsb$|^distribution_(minor_version|file_\w+)$/,
    "`ansible_distribution`, `ansible_distribution_version`, `ansible_distribution_release`",
  ],
  [/^userspace_(architecture|bits)$/, "`ansible_architecture`"],
  [/^dns$/, "`slurp` of /etc/resolv.conf"],
  [/^virtualization_(role|tech_guest|tech_host)$/, "`ansible_virtualization_type`"],
  [
    /^user_(gecos|gid|shell)$|^(real|effective)_(user|group)_id$/,
    "`ansible_user_id`, `ansible_user_uid`, `ansible_user_dir`; the rest is told by `getent`",
  ],
  [/^machine_id$/, "`slurp` of /etc/machine-id"],
  [/^(proc_)?cmdline$/, "`slurp` of /proc/cmdline"],
  [
    /^(bios|board|chassis|product)_\w+$|^(system_vendor|form_factor)$/,
    "`slurp` of a file in /sys/class/dmi/id",
  ],
  [
    /^(apparmor|selinux|fips|is_chroot|system_capabilities\w*)$/,
    `\`command: aa-status\`, \`getenforce\`, \`capsh --print\` ${COMMAND}`,
  ],
  [/^(fibre_channel_wwn|hostnqn|iscsi_iqn)$/, `\`slurp\`, or a \`command\` ${COMMAND}`],
  [/^local$/, "Plumb runs no facts.d: a `command` with `register`, and `set_fact`"],
  [
    /^(lo|eth|ens|enp|eno|enx|wlan|br|bond|vlan|docker|veth)[\d_]\w*$|^lo$/,
    "`ansible_default_ipv4`, `ansible_interfaces`, `ansible_all_ipv4_addresses`",
  ],
];

/**
 * What to write instead of a fact or a magic variable that Ansible has and Plumb has not.
 *
 * @param name with `ansible_`, or as a key of `ansible_facts`: `ansible_facts.env`.
 */
export function insteadOfName(name: string): string | undefined {
  const [, plain] = /^ansible_(?:facts\.)?([a-z0-9_]+)/.exec(name) ?? [];
  if (/^vars\b/.test(name)) return "a name that is computed: `hostvars[inventory_hostname][NAME]`";
  if (name === "role_uuid") return "`role_name` and `role_path`";
  return plain === undefined ? undefined : INSTEAD.find(([names]) => names.test(plain))?.[1];
}

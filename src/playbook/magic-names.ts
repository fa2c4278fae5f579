/** Names of the variables that Plumb itself sets for every host (Ansible's "Special Variables"). */
export const MAGIC_NAMES = [
  "inventory_hostname",
  "inventory_hostname_short",
  "group_names",
  "groups",
  "hostvars",
  "play_hosts",
  "ansible_play_hosts",
  "ansible_play_hosts_all",
  "ansible_play_batch",
  "playbook_dir",
  "inventory_dir",
  "ansible_check_mode",
  "ansible_diff_mode",
  "omit",
] as const;

export type MagicName = (typeof MAGIC_NAMES)[number];

const VOLUMES =
  "no module manages logical volumes: what can't be tried on the lab's hosts, which have neither loop devices nor a device mapper, is left out. `command` does it, with `creates: /dev/VG/LV`, and `filesystem` and `mount` take it from there";

/** Ansible's modules that there are none of here, and what to write. */
const INSTEAD: Readonly<Record<string, string>> = {
  lvg: VOLUMES,
  lvol: VOLUMES,
};

/** What to write in the place of a module that Ansible has; undefined where nothing is known of the name. */
export function insteadOfModule(name: string): string | undefined {
  return Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
}

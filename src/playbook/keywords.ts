/** Where a keyword stands. */
export type Place = "play" | "role" | "block" | "task" | "handler" | "include";

/** Keywords of plays, roles, blocks and tasks alike (Ansible, "Playbook Keywords"). */
const EVERYWHERE: readonly string[] = [
  "any_errors_fatal",
  "become",
  "become_exe",
  "become_flags",
  "become_method",
  "become_user",
  "check_mode",
  "collections",
  "connection",
  "diff",
  "environment",
  "ignore_errors",
  "ignore_unreachable",
  "module_defaults",
  "name",
  "no_log",
  "port",
  "remote_user",
  "run_once",
  "tags",
  "throttle",
  "timeout",
  "vars",
];

/** Of everything inside a play. */
const INSIDE: readonly string[] = [...EVERYWHERE, "delegate_facts", "delegate_to", "when"];

const TASK: readonly string[] = [
  ...INSIDE,
  "action",
  "args",
  "async",
  "changed_when",
  "delay",
  "failed_when",
  "local_action",
  "loop",
  "loop_control",
  "notify",
  "poll",
  "register",
  "retries",
  "until",
];

export const KEYWORDS: Readonly<Record<Place, readonly string[]>> = {
  play: [
    ...EVERYWHERE,
    "force_handlers",
    "gather_facts",
    "gather_subset",
    "gather_timeout",
    "handlers",
    "hosts",
    "max_fail_percentage",
    "order",
    "post_tasks",
    "pre_tasks",
    "roles",
    "serial",
    "strategy",
    "tasks",
    "user",
    "vars_files",
    "vars_prompt",
  ],
  role: [...INSIDE, "role"],
  block: [...INSIDE, "always", "block", "loop", "loop_control", "notify", "rescue", "transaction"],
  task: TASK,
  handler: [...TASK, "listen"],
  include: [...INSIDE, "args", "loop", "loop_control", "notify"],
};

/** What a place is called in a message. */
export const PLACE_NAMES: Readonly<Record<Place, string>> = {
  play: "a play",
  role: "a role's entry",
  block: "a block",
  task: "a task",
  handler: "a handler",
  include: "an import or include",
};

/** Keywords of Ansible that Plumb says differently or does not have, with what to write instead. */
export const INSTEAD: Readonly<Record<string, string>> = {
  become_pass: "set the variable `ansible_become_password`, or use --ask-become-pass",
  debugger: "--step asks before each task, and -vv shows what every task was given and gave",
  fact_path: "write facts of your own with `set_fact`, or read them with `slurp`",
  include: "write `import_tasks:` for a file of tasks, `import_playbook:` for a playbook",
  listen: "only handlers listen: move the task to `handlers:`",
  sudo: "write `become: true`",
  sudo_user: "write `become_user:`",
  with_cartesian: "write `loop: !expr product(one, other)`; each item is a list",
  with_dict: "write `loop: !expr dict2items(name)`; each item has `key` and `value`",
  with_fileglob: 'write `loop: !expr fileglob("files/*.conf")`',
  with_first_found: "write `loop: !expr [first([…].filter(path, file_exists(path)))]`",
  with_flattened: "write `loop: !expr flatten(lists)`",
  with_indexed_items: "write `loop:` with the list, and `loop_control: {index_var: index}`",
  with_inventory_hostnames: "write `loop: !expr groups.NAME`",
  with_items: "write `loop:` with the list; of lists in it, the items: `loop: !expr flatten(lists, 1)`",
  with_lines: 'write `loop: !expr splitlines(pipe("COMMAND"))`',
  with_list: "write `loop:` with the list",
  with_nested: "write `loop: !expr product(one, other)`; each item is a list",
  with_random_choice: "write `loop: !expr [random(names, inventory_hostname)]`",
  with_sequence: "write `loop: !expr range(1, 11)`, and `format` for what is around the number",
  with_subelements: 'write `loop: !expr subelements(users, "key")`; each item is a list of two',
  with_together: "write `loop: !expr zip(one, other)`; each item is a list",
};

import { type JsonSchema, orComputed } from "./json-schema.ts";

const flag = (description: string): JsonSchema => orComputed({ type: "boolean", description });
const text = (description: string): JsonSchema => ({ type: "string", description });
const number = (description: string): JsonSchema => orComputed({ type: "number", minimum: 0, description });
const words = (description: string): JsonSchema => ({
  description,
  anyOf: [{ type: "string" }, { type: "array", items: { type: ["string", "number"] } }],
});
const condition = (description: string): JsonSchema => ({
  description,
  anyOf: [
    { type: ["string", "boolean", "number"] },
    { type: "array", items: { type: ["string", "boolean", "number"] } },
  ],
});
const mapping = (description: string): JsonSchema => ({ type: "object", description });
const tasks = (description: string): JsonSchema => ({ $ref: "#/definitions/tasks", description });

/** What each keyword of plays, roles, blocks and tasks is for and takes. Which of them stand where, `playbook/keywords.ts` says. */
export const KEYWORD_REFERENCE: Readonly<Record<string, JsonSchema>> = {
  action: {
    description:
      "The module and its parameters, in Ansible's older form. Write the module's name as the key instead.",
    anyOf: [{ type: "string" }, { type: "object" }],
  },
  always: tasks("Tasks that run after the block and its rescue, whatever happened."),
  any_errors_fatal: flag("When one host fails here, the play ends on all."),
  args: mapping("Parameters beside those behind the module's name."),
  async: number("Seconds that the job may take; it goes on without the connection."),
  become: flag("Act as another user (root, unless `become_user` says otherwise)."),
  become_exe: text("The program that is run in place of sudo or su, such as `/opt/bin/sudo`."),
  become_flags: text("Options for sudo or su, such as `-g staff`."),
  become_method: { enum: ["sudo", "su"], description: "How to become another user." },
  become_user: text("The user to become."),
  block: tasks("Tasks that share keywords; with `rescue` and `always` for when one fails."),
  changed_when: condition("Whether the task changed something, in CEL: `result.rc == 2`."),
  check_mode: flag("true: only say what would change; false: act even when the run is only checked."),
  collections: words("Ansible's; Plumb finds modules without."),
  connection: {
    enum: ["ssh", "local", "smart", "paramiko", "paramiko_ssh"],
    description: "How to reach the hosts.",
  },
  delay: number("Seconds between two tries of `until`."),
  delegate_facts: flag("Facts belong to the host that the task is delegated to."),
  delegate_to: text("The host that acts instead, with the variables of the host that the task is for."),
  diff: flag("Show differences."),
  environment: {
    description: "Environment variables of what the task runs.",
    type: ["object", "array", "string"],
  },
  failed_when: condition(
    "Whether the task failed, in CEL: `result.rc not in [0, 1]` is `not (result.rc in [0, 1])`.",
  ),
  force_handlers: flag("Handlers that were notified run on a host that has failed, too."),
  gather_facts: flag("Learn what each host is before its first task (true unless said otherwise)."),
  gather_subset: words("Which facts to gather."),
  gather_timeout: number("Seconds that gathering may take."),
  handlers: {
    $ref: "#/definitions/handlers",
    description: "Tasks that run once, at the end of a section, when a change has notified them.",
  },
  hosts: words("Which hosts: a pattern such as `all`, `web:!web3`, `web:&production`."),
  ignore_errors: flag("Go on when the task fails."),
  ignore_unreachable: flag("Go on with the next task when the host can't be reached."),
  listen: words("Topics, beside its name, that the handler answers to."),
  local_action: {
    description: "The task acts on the controller. Write the module and `delegate_to: localhost` instead.",
    anyOf: [{ type: "string" }, { type: "object" }],
  },
  loop: {
    description: "The task is done for each item of the list: `{{ item }}`.",
    anyOf: [{ type: "array" }, { type: "string" }],
  },
  loop_control: {
    description: "How to loop.",
    type: "object",
    additionalProperties: false,
    properties: {
      extended: { type: "boolean", description: "Ansible's; `ansible_loop` is always there." },
      index_var: { type: "string", description: "Name of a variable for the item's number, from 0." },
      label: { description: "What is shown of an item." },
      loop_var: { type: "string", description: "Name of the item's variable, instead of `item`." },
      pause: { type: "number", description: "Seconds between two items." },
    },
  },
  max_fail_percentage: number("The play ends when more than so many percent of a batch's hosts have failed."),
  module_defaults: mapping("Parameters for every task of a module: the module's name to its parameters."),
  name: text("What is so when this has run: output and records say it."),
  no_log: flag("Show nothing of what the task is given and gives."),
  notify: words("Handlers to run when the task has changed something."),
  order: {
    enum: ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"],
    description: "In which order hosts come to their turn.",
  },
  poll: number(
    "Seconds between two looks at an `async` job; 0 does not wait for it: ask with `async_status`.",
  ),
  port: orComputed({ type: "integer", description: "The port that sshd listens on." }),
  post_tasks: tasks("Tasks after the roles and tasks."),
  pre_tasks: tasks("Tasks before the roles."),
  register: {
    type: "string",
    pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    description: "Name of a variable for the task's result.",
  },
  remote_user: text("The user to log in as."),
  rescue: tasks("Tasks that run when one of the block has failed; the failure is made good then."),
  transaction: {
    type: "boolean",
    description: "When a task of the block fails, what its tasks have replaced on the host is put back.",
  },
  retries: number("How often `until` tries again."),
  role: text("The role's name: its folder in `roles/`."),
  roles: {
    type: "array",
    items: { $ref: "#/definitions/roleEntry" },
    description: "Roles, in the order in which they run.",
  },
  run_once: flag("Only the first host of a batch runs it; all get its result."),
  serial: {
    description:
      "How many hosts at a time: a number, a percentage, or a list of them for one batch after the other.",
    type: ["integer", "string", "array"],
    pattern: "^[1-9][0-9]*%?$|^[0-9.]+%$|\\{\\{",
    items: { type: ["integer", "string"] },
  },
  strategy: {
    description: "linear: no host goes on before all have done with a task; free: each at its own pace.",
    enum: ["linear", "free", "host_pinned"],
  },
  tags: words("Words to choose tasks by: `--tags`, `--skip-tags`; `always` and `never` are special."),
  tasks: tasks("What the play does, after its roles."),
  throttle: number("At most so many hosts are at the task at once."),
  timeout: number("Seconds that the task may take, with all tries of `until`."),
  until: condition("Try again until this is true, in CEL."),
  user: text("The user to log in as (Ansible's older word for `remote_user`)."),
  vars: mapping("Variables."),
  vars_prompt: {
    type: "array",
    description: "Variables that a person is asked for before the run.",
    items: { type: "object", properties: { name: { type: "string" }, prompt: { type: "string" } } },
  },
  vars_files: { description: "Files of variables.", anyOf: [{ type: "array" }, { type: "string" }] },
  when: condition(
    'Whether to do it, in CEL: `ansible_facts.distribution == "Debian" and length(groups.web) > 1`.',
  ),
};

import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runPlaybook } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost } from "./lab-hosts.ts";
import { startPlumb } from "./plumb-process.ts";

const HOST = "bookworm1";

/** Keywords that are evaluated while a task runs, some of them when it is over. */
const FLAGS = ["no_log", "ignore_errors", "ignore_unreachable", "any_errors_fatal", "run_once", "check_mode"];
const OTHERS = ["throttle", "become", "become_user", "diff", "timeout", "async", "loop", "notify"];
const LOGIC = ["when", "changed_when", "failed_when"];

/** A block for each keyword that has something in it which is not known, with its rescue. */
function playWith(unknown: string): { yaml: string; names: string[] } {
  const text = `"{{ ${unknown} }}"`;
  const tasks: Record<string, string> = Object.fromEntries([
    ...[...FLAGS, ...OTHERS].map((name) => [name, `{command: "true", ${name}: ${text}}`]),
    ...LOGIC.map((name) => [name, `{command: "true", ${name}: ${unknown}}`]),
    ["until", `{command: "true", until: ${unknown}, retries: 0}`],
    ["retries", `{command: "true", until: "false", retries: ${text}}`],
    ["delay", `{command: "true", until: "false", retries: 1, delay: ${text}}`],
    ["poll", `{command: "true", async: 5, poll: ${text}}`],
    ["delegate_to", `{command: "true", delegate_to: ${text}}`],
    ["delegate_facts", `{command: "true", delegate_to: trixie1, delegate_facts: ${text}}`],
    ["environment", `{command: "true", environment: {NAME: ${text}}}`],
    ["label", `{command: "true", loop: [1], loop_control: {label: ${text}}}`],
    ["break_when", `{command: "true", loop: [1, 2], loop_control: {break_when: ${unknown}}}`],
    ["include_tasks", `{include_tasks: ${text}}`],
    ["loop of a block", `{block: [{debug: {}}], loop: ${text}}`],
    ["when of meta", `{meta: end_play, when: ${unknown}}`],
    ["no_log of a failure", `{command: "false", no_log: ${text}}`],
    ["ignore_errors of a failure", `{command: "false", ignore_errors: ${text}}`],
    ["any_errors_fatal of a failure", `{command: "false", any_errors_fatal: ${text}}`],
    ["parameters of a role", `{import_role: {name: specified}, vars: {thing: ${text}}}`],
  ]);
  const blocks = Object.entries(tasks).map(
    ([name, task]) =>
      `    - block: [${task}]\n      rescue: [{name: "rescued ${name}", command: "true", changed_when: false}]\n`,
  );
  const before =
    "    - {command: echo 1, check_mode: true, register: looked_at}\n    - {debug: {msg: '{{ nobody }}'}, ignore_errors: true}\n";
  return {
    yaml: `- hosts: all\n  gather_facts: false\n  tasks:\n${before}${blocks.join("")}    - {name: the end, debug: {}}\n`,
    names: Object.keys(tasks),
  };
}

async function folderWithRole(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-ends-"));
  const role = path.join(folder, "roles/specified");
  await mkdir(path.join(role, "meta"), { recursive: true });
  await mkdir(path.join(role, "tasks"));
  await writeFile(
    path.join(role, "meta/argument_specs.yml"),
    "argument_specs: {main: {options: {thing: {type: str, required: true}}}}\n",
  );
  await writeFile(path.join(role, "tasks/main.yml"), "- {debug: {msg: '{{ thing }}'}}\n");
  return folder;
}

describe("a keyword that can't be evaluated fails its task, and the run comes to its end", () => {
  test.each(["nobody_defines_it", "looked_at.stdout"])("%s", async (unknown) => {
    const { yaml, names } = playWith(unknown);
    const run = await runPlaybook(yaml, { hosts: [HOST, "trixie1"] }, await folderWithRole());
    for (const host of [HOST, "trixie1"]) {
      const rescues = run.tasks.filter((task) => task.host === host && task.task.name.startsWith("rescued "));
      expect(rescues.map(({ task }) => task.name.slice("rescued ".length))).toEqual(names);
      expect(run.tasks.findLast((task) => task.host === host)?.task.name).toBe("the end");
    }
    const told = run.tasks.filter(({ status }) => status === "rescued");
    expect(told.filter(({ message }) => !message.includes(unknown.split(".")[0] ?? ""))).toEqual([]);
  });

  test("a role that is not wanted needs none of its variables", async () => {
    const roles = "  roles:\n    - {role: specified, when: false}\n    - {role: specified}\n";
    const folder = await folderWithRole();
    const run = await runPlaybook(`- hosts: all\n  gather_facts: false\n${roles}`, { hosts: [HOST] }, folder);
    expect(run.tasks.map(({ status, task }) => `${status} ${task.name}`)).toEqual([
      "skipped debug",
      "failed check the variables of role specified",
    ]);
  });

  test("in check mode, nobody knows what would come of it", async () => {
    const { yaml } = playWith("looked_at.stdout");
    const run = await runPlaybook(yaml, { hosts: [HOST, "trixie1"], check: true }, await folderWithRole());
    expect(run.finished.outcome).toBe("ok");
    expect(run.tasks.filter(({ status }) => status === "rescued")).toEqual([]);
  });
});

test("a task whose loop can't be evaluated is ignored where it says so, as any other", async () => {
  const run = await runPlaybook(
    "- hosts: all\n  tasks:\n    - {debug: {}, loop: '{{ nobody }}', ignore_errors: true}\n    - {debug: {}}\n",
  );
  expect(run.statuses).toEqual(["ignored debug", "ok debug"]);
});

test("a defect of a module ends the run, with the other hosts' connections too", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-ends-"));
  const { keyFile, knownHostsFile } = lab;
  await mkdir(path.join(folder, "library"));
  await writeFile(
    path.join(folder, "library/broken.ts"),
    `export default ({ z, defineModule }) => defineModule({
  name: "broken", summary: "Has a defect", params: z.strictObject({}), examples: [],
  queries: () => ({}), diff: () => { throw new TypeError("nobody thought of this"); }, steps: () => [],
});
`,
  );
  await writeFile(
    path.join(folder, "play.yml"),
    "- hosts: all\n  gather_facts: false\n  strategy: free\n  tasks:\n    - {command: sleep 1, when: inventory_hostname == 'trixie1'}\n    - {broken: {}, when: inventory_hostname == 'bookworm1'}\n    - {name: never, command: 'true'}\n",
  );
  const hosts = [HOST, "trixie1"].map(
    (name) =>
      `${name} ansible_host=${labHost(name).address} ansible_user=root ansible_ssh_private_key_file=${keyFile}`,
  );
  await writeFile(
    path.join(folder, "hosts.ini"),
    [...hosts, "[all:vars]", `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`, ""].join(
      "\n",
    ),
  );
  const { events, ended } = startPlumb(["run", "play.yml", "-i", "hosts.ini", "--no-record"], {
    cwd: folder,
  });
  expect(await ended).toBe(1);
  expect(events.find(({ type }) => type === "stopping")).toMatchObject({ reason: "defect" });
  expect(JSON.stringify(events)).not.toContain("never");
});

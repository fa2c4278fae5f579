import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { runPlaybook, runTasks } from "./converge.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";
import { typed } from "./typed.ts";

const HOSTS = ["bookworm1", "trixie1"];

/** Runs a play at a terminal. */
async function atTerminal(
  play: string,
  words: readonly string[],
  output = "json",
  later?: Promise<string>,
): Promise<{ said: string; code: number | null; finished: string[] }> {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-pause-"));
  const { keyFile, knownHostsFile } = lab;
  const hosts = HOSTS.map((name) => `${name} ansible_host=${labHost(name).address}`);
  const common = `ansible_user=root\nansible_ssh_private_key_file=${keyFile}\nansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`;
  await writeFile(path.join(folder, "hosts"), `${hosts.join("\n")}\n[all:vars]\n${common}\n`);
  await writeFile(path.join(folder, "play.yml"), play);
  const command = `${process.execPath} ${PLUMB} run ${folder}/play.yml -i ${folder}/hosts --no-record --output ${output}`;
  const { said, code } = await typed(command, words, later);
  const finished = [
    ...said.matchAll(/"type":"task-finished".*?"host":"(\w+)".*?"name":"([^"]+)".*?"message":"([^"]*)"/g),
  ];
  return { said, code, finished: finished.map(([, host, name, message]) => `${host} ${name}: ${message}`) };
}

describe("a person at a terminal", () => {
  test("is asked once for all hosts of a batch, and all have the answer", async () => {
    const { said, code, finished } = await atTerminal(
      `- hosts: all
  gather_facts: false
  tasks:
    - pause: {prompt: How many}
      register: asked
    - {name: told, debug: {msg: "{{ asked.user_input }}, {{ asked.changed }}"}}
`,
      ["seven"],
    );
    expect(said.match(/How many: /g)).toHaveLength(1);
    expect(finished.filter((line) => line.includes("told")).sort()).toEqual([
      "bookworm1 told: seven, false",
      "trixie1 told: seven, false",
    ]);
    expect(code).toBe(0);
  });

  test("is asked for each batch, for each question and in each item, and on a screen with moving rows too", async () => {
    const { said, code } = await atTerminal(
      `- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - pause: {prompt: "Go on behind {{ inventory_hostname }}, {{ item }}"}
      loop: [1, 2]
    - {command: "true"}
`,
      ["", "", "", ""],
      "tty",
    );
    expect([...said.matchAll(/Go on behind (\w+, \d): /g)].map(([, which]) => which)).toEqual([
      "bookworm1, 1",
      "bookworm1, 2",
      "trixie1, 1",
      "trixie1, 2",
    ]);
    expect(said).toContain("RECAP");
    expect(code).toBe(0);
  });

  test("types what nobody sees: it is a secret from then on", async () => {
    const { said, finished } = await atTerminal(
      `- hosts: bookworm1
  gather_facts: false
  tasks:
    - pause: {prompt: The password, echo: false}
      register: asked
    - {name: told, debug: {msg: "it is {{ asked.user_input }}"}}
    - {name: known, assert: {that: "size(asked.user_input) == 12"}}
`,
      ["open sesame!"],
    );
    expect(said).not.toContain("open sesame");
    expect(finished.filter((line) => line.includes("told"))).toEqual(["bookworm1 told: it is ********"]);
    expect(finished.filter((line) => line.includes("known"))).toHaveLength(1);
  });

  test("is not waited for longer than `seconds`; Enter goes on before", async () => {
    const { said, code } = await atTerminal(
      "- hosts: bookworm1\n  gather_facts: false\n  tasks:\n    - pause: {prompt: Enter goes on, seconds: 600}\n    - pause: {prompt: Nobody has to, seconds: 1}\n",
      [""],
    );
    expect(said).toContain("Nobody has to");
    expect(code).toBe(0);
  });

  test.each([
    ["seen", "prompt: Go on"],
    ["not seen", "prompt: Go on, echo: false"],
  ])("presses Ctrl-C where what is typed is %s: nothing behind it runs", async (_, parameters) => {
    const { said, code } = await atTerminal(
      `- hosts: all\n  gather_facts: false\n  tasks:\n    - pause: {${parameters}}\n    - {name: never, command: "true"}\n`,
      ["\u0003"],
    );
    expect(said).not.toContain("never");
    expect(said).toContain('"outcome":"interrupted"');
    expect(code).toBe(130);
  });
});

test("Ctrl-C at a screen with moving rows: the step under way comes to its end, nothing behind it begins, and the recap says so", async () => {
  const everywhere = (command: string): Promise<unknown> =>
    Promise.all(HOSTS.map((host) => onHost(host, command)));
  await everywhere("rm -f /tmp/pressed-*");
  const pressed = everywhere("until [ -e /tmp/pressed-begun ]; do sleep 0.1; done").then(() => {
    // By then it has been read.
    setTimeout(() => void everywhere("touch /tmp/pressed-go"), 1_000);
    return "\u0003";
  });
  const { said, code } = await atTerminal(
    `- hosts: all
  gather_facts: false
  tasks:
    - {name: slow, shell: "touch /tmp/pressed-begun; until [ -e /tmp/pressed-go ]; do sleep 0.1; done; touch /tmp/pressed-end"}
    - {name: never, shell: "touch /tmp/pressed-never"}
`,
    [],
    "tty",
    pressed,
  );
  expect(said).toContain("Stopping: each host finishes the step under way");
  expect(said).toMatch(/RECAP[\s\S]*INTERRUPTED/);
  expect(code).toBe(130);
  for (const host of HOSTS)
    expect(await onHost(host, "ls /tmp/pressed-*; rm /tmp/pressed-*")).toBe(
      "/tmp/pressed-begun\n/tmp/pressed-end\n/tmp/pressed-go\n",
    );
});

describe("without a terminal", () => {
  test("a question is an error that says what to do; one with a time waits for that time", async () => {
    const run = await runTasks(
      "- pause: {prompt: Go on}\n  ignore_errors: true\n- pause:\n  ignore_errors: true\n- pause: {prompt: Go on, seconds: 1}\n  register: paused\n- assert: {that: \"paused.user_input == '' and paused.delta >= 1\"}",
      { hosts: ["bookworm1"] },
    );
    expect(run.statuses).toEqual(["ignored pause", "ignored pause", "ok pause", "ok assert"]);
    expect(run.tasks[0]?.message).toBe("there is no terminal to ask on");
    expect(run.tasks[0]?.hint).toContain("--skip-tags");
  });

  test("in check mode nobody is asked, and what depends on the answer is not known", async () => {
    const run = await runTasks(
      "- pause: {prompt: Go on}\n  register: asked\n- debug: {msg: '{{ asked.user_input }}'}\n- pause: {seconds: 600}",
      { hosts: ["bookworm1"], check: true },
    );
    expect(run.statuses).toEqual(["unknown pause", "unknown debug", "ok pause"]);
  });

  test("a run that is stopped waits for no time to pass", async () => {
    const stop = new AbortController();
    const run = await runPlaybook(
      "- hosts: all\n  gather_facts: false\n  tasks:\n    - pause: {minutes: 30}\n    - debug:\n",
      {
        hosts: HOSTS,
        stopping: stop.signal,
        hear: (event) => event.type === "task-started" && stop.abort(),
      },
    );
    expect(run.finished.outcome).toBe("interrupted");
    expect(run.tasks).toEqual([]);
  });
});

import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { takeTurn } from "../take-turn.ts";

// A host has one lock, and this machine is the host of other tests too.
await takeTurn("this-machine");

/** Names of an inventory that all stand for this machine, as people have them for what is managed through an interface of its own. */
const NAMES = ["disk1", "disk2", "disk3", "it's ours"];

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-names-"));
  const hosts = Object.fromEntries(NAMES.map((name) => [name, { own: `${name}'s` }]));
  await writeFile(
    path.join(folder, "hosts.json"),
    JSON.stringify({ all: { hosts, vars: { ansible_connection: "local" } } }),
  );
});

async function plumb(playbook: string, ...options: string[]): Promise<{ code: number; stdout: string }> {
  await writeFile(path.join(folder, "site.yml"), playbook);
  const words = [PLUMB, "run", "site.yml", "-i", "hosts.json", "--no-record", ...options];
  return promisify(execFile)(process.execPath, words, { cwd: folder }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: unknown) => ({
      code: Number(Reflect.get(Object(error), "code")),
      stdout: String(Reflect.get(Object(error), "stdout")),
    }),
  );
}

const linesOf = async (file: string): Promise<string[]> =>
  (await readFile(path.join(folder, file), "utf8")).trimEnd().split("\n").sort();

describe("several names of an inventory that stand for this machine", () => {
  const playbook = (lines: string): string => `- hosts: all
  gather_facts: false
  tasks:
    - lineinfile: {path: "{{ playbook_dir }}/${lines}", line: "{{ own }} first", create: true}
      notify: tell
    - lineinfile: {path: "{{ playbook_dir }}/${lines}", line: "{{ own }} second"}
    - command: echo {{ quote inventory_hostname }}
      changed_when: false
      register: said
    - assert: {that: said.stdout == inventory_hostname}
    - command: echo once
      run_once: true
      changed_when: false
  handlers:
    - name: tell
      shell: echo {{ quote inventory_hostname }} >> "{{ playbook_dir }}/${lines}.told"
`;

  test("each has what is its own, and what one does the others know", async () => {
    const first = await plumb(playbook("lines"));
    expect(first).toMatchObject({ code: 0 });
    expect(await linesOf("lines")).toEqual(
      NAMES.flatMap((name) => [`${name}'s first`, `${name}'s second`]).sort(),
    );
    expect(await linesOf("lines.told")).toEqual([...NAMES].sort());
    const second = await plumb(playbook("lines"));
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("nothing to change");
    expect(await linesOf("lines.told")).toHaveLength(NAMES.length);
  });

  test("with strategy free, one after the other, and in several plays, too", async () => {
    const text = playbook("more");
    const free = text.replace("  gather_facts", "  strategy: free\n  gather_facts");
    const serial = text
      .replaceAll("{{ own }}", "again {{ own }}")
      .replace("  gather_facts", "  serial: 1\n  gather_facts");
    expect(await plumb(`${free}${serial}`)).toMatchObject({ code: 0 });
    expect(await linesOf("more")).toHaveLength(4 * NAMES.length);
    expect(await linesOf("more.told")).toHaveLength(2 * NAMES.length);
  });

  test("a handler that a run has left is that name's, and waits for it", async () => {
    const failing = `- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: "{{ own }}", dest: "{{ playbook_dir }}/{{ inventory_hostname }}.left"}
      notify: tell
    - command: "false"
      when: stops
  handlers:
    - name: tell
      shell: "[ ! -e '{{ playbook_dir }}/stop' ] && echo {{ quote inventory_hostname }} >> '{{ playbook_dir }}/left'"
`;
    await writeFile(path.join(folder, "stop"), "");
    expect(await plumb(failing, "-e", '{"stops": false}')).toMatchObject({ code: 1 });
    await promisify(execFile)("rm", [path.join(folder, "stop")]);
    expect(await plumb(failing, "-e", '{"stops": false}', "--limit", "disk2")).toMatchObject({ code: 0 });
    expect(await linesOf("left")).toEqual(["disk2"]);
    expect(await plumb(failing, "-e", '{"stops": false}')).toMatchObject({ code: 0 });
    expect(await linesOf("left")).toEqual([...NAMES].sort());
  });

  test("with other settings for becoming another user they are refused, with what to do", async () => {
    const hosts = { disk1: {}, disk2: { ansible_become_flags: "-E" } };
    await writeFile(
      path.join(folder, "hosts.json"),
      JSON.stringify({ all: { hosts, vars: { ansible_connection: "local" } } }),
    );
    const { code, stdout } = await plumb("- hosts: all\n  tasks:\n    - command: sleep 0.5\n");
    expect(code).toBe(1);
    expect(stdout).toMatch(/this run works on the same host already, under the name `disk[12]`/);
    expect(stdout).toContain("--limit");
  });
});

import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";

/** The command as a person runs it, from the sources: hosts are connected while it still reads. */
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-early-"));
  const { keyFile, knownHostsFile } = lab;
  const lines = ["bookworm1", "trixie1"].map((name) => `${name} ansible_host=${labHost(name).address}`);
  const settings = [
    "ansible_user=root",
    `ansible_ssh_private_key_file=${keyFile}`,
    `ansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}`,
  ];
  await writeFile(path.join(folder, "hosts.ini"), [...lines, "[all:vars]", ...settings, ""].join("\n"));
});

async function plumb(playbook: string, ...options: string[]): Promise<{ code: number; output: string }> {
  const file = path.join(folder, "play.yml");
  await writeFile(file, playbook);
  const inventory = path.join(folder, "hosts.ini");
  return new Promise((resolve) => {
    execFile(process.execPath, [PLUMB, "run", file, "-i", inventory, ...options], (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), output: stdout + stderr }),
    );
  });
}

/** How often somebody has logged in to a host over SSH. */
const logins = async (host: string): Promise<number> =>
  Number(await onHost(host, "journalctl -q -t sshd -t sshd-session | grep -c 'Accepted publickey'"));

describe("hosts that are connected while the playbook is read", () => {
  test("are connected once", async () => {
    const before = await logins("bookworm1");
    const { code } = await plumb("- hosts: bookworm1\n  tasks:\n    - command: 'true'\n");
    expect([code, (await logins("bookworm1")) - before]).toEqual([0, 1]);
  });

  test("are left again, with nothing done, when the playbook is wrong", async () => {
    const { code, output } = await plumb("- hosts: bookworm1\n  tasks:\n    - comand: 'true'\n");
    expect(code).toBe(2);
    expect(output).toContain("did you mean `command`?");
    expect(await onHost("bookworm1", "pgrep -f '[p]lumb-ready' || echo nobody")).toContain("nobody");
  });

  test("are not touched outside of the limit, of the first batch, or to list what there is", async () => {
    const before = await logins("trixie1");
    const tasks = "  tasks:\n    - command: 'true'\n";
    await plumb(`- hosts: all\n${tasks}`, "--limit", "bookworm1");
    await plumb(`- hosts: all\n${tasks}`, "--list-tasks");
    await plumb(`- hosts: all\n${tasks}`, "--syntax-check");
    await plumb(`- hosts: all\n  serial: 1\n  any_errors_fatal: true\n  tasks:\n    - fail: {}\n`);
    expect((await logins("trixie1")) - before).toBe(0);
  });

  test("are connected anew when the play wants another user", async () => {
    const play =
      "- hosts: bookworm1\n  vars: {ansible_user: admin}\n  tasks:\n    - {command: id -un, register: who}\n    - assert: {that: who.stdout == 'admin'}\n";
    expect((await plumb(play)).output).toContain("0");
    expect((await plumb(play)).code).toBe(0);
  });
});

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";

/** Records as the command leaves them: in a project of their own, from the sources. */
let project = "";

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "plumb-records-"));
  await mkdir(path.join(project, ".plumb"));
  const { keyFile, knownHostsFile } = lab;
  const settings = `ansible_user=admin ansible_ssh_private_key_file=${keyFile} ansible_ssh_common_args="-o UserKnownHostsFile=${knownHostsFile}"`;
  await writeFile(
    path.join(project, "hosts.ini"),
    `bookworm1 ansible_host=${labHost("bookworm1").address} ${settings}\nnowhere ansible_host=127.0.0.1 ansible_port=1 ${settings}\n`,
  );
  await onHost("bookworm1", "userdel -f records; rm -rf /srv/records; true");
});

afterAll(async () => {
  await onHost("bookworm1", "userdel -f records; rm -rf /srv/records; true");
});

interface Ended {
  code: number | null;
  stdout: string;
}

function start(
  args: string[],
  environment: Record<string, string> = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [PLUMB, ...args], {
    cwd: project,
    env: { ...process.env, PLUMB_RUNS_DIR: "", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  return { child, ended: new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout }))) };
}

const plumb = (...args: string[]): Promise<Ended> => start(args).ended;
const runs = (): string => path.join(project, ".plumb", "runs");

async function playbook(name: string, text: string): Promise<void> {
  await writeFile(path.join(project, name), text);
}

test("a run leaves a private record that history finds and tells again, without a secret", async () => {
  await playbook(
    "site.yml",
    `- hosts: bookworm1
  become: true
  tasks:
    - name: a place
      file: {path: /srv/records, state: directory, mode: "0755"}
    - name: the password
      copy: {content: "token={{ token }}\\nplain=1\\n", dest: /srv/records/token, mode: "0600"}
    - name: an account
      user: {name: records, password: "hunter2-in-a-parameter"}
`,
  );
  await writeFile(path.join(project, "vault-pass"), "opens\n", { mode: 0o600 });
  await writeFile(path.join(project, "vars.yml"), "token: sesame-in-the-vault\n");
  await plumb("vault", "encrypt", "--vault-password-file", "vault-pass", "vars.yml");
  const options = ["-i", "hosts.ini", "--vault-password-file", "vault-pass", "-e", "@vars.yml"];
  const ended = await plumb("run", "site.yml", ...options, "-e", "word=typed-on-the-line", "--diff");
  expect(ended.code).toBe(0);
  const [name = ""] = (await readdir(runs())).filter((file) => file.endsWith(".jsonl"));
  const file = path.join(runs(), name);
  expect(((await stat(runs())).mode & 0o777).toString(8)).toBe("700");
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe("600");
  const text = await readFile(file, "utf8");
  for (const secret of ["sesame-in-the-vault", "typed-on-the-line", "hunter2"])
    expect(text).not.toContain(secret);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ type: "record", checkMode: false, directory: project });
  expect(lines[0].command).toContain("word=********");
  expect(lines.at(-1)).toMatchObject({ type: "run-finished", outcome: "ok" });
  expect(
    (await plumb("history", "--host", "bookworm1", "--resource", "/srv/records/token")).stdout,
  ).toContain("site.yml");
  expect((await plumb("history", "--status", "failed")).stdout).toContain("No run");
  const shown = (await plumb("history", "show", "last")).stdout;
  expect(shown).toContain("+plain=1");
  expect(shown).toContain("+token=********");
});

test("hosts that failed are listed for --limit, and the list goes when nothing is left to try again", async () => {
  await playbook("fleet.yml", "- hosts: all\n  tasks:\n    - debug: {msg: here}\n");
  const failed = await plumb("run", "fleet.yml", "-i", "hosts.ini", "--timeout", "2");
  expect(failed.code).toBe(4);
  expect(failed.stdout).toMatch(/--limit @\S+\.retry/);
  expect(await readFile(path.join(runs(), "last.retry"), "utf8")).toBe("nowhere\n");
  const again = await plumb(
    "run",
    "fleet.yml",
    "-i",
    "hosts.ini",
    "--limit",
    "@.plumb/runs/last.retry",
    "--list-hosts",
  );
  expect(again.stdout).toContain("nowhere");
  expect(again.stdout).not.toContain("bookworm1");
  await plumb("run", "fleet.yml", "-i", "hosts.ini", "--limit", "bookworm1");
  expect(existsSync(path.join(runs(), "last.retry"))).toBe(false);
});

test("a folder that can't hold the record is a warning, and the run goes on", async () => {
  const open = path.join(project, "open");
  await mkdir(open);
  await chmod(open, 0o755);
  for (const folder of [open, "/dev/full/runs", "/proc/runs"]) {
    const ended = await start(["run", "fleet.yml", "-i", "hosts.ini", "--limit", "bookworm1"], {
      PLUMB_RUNS_DIR: folder,
    }).ended;
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain("not recorded");
  }
});

test("a disk that is full, or fills up meanwhile, is one warning, and the run goes on", async () => {
  const disk = path.join(project, "disk");
  await mkdir(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8k,mode=0700", "tmpfs", disk]);
  try {
    const long = "x".repeat(9000);
    await playbook(
      "long.yml",
      `- hosts: bookworm1\n  become: true\n  tasks:\n    - copy: {content: "${long}", dest: /srv/records/long}\n    - command: "true"\n`,
    );
    const ended = await start(["run", "long.yml", "-i", "hosts.ini", "--diff"], { PLUMB_RUNS_DIR: disk })
      .ended;
    expect(ended.stdout.match(/not recorded/g)).toHaveLength(1);
    expect(ended.stdout).toContain("ENOSPC");
    expect(ended.code).toBe(0);
  } finally {
    execFileSync("umount", [disk]);
  }
});

// The command that is under way goes on, and keeps the host locked until it ends.
test("a controller that is killed leaves what it did up to then", async () => {
  await playbook(
    "slow.yml",
    "- hosts: bookworm1\n  become: true\n  tasks:\n    - copy: {content: killed, dest: /srv/records/killed}\n    - command: sleep 88\n",
  );
  const { child, ended } = start(["run", "slow.yml", "-i", "hosts.ini"]);
  const recorded = async (): Promise<string> => {
    const [newest = ""] = (await readdir(runs()))
      .filter((file) => file.endsWith(".jsonl"))
      .sort()
      .reverse();
    return readFile(path.join(runs(), newest), "utf8");
  };
  await expect.poll(recorded).toMatch(/slow\.yml[\s\S]*"type":"task-started"[^\n]*sleep 88/);
  child.kill("SIGKILL");
  await ended;
  const [summary] = (await plumb("history", "--json", "-n", "1")).stdout.split("\n");
  expect(JSON.parse(summary ?? "")).toMatchObject({
    outcome: "unfinished",
    changed: 1,
    playbooks: ["slow.yml"],
  });
  expect((await plumb("history", "show", "last")).stdout).toContain("killed");
  // The next file finds the host free.
  await onHost(
    "bookworm1",
    "pkill -f '[s]leep 88'; while kill -0 \"$(cut -d ' ' -f 1 /var/lib/plumb/lock)\" 2>/dev/null; do sleep 0.1; done",
  );
});

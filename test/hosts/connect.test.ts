import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { lab } from "./lab.ts";
import { labHost, onHost } from "./lab-hosts.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "plumb-connect-"));
  const { keyFile, knownHostsFile } = lab;
  const lines = ["bookworm1", "trixie1"].map((name) => `${name} ansible_host=${labHost(name).address}`);
  await writeFile(
    path.join(folder, "hosts.ini"),
    `${lines.join("\n")}\n[all:vars]\nansible_user=root\nansible_ssh_private_key_file=${keyFile}\nansible_ssh_common_args=-o UserKnownHostsFile=${knownHostsFile}\n`,
  );
  await writeFile(
    path.join(folder, "slow.yml"),
    "- hosts: bookworm1\n  tasks:\n    - command: sleep 3\n    - command: touch /root/connect-reached\n",
  );
});

afterAll(async () => {
  await plumb("connect", "all", "--close");
  await onHost("bookworm1", "rm -f /root/connect-reached");
});

function plumb(command: string, ...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [PLUMB, command, "-i", path.join(folder, "hosts.ini"), ...args], {
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString();
      });
    child.on("close", (code) => resolve({ code: code ?? -1, output }));
  });
}

const connection = async (): Promise<string> =>
  (await plumb("exec", "bookworm1", "--", "echo $SSH_CONNECTION")).output.trim().split("\n").at(-1) ?? "";

test("runs use the connection that is kept, until it is closed", async () => {
  const connected = await plumb("connect", "all", "--for", "60");
  expect(connected.output).toContain("kept until nobody has used it for 60 s");
  expect(connected.code).toBe(0);
  const first = await connection();
  expect(await connection()).toBe(first);
  const [run, other] = await Promise.all([
    plumb("run", path.join(folder, "slow.yml")),
    plumb("ping", "trixie1"),
  ]);
  expect([run.code, other.code], run.output).toEqual([0, 0]);
  expect((await plumb("connect", "all", "--close")).output).toContain("closed");
  expect(await connection()).not.toBe(first);
});

test("a run that is killed leaves the connection to the next one, which goes on when the host is free", async () => {
  await plumb("connect", "bookworm1");
  const first = await connection();
  await onHost("bookworm1", "rm -f /root/connect-reached");
  const killed = spawn(
    process.execPath,
    [PLUMB, "run", path.join(folder, "slow.yml"), "-i", path.join(folder, "hosts.ini")],
    { env: { ...process.env, XDG_RUNTIME_DIR: folder }, stdio: "ignore" },
  );
  await expect.poll(() => onHost("bookworm1", "pgrep -f '^[s]leep 3'; true")).not.toBe("");
  killed.kill("SIGKILL");
  await once(killed, "close");
  const next = await plumb("run", path.join(folder, "slow.yml"));
  expect(next.code, next.output).toBe(0);
  expect(await onHost("bookworm1", "ls /root/connect-reached")).toContain("reached");
  expect(await connection()).toBe(first);
});

test("a host that can't be reached is named, the others are kept", async () => {
  await writeFile(
    path.join(folder, "more.ini"),
    "nowhere ansible_host=127.0.0.1 ansible_port=1\n[all:vars]\nansible_user=root\n",
  );
  const connected = await plumb("connect", "all", "-i", path.join(folder, "more.ini"));
  expect(connected.output).toMatch(/bookworm1 +kept until/);
  expect(connected.output).toMatch(/nowhere +.*could not connect to 127\.0\.0\.1:1/);
  expect(connected.code).toBe(4);
});

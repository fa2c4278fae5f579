import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { takeTurn } from "../take-turn.ts";

const run = promisify(execFile);

// This machine is the host of some of these, and a host has one lock.
await takeTurn("this-machine");

const ended = (folder: string, ...args: string[]): Promise<unknown> =>
  run(process.execPath, [PLUMB, ...args], { cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error,
  );

test("ping, exec, facts and connect look at how all hosts are connected before the first one is touched", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-hosts-"));
  const touched = path.join(folder, "touched");
  await writeFile(
    path.join(folder, "hosts"),
    "one\ntwo ansible_port=abc\nthree ansible_become_method=doas\nfour ansible_host={{nowhere}}\n[all:vars]\nansible_connection=local\n",
  );
  for (const [command, ...more] of [
    ["exec", "--", `touch ${touched}`],
    ["ping"],
    ["facts"],
    ["connect"],
    ["pgbouncer", "status"],
  ] as const) {
    const words = command === "pgbouncer" ? [command, ...more, "all"] : [command, "all"];
    const behind = command === "exec" ? more : [];
    expect(await ended(folder, ...words, "-i", "hosts", ...behind)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(
        /hosts:2:1: error: two: ansible_port is `abc`[\s\S]*three: ansible_become_method `doas`[\s\S]*nowhere/,
      ),
    });
  }
  expect(existsSync(touched)).toBe(false);
});

test("what is wrong with a group is told once for all its hosts; hosts outside of the pattern and the limit do not matter", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-hosts-"));
  await writeFile(
    path.join(folder, "hosts"),
    "one\n[bad]\ntwo\nthree\n[bad:vars]\nansible_port=abc\n[all:vars]\nansible_connection=local\n",
  );
  const exec = (...options: string[]): Promise<unknown> =>
    ended(folder, "exec", "all", "-i", "hosts", ...options, "--", "echo ran");
  expect(await exec()).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(
      /^hosts:6:1: error: two: .*\(and so for 1 more host\) \[wrong-type\]\n(?![\s\S]*three)/,
    ),
  });
  expect(await exec("--limit", "!bad")).toMatchObject({ code: 0, stdout: "one  ok\nran\n" });
});

test("who stops ping, facts, exec or connect does not wait for a host that says nothing, and has what the others have answered", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-hosts-"));
  const ran = path.join(folder, "ran");
  const connected: net.Socket[] = [];
  const silent = net.createServer((socket) => connected.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as net.AddressInfo;
  await writeFile(
    path.join(folder, "hosts"),
    `here ansible_connection=local\nsilent ansible_host=127.0.0.1 ansible_port=${port}\n`,
  );
  for (const [command, answer, ...more] of [
    ["ping", /silent +interrupted/],
    ["facts", /"silent": \{\s+"unreachable": "silent: stopped/],
    ["exec", /here +ok\nran\nsilent +silent: stopped/, "--", `echo ran; touch ${ran}`],
    ["connect", /^$/],
  ] as const) {
    const before = connected.length;
    const child = spawn(
      process.execPath,
      [PLUMB, command, "all", "-i", "hosts", "--timeout", "50", ...more],
      { cwd: folder, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, XDG_RUNTIME_DIR: folder } },
    );
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    await expect.poll(() => connected.length, { timeout: 20_000 }).toBeGreaterThan(before);
    if (command === "exec") {
      await expect.poll(() => existsSync(ran), { timeout: 20_000 }).toBe(true);
      // Its answer is on the way.
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    const signalled = performance.now();
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    expect([command, code]).toEqual([command, 130]);
    expect(performance.now() - signalled).toBeLessThan(10_000);
    expect(stdout).toMatch(answer);
  }
  for (const socket of connected) socket.destroy();
  silent.close();
});

test("without a playbook, group_vars and host_vars of the current folder count, unless anybody could lay some there", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-hosts-"));
  await mkdir(path.join(folder, "inventory"));
  await writeFile(path.join(folder, "inventory", "hosts"), "[web]\none colour=red\n");
  await mkdir(path.join(folder, "group_vars"));
  await writeFile(path.join(folder, "group_vars", "web.yml"), "size: 3\n");
  await mkdir(path.join(folder, "host_vars"));
  await writeFile(path.join(folder, "host_vars", "one.yml"), "colour: blue\n");
  const shown = async (): Promise<unknown> =>
    JSON.parse(
      (await run(process.execPath, [PLUMB, "inventory", "-i", "inventory", "--host", "one"], { cwd: folder }))
        .stdout,
    );
  expect(await shown()).toEqual({ colour: "blue", size: 3 });
  await chmod(folder, 0o777);
  expect(await shown()).toEqual({ colour: "red" });
});

import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";

const run = promisify(execFile);

test.each([
  ["-i", "one,"],
  ["-e", "a=1"],
  ["--tags", "some"],
  ["--skip-tags", "some"],
  ["--roles-path", "."],
  ["--vault-id", "dev@prompt-is-not-asked"],
])("%s takes one argument: the playbook behind it stays a playbook", async (option, argument) => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-run-"));
  const playbook = path.join(folder, "site.yml");
  await writeFile(playbook, "- hosts: all\n  tasks:\n    - debug: {msg: hi}\n      tags: [some]\n");
  await writeFile(path.join(folder, "prompt-is-not-asked"), "secret\n");
  const { stdout } = await run(
    process.execPath,
    [PLUMB, "run", "--syntax-check", ...(option === "-i" ? [] : ["-i", "one,"]), option, argument, playbook],
    { cwd: folder },
  );
  expect(stdout).toContain("well formed");
});

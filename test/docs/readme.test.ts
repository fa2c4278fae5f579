import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { PLUMB } from "../built-plumb.ts";

test("the playbook in the README is right as it stands there", () => {
  const [, playbook = ""] = /^```yaml\n(.*?)^```$/ms.exec(readFileSync("README.md", "utf8")) ?? [];
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-readme-"));
  writeFileSync(path.join(folder, "site.yml"), playbook);
  writeFileSync(path.join(folder, "hosts.ini"), "[web]\nweb1\n");
  mkdirSync(path.join(folder, "templates"));
  writeFileSync(path.join(folder, "templates/nginx.conf.hbs"), "events {}\n");
  const args = [PLUMB, "run", "site.yml", "-i", "hosts.ini", "--list-tasks"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("The web server");
});

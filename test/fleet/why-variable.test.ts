import path from "node:path";
import { describe, expect, test } from "vitest";
import { planPlays } from "../../src/fleet/plan-plays.ts";
import { whyVariable } from "../../src/fleet/why-variable.ts";
import { whyVariableLines } from "../../src/views/why-lines.ts";
import { findings, folderWith } from "../inventory/inventory-files.ts";
import { checkOptions } from "./run-options.ts";

const FILES = {
  hosts: "[web]\nweb1 size=host ansible_become_password=hunter22\n[web:vars]\nsize=group\n",
  "group_vars/all.yml": 'size: "all {{ unit }}"\nunit: MB\nloop_a: "{{ loop_b }}"\nloop_b: "{{ loop_a }}"\n',
  "host_vars/web1.yml": "size: file\n",
  "site.yml":
    "- hosts: web\n  vars:\n    size: play\n  vars_files: [[missing.yml, more.yml]]\n  roles: [r]\n",
  "more.yml": "size: more\n",
  "roles/r/defaults/main.yml": "size: default\n",
  "roles/r/tasks/main.yml": "- debug: {msg: x}\n",
  "roles/r/vars/main.yml": "token: s3cr3t-token\n",
  "roles/r/meta/argument_specs.yml":
    "argument_specs: {main: {options: {token: {type: str, no_log: true}, size: {type: str}}}}\n",
};

test("a file of `vars_files` is named from the current folder, as every other is", async () => {
  const before = process.cwd();
  process.chdir(await folderWith(FILES));
  try {
    const options = await checkOptions(["hosts"], ["site.yml"]);
    const [plan] = planPlays(options);
    const { wins, beats } = await whyVariable(options, "web1", "size", plan?.plan(options.inventory));
    expect([wins, ...beats].map(({ at }) => at?.file)).toEqual([
      "more.yml",
      "site.yml",
      "host_vars/web1.yml",
      "hosts",
      "group_vars/all.yml",
      "hosts",
      "roles/r/defaults/main.yml",
    ]);
  } finally {
    process.chdir(before);
  }
});

async function why(name: string, { playbook = false, extra = [] as string[] } = {}) {
  const folder = await folderWith(FILES);
  const files = playbook ? [path.join(folder, "site.yml")] : [];
  const options = await checkOptions([path.join(folder, "hosts")], files, extra);
  const [plan] = planPlays(options);
  return whyVariable(options, "web1", name, plan?.plan(options.inventory));
}

describe("why a variable has its value", () => {
  test("the level that wins comes first, and those that it beat follow, each with its place", async () => {
    const { wins, beats } = await why("size", { playbook: true, extra: ["size=extra"] });
    const told = [wins, ...beats].map(({ level, value, at }) => [
      level,
      value,
      `${path.basename(at?.file ?? "")}:${at?.line}`,
    ]);
    expect(told).toEqual([
      ["extra vars", "extra", "-e:1"],
      ["play vars_files", "more", "more.yml:1"],
      ["play vars", "play", "site.yml:3"],
      ["host_vars/web1", "file", "web1.yml:1"],
      ["inventory file host variables", "host", "hosts:2"],
      ["group_vars/all", "all MB", "all.yml:1"],
      ["inventory file group variables (web)", "group", "hosts:4"],
      ["role defaults", "default", "main.yml:1"],
    ]);
    expect(beats.find(({ level }) => level === "group_vars/all")?.written).toBe("all {{ unit }}");
  });

  test("without a playbook only the inventory counts", async () => {
    const { wins, beats } = await why("size");
    expect([wins, ...beats].map(({ value }) => value)).toEqual(["file", "host", "all MB", "group"]);
  });

  test("passwords are masked, and so is what a role's specification calls a secret", async () => {
    const password = await why("ansible_become_password");
    const token = await why("token", { playbook: true });
    const shown = [
      ...whyVariableLines(password, (_, text) => text),
      ...whyVariableLines(token, (_, text) => text),
    ].join("\n");
    expect(shown).not.toMatch(/hunter22|s3cr3t/);
    expect(shown).toContain("********");
  });

  test("a variable that is made of itself is told of, and does not hang", async () => {
    expect((await why("loop_a")).wins.unknown).toMatch(/made of itself/);
  });

  test("names that nothing sets, and hosts that are not there, are errors", async () => {
    expect(await findings(() => why("siez"))).toEqual(["undefined-variable"]);
    const folder = await folderWith(FILES);
    const options = await checkOptions([path.join(folder, "hosts")]);
    expect(await findings(() => whyVariable(options, "web9", "size", undefined))).toEqual(["unknown-host"]);
  });
});

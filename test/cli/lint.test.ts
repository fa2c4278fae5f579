import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { rules } from "../../src/lint/rules/catalogue.ts";
import { PLUMB } from "../built-plumb.ts";

const folder = mkdtempSync(path.join(tmpdir(), "plumb-lint-cli-"));
const task = (body: string): string =>
  `- name: Web\n  hosts: all\n  tasks:\n    - name: One\n      ${body}\n`;
for (const [name, body] of [
  ["clean", "debug: {msg: x}"],
  ["warned", "package: {name: nginx, state: latest}"],
  ["wrong", "debug: {mgs: x}"],
  ["open", 'include_tasks: "{{ ansible_facts.os_family }}.yml"'],
] as const)
  writeFileSync(path.join(folder, `${name}.yml`), task(body));

writeFileSync(path.join(folder, "compose.yml"), "services: {web: {image: nginx}}\n");
writeFileSync(path.join(folder, "empty.yml"), "# nothing\n");
writeFileSync(path.join(folder, "cut-off.yml"), "[[[[");
writeFileSync(path.join(folder, "binary.yml"), Buffer.from([0, 0xff, 0xfe]));
writeFileSync(path.join(folder, "mode.yml"), task("file: {path: /a, mode: 0644}"));

function lint(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PLUMB, "lint", ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

describe("plumb lint", () => {
  test.each([
    ["0 where nothing is found", ["clean.yml"], 0, "Nothing was found."],
    ["0 where there are only warnings", ["warned.yml"], 0, "0 errors, 1 warning"],
    ["2 for warnings too with --strict", ["warned.yml", "--strict"], 2, "0 errors, 1 warning"],
    ["0 with --strict where nothing is found", ["clean.yml", "--strict"], 0, "Nothing was found."],
    [
      "0 for what could not be followed, with --strict too",
      ["open.yml", "--strict"],
      0,
      "0 warnings, 1 note",
    ],
    ["2 for a file that is named and empty", ["empty.yml"], 2, "empty.yml:1:1: error: a playbook is a list"],
    ["2 for a file that is named and no YAML", ["cut-off.yml"], 2, "[yaml-syntax]"],
    ["2 for a file that is named and no text", ["binary.yml"], 2, "[file-unreadable]"],
    ["0 for a file that is named and something else", ["compose.yml"], 0, "Nothing was found."],
    [
      "2 for a mode without quotes, with how to write it",
      ["mode.yml"],
      2,
      'must be text in quotes, such as "0644"',
    ],
    ["2 for errors", ["wrong.yml", "warned.yml"], 2, "1 error, 1 warning"],
  ] as const)("exits %s", (_title, args, code, said) => {
    expect(lint(...args)).toMatchObject({ code, stdout: expect.stringContaining(said) });
  });

  test("exits 2 for a path that is not there and a format that there is not, and says which there are", () => {
    expect(lint("nowhere.yml").code).toBe(2);
    const { code, stderr } = lint("clean.yml", "--format", "xml");
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("sarif") });
  });

  test("--list-rules names every rule with its severity and what it is, and looks at nothing", () => {
    const { code, stdout } = lint("--list-rules", "nowhere.yml");
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(rules.length);
    for (const [index, { name, severity, summary }] of rules.entries()) {
      expect(lines[index]).toMatch(new RegExp(`^${name} +${severity} +`));
      expect(lines[index]).toContain(summary);
    }
  });

  test("--format has what is wrong in every form", () => {
    expect(JSON.parse(lint("wrong.yml", "--format", "json").stdout).findings[0]).toMatchObject({
      rule: "unknown-parameter",
      at: { file: "wrong.yml", line: 5 },
    });
    expect(JSON.parse(lint("wrong.yml", "--format", "sarif").stdout).runs[0].results[0].ruleId).toBe(
      "unknown-parameter",
    );
    expect(lint("wrong.yml", "--format", "github").stdout).toMatch(/^::error file=wrong.yml,line=5/);
  });
});

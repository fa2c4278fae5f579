import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { globPattern } from "../../src/playbook/glob-pattern.ts";
import { tasksBefore } from "../../src/playbook/start-at-task.ts";
import { withPlaybook } from "./loading.ts";

const files = {
  "site.yml": `- hosts: all
  tasks:
    - {name: first, debug: {}}
- hosts: all
  roles: [app]
  tasks:
    - block:
        - {name: "install {{ what }}", debug: {}}
      rescue:
        - {name: mend, debug: {}}
    - debug: {}
  handlers:
    - {name: restart, debug: {}}
`,
  "roles/app/tasks/main.yml": "- {name: configure, debug: {}}\n",
};

const leftOut = (wanted: string): Promise<number | undefined> =>
  withPlaybook(files, (playbook) => {
    try {
      return tasksBefore([playbook], wanted).size;
    } catch (error) {
      if (!(error instanceof DiagnosticsError)) throw error;
      expect(error.diagnostics.map(({ code }) => code)).toEqual(["no-such-task"]);
      return undefined;
    }
  });

describe("--start-at-task", () => {
  test.each([
    ["first", 0],
    ["configure", 1],
    ["app : configure", 1],
    ["app*", 1],
    ["install *", 2],
    ["install {{ what }}", 2],
    ["mend", 3],
    ["debug", 4],
  ])("%s leaves out %i tasks", async (wanted, expected) => {
    expect(await leftOut(wanted)).toBe(expected);
  });

  test.each(["frist", "restart", "", "*nothing*"])("%s is nowhere, and that is an error", async (wanted) => {
    expect(await leftOut(wanted)).toBeUndefined();
  });
});

describe("a glob pattern", () => {
  test.each([
    ["a*", "abc", true],
    ["a?c", "abc", true],
    ["[ab]c", "bc", true],
    ["[!ab]c", "bc", false],
    ["a.c", "abc", false],
    ["[z-a]", "z", false],
    ["a[", "a[", true],
    ["*", "two\nlines", true],
  ])("%s and %s", (pattern, text, expected) => {
    expect(globPattern(pattern).test(text)).toBe(expected);
  });
});

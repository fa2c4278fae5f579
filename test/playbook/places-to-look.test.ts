import { describe, expect, test } from "vitest";
import { placesToLook } from "../../src/playbook/places-to-look.ts";

const at = (file: string) => ({ file, line: 1, column: 1 });

describe("where a file that a task names is looked for", () => {
  test("in the role, beside the task's file, beside the playbook, and beside the folder of playbooks", () => {
    const role = {
      name: "web",
      path: "/p/roles/web",
      defaults: new Map(),
      variables: new Map(),
      parameters: new Map(),
      dependencies: [],
    };
    expect(
      placesToLook("a.hbs", "templates", { role, at: at("/p/roles/web/tasks/main.yml") }, "/p/playbooks"),
    ).toEqual([
      "/p/roles/web/templates/a.hbs",
      "/p/roles/web/a.hbs",
      "/p/roles/web/tasks/templates/a.hbs",
      "/p/roles/web/tasks/a.hbs",
      "/p/playbooks/templates/a.hbs",
      "/p/playbooks/a.hbs",
      "/p/templates/a.hbs",
    ]);
  });

  test("an absolute path stands where it says", () => {
    expect(placesToLook("/etc/motd", "files", { at: at("/p/a.yml") }, "/p")).toEqual(["/etc/motd"]);
  });
});

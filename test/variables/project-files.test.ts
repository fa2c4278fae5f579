import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compileExpression } from "../../src/variables/expression.ts";
import { scopeOf } from "../playbook/scope-of.ts";

test("files and templates beside the folder of playbooks are found, behind those beside the playbook", () => {
  const project = mkdtempSync(path.join(tmpdir(), "plumb-project-"));
  onTestFinished(() => rmSync(project, { recursive: true }));
  const put = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(project, file)), { recursive: true });
    writeFileSync(path.join(project, file), text);
  };
  put("templates/hello.hbs", "hello {{ who }}");
  put("files/motd", "of the project");
  const scope = scopeOf(`playbook_dir: ${project}/playbooks\nwho: you\n`);
  const worth = (text: string) =>
    compileExpression(text, { file: "site.yml", line: 1, column: 1 }).evaluate(scope);
  expect(worth('read_template("hello.hbs")')).toBe("hello you");
  expect(worth('read_file("motd")')).toBe("of the project");
  put("playbooks/files/motd", "of the playbook");
  expect(worth('read_file("motd")')).toBe("of the playbook");
});

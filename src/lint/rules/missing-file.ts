import { existsSync } from "node:fs";
import path from "node:path";
import { splitCommand } from "../../modules/split-command.ts";
import { otherFile } from "../../playbook/other-file.ts";
import { placesToLook } from "../../playbook/places-to-look.ts";
import type { Task } from "../../playbook/playbook.ts";
import { present } from "../../playbook/present.ts";
import { literalOf } from "../../variables/evaluate.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { writtenNames } from "../written-names.ts";

/** Modules that read a file of the controller, the parameter that names it, and where it is looked for. */
const READERS: Readonly<Record<string, { parameter: string; folder: "files" | "templates" }>> = {
  copy: { parameter: "src", folder: "files" },
  script: { parameter: "cmd", folder: "files" },
  template: { parameter: "src", folder: "templates" },
  unarchive: { parameter: "src", folder: "files" },
};

/** Files of the controller that tasks name and that are not there. */
export const missingFile: Rule = {
  name: "missing-file",
  severity: "warning",
  summary: "a file of `copy`, `script`, `template` or `unarchive` that is not there",
  why: "The task fails when its turn comes, which may be late in a long run. It is looked for where a run looks for it. Where an earlier task makes it on this machine, say so in a comment that ignores this.",
  bad: {
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: Configuration\n      template: {src: site.conf.hbs, dest: /etc/site.conf, mode: "0644"}\n',
    "templates/sites.conf.hbs": "listen 80\n",
  },
  good: {
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: Configuration\n      template: {src: site.conf.hbs, dest: /etc/site.conf, mode: "0644"}\n',
    "templates/site.conf.hbs": "listen 80\n",
  },
  check: async ({ playbooks }) => {
    const findings: RuleFinding[] = [];
    for (const { file, plays } of playbooks) {
      const folder = path.dirname(path.resolve(file));
      for (const task of plays.flatMap(({ tasks, handlers }) => [...tasks, ...handlers]))
        findings.push(...(await missingOf(task, folder)));
    }
    return findings;
  },
};

async function missingOf(task: Task, playbookFolder: string): Promise<RuleFinding[]> {
  const reader = READERS[task.module];
  const given = new Map(task.parameters.map(({ key, value }) => [key, value]));
  const source = reader === undefined ? undefined : given.get(reader.parameter);
  const remote = given.get("remote_src");
  if (reader === undefined || source === undefined) return [];
  if (remote !== undefined && literalOf(remote) !== false) return [];
  const findings: RuleFinding[] = [];
  for (const { value } of writtenNames(source, task) ?? []) {
    // What is no text, the loader tells.
    const name =
      typeof value !== "string" ? "" : task.module === "script" ? (splitCommand(value)[0] ?? "") : value;
    const places = placesToLook(name, reader.folder, task, playbookFolder);
    if (name === "" || places.some((place) => existsSync(place))) continue;
    findings.push({
      message: `there is no file \`${name}\``,
      at: source.at ?? task.at,
      ...present(
        "hint",
        await otherFile(
          name,
          places.map((place) => path.dirname(place)),
        ),
      ),
    });
  }
  // A condition may leave out the item whose file is not there.
  return findings.length > 0 && task.loop !== undefined && task.keywords.when.length > 0 ? [] : findings;
}

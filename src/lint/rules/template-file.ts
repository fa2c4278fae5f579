import { DiagnosticsError } from "../../diagnostics/diagnostic.ts";
import { compileTemplateFile } from "../../variables/text-template.ts";
import type { Rule } from "../rule.ts";
import { templateOf } from "../templates-used.ts";
import type { LintTree } from "../tree.ts";

/** Template files that can't be read. */
export const templateFile: Rule = {
  name: "template-file",
  severity: "error",
  summary: "a template file that can't be read, or is Jinja2",
  why: "A template is read when its task runs, which may be late in a long run. Templates are Handlebars; what is written as in Jinja2 gets what to write instead.",
  bad: {
    "roles/web/templates/web.conf.hbs": "listen {{ port | default(80) }}\n",
    "roles/web/tasks/main.yml": "[]\n",
  },
  good: {
    "roles/web/templates/web.conf.hbs": "listen {{ default port 80 }}\n",
    "roles/web/tasks/main.yml": "[]\n",
  },
  check: async (tree) =>
    [...(await templatesOf(tree))].flatMap(([file, text]) => {
      try {
        compileTemplateFile(text, file);
        return [];
      } catch (error) {
        if (!(error instanceof DiagnosticsError)) throw error;
        return error.diagnostics.map(({ message, at, hint }) => ({
          message,
          at: at ?? { file, line: 1, column: 1 },
          ...(hint === undefined ? {} : { hint }),
        }));
      }
    }),
};

/** Those that were found, and those that tasks render, wherever they lie: a playbook that is named by itself brings its own. */
async function templatesOf({ files, playbooks }: LintTree): Promise<Map<string, string>> {
  const templates = new Map(
    files.flatMap(({ file, text, kind }) => (kind === "template" ? [[file, text]] : [])),
  );
  for (const playbook of playbooks)
    for (const task of playbook.plays.flatMap(({ tasks, handlers }) => [...tasks, ...handlers])) {
      const template = await templateOf(task, playbook.file);
      if (template !== undefined) templates.set(template.file, template.text);
    }
  return templates;
}

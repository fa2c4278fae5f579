import type { SourceRange } from "../../diagnostics/diagnostic.ts";
import { literalOf } from "../../variables/evaluate.ts";
import type { Rule, RuleFinding } from "../rule.ts";
import { type SourceFile, variablesOf } from "../tree.ts";

/** Modes written as numbers. */
export const numericMode: Rule = {
  name: "numeric-mode",
  severity: "error",
  summary: "a variable for a file's mode that is a number",
  why: "YAML reads `0644` as octal in one version and as decimal in the other, and `644` as decimal in both: the file gets a mode that nobody meant. In quotes it is what it says. (A parameter that is a mode refuses numbers by itself.)",
  bad: {
    "group_vars/all.yml": "web_mode: 0644\n",
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: File\n      file: {path: /srv/x, state: touch, mode: "{{ web_mode }}"}\n',
  },
  good: {
    "group_vars/all.yml": 'web_mode: "0644"\nfirewall_mode: strict\n',
    "site.yml":
      '- name: Web\n  hosts: all\n  tasks:\n    - name: File\n      file: {path: /srv/x, state: touch, mode: "{{ web_mode }}"}\n    - name: Other\n      debug: {msg: "{{ firewall_mode }}"}\n',
  },
  check: (tree) =>
    variablesOf(tree).flatMap(({ name, variable: { value, at } }): RuleFinding[] => {
      const written = /(^|_)mode$/.test(name) ? literalOf(value) : undefined;
      if (typeof written !== "number" || !Number.isInteger(written) || written < 8 || at === undefined)
        return [];
      const octal = modeMeant(written, textAt(tree.files, value.at ?? at));
      return [
        {
          message: `\`${name}\` is the number ${written}`,
          at: value.at ?? at,
          hint: `write it in quotes: ${name}: "${octal.padStart(4, "0")}"`,
        },
      ];
    }),
};

/** `0644` was read as octal; `644` stands there where somebody meant it to be. */
function modeMeant(value: number, written: string | undefined): string {
  const isRead = /^0[0-7]/.test(written ?? "");
  return isRead || !/^[0-7]{3,4}$/.test(String(value)) ? value.toString(8) : String(value);
}

function textAt(files: readonly SourceFile[], at: SourceRange): string | undefined {
  const line = files.find(({ file }) => file === at.file)?.text.split("\n")[at.line - 1];
  return line?.slice(at.column - 1);
}

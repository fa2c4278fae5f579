import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ValueMap } from "../../../src/variables/value.ts";

export interface AnsibleCase {
  /** A Jinja2 expression. */
  expression: string;
  variables: ValueMap;
}

export interface AnsibleAnswer {
  value?: unknown;
  error?: string;
}

/** What Ansible's filters (Debian's ansible-core) answer, all cases in one process. */
export function ansibleAnswers(cases: readonly AnsibleCase[]): AnsibleAnswer[] {
  const script = fileURLToPath(new URL("ansible-answers.py", import.meta.url));
  const output = execFileSync("/usr/bin/python3", ["-W", "ignore", script], {
    input: JSON.stringify(cases),
    maxBuffer: 64 * 2 ** 20,
  });
  return JSON.parse(output.toString()) as AnsibleAnswer[];
}

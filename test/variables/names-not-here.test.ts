import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { undefinedVariable } from "../../src/variables/undefined-variable.ts";
import { lintFiles } from "../lint/lint-files.ts";

const facts = new Map([["ansible_facts", { value: { kind: "literal" as const, value: { kernel: "6.1" } } }]]);
const scope = createScope({ layers: [{ level: "facts", variables: facts }] });

function hintOf(name: string): string | undefined {
  const error = undefinedVariable(name, scope, undefined);
  return error instanceof DiagnosticsError ? error.diagnostics[0]?.hint : undefined;
}

describe("a fact or a magic variable that only Ansible has", () => {
  test.each([
    ["ansible_date_time", "now()"],
    ["ansible_date_time.iso8601", "now()"],
    ["ansible_facts.env.HOME", "printenv"],
    ["ansible_mounts", "findmnt"],
    ["ansible_eth0.ipv4.address", "ansible_default_ipv4"],
    ["ansible_processor_cores", "ansible_processor_vcpus"],
    ["ansible_playbook_python", "no Python"],
    ["ansible_search_path", "role_path"],
    ["ansible_parent_role_names", "include_role"],
    ["ansible_parent_role_paths", "include_role"],
    ["vars.name", "hostvars"],
  ])("%s: the error says what to write instead", (name, instead) => {
    expect(hintOf(name)).toContain(instead);
  });

  test.each(["ansible_kernell", "ansible_local_port", "my_env", "vars_of_mine"])(
    "%s is somebody's own name, and told of as any other",
    (name) => {
      expect(hintOf(name)).toMatch(/^(define it, or|did you mean) /);
    },
  );

  test("is found by lint, unless somebody defines it", async () => {
    const files = {
      "hosts.yml": "all: {hosts: {h1: {}}}\n",
      "site.yml":
        '- name: Show\n  hosts: all\n  tasks:\n    - {name: Day, debug: {msg: "{{ ansible_date_time.date }} {{ ansible_kernel }}"}}\n',
    };
    const { findings } = await lintFiles(files);
    expect(findings.map(({ rule, hint }) => [rule, hint?.includes("now()")])).toEqual([
      ["undefined-variable", true],
    ]);
    const defined = await lintFiles({ ...files, "group_vars/all.yml": "ansible_date_time: {date: x}\n" });
    expect(defined.findings).toEqual([]);
  });
});

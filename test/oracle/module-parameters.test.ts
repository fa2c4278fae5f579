import { readFileSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { canonicalModuleName, loadModule } from "../../src/modules/catalogue.ts";
import { insteadOf, notTakenBy } from "../../src/modules/not-taken.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import { parameterNames } from "../../src/playbook/parameter-schema.ts";

const { "//": _, ...documented } = JSON.parse(
  readFileSync("test/oracle/module-parameters.json", "utf8"),
) as Record<string, Record<string, string[]>>;

test("a playbook that uses one is told what to write, at its line", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "plumb-test-"));
  const file = path.join(folder, "play.yml");
  await writeFile(
    file,
    "- hosts: all\n  tasks:\n    - mount: {name: /srv, src: a, fstype: ext4}\n    - copy: {content: x, dest: /x, unsafe_writes: true}\n",
  );
  const error: unknown = await loadPlaybook(file, { rolePaths: [] }).catch((reason: unknown) => reason);
  if (!(error instanceof DiagnosticsError)) throw error;
  const told = error.diagnostics.filter(({ code }) => code === "unknown-parameter");
  expect(told.map(({ at, hint }) => `${at?.line} ${hint ?? ""}`)).toEqual([
    "3 Ansible's module has it: write `path`",
    "4 Ansible's module has it: files are replaced as a whole or not at all",
  ]);
});

test("pg_query refuses what the modules that it stands in for take, each with what to write", async () => {
  const taken = new Set(parameterNames(await loadModule("pg_query")));
  const theirs = [
    "login_host",
    "login_port",
    "login_user",
    "login_password",
    "login_unix_socket",
    "db",
    "ssl_mode",
    "ca_cert",
    "ssl_cert",
    "ssl_key",
    "autocommit",
  ];
  expect(theirs.filter((name) => taken.has(name))).toEqual([]);
  // What is refused says what to write, and in words: an empty one would be shown as nothing.
  expect(theirs.filter((name) => !/[a-z]{3}/.test(insteadOf("pg_query", name) ?? ""))).toEqual([]);
  for (const [name, instead] of Object.entries(notTakenBy("pg_query"))) {
    expect(taken.has(name)).toBe(false);
    const [, meant] = /^(?:write )?`(\w+)`$/.exec(instead) ?? [];
    if (meant !== undefined) expect(taken.has(meant)).toBe(true);
  }
});

/** Several of Ansible's modules are one of ours. */
const byOwnName = Map.groupBy(Object.entries(documented), ([name]) => canonicalModuleName(name) ?? name);

describe.each([...byOwnName])("the parameters of Ansible's %s", (own, modules) => {
  const theirs = modules.flatMap(([, parameters]) =>
    Object.entries(parameters).flatMap(([name, others]) => [name, ...others]),
  );

  test("are all taken, or refused with what to write instead", async () => {
    const taken = new Set(parameterNames(await loadModule(own)));
    expect(theirs.filter((name) => !taken.has(name) && insteadOf(own, name) === undefined)).toEqual([]);
  });

  test("are refused only where they are not taken, and where Ansible has them", async () => {
    const taken = new Set(parameterNames(await loadModule(own)));
    const refused = Object.keys(notTakenBy(own));
    expect(refused.filter((name) => taken.has(name) || !theirs.includes(name))).toEqual([]);
  });
});

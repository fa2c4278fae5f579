import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadModule, moduleNames } from "../../src/modules/catalogue.ts";
import { dnf } from "../../src/modules/dnf.ts";
import { packageModule } from "../../src/modules/package.ts";
import { moduleReference } from "../../src/modules/reference.ts";
import { compileExpression } from "../../src/variables/expression.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import { parseVariables } from "../../src/variables/variables-file.ts";
import { SITUATION } from "../modules/answers.ts";

/** What Ansible has got wrong once, and no other test is about. */

const HOSTILE = `'; id; '$(id)\`id\` "\\" && id #\n!`;

test("a value in a command for `pipe` is one word of it, whatever stands in it", () => {
  const scope = createScope({
    layers: [
      { level: "facts", variables: parseVariables(`told: !unsafe ${JSON.stringify(HOSTILE)}\n`, "vars.yml") },
    ],
  });
  const expression = compileExpression(`pipe("printf %s " + quote(told))`, { file: "f", line: 1, column: 1 });
  expect(expression.evaluate(scope)).toBe(HOSTILE);
});

describe("what a host says of its package manager", () => {
  test.each(["../../tmp/evil", "command", "__proto__", "dnf;id"])("chooses no module: %s", (told) => {
    const want = packageModule.params.parse({ name: "x" });
    const facts = { pkg_mgr: told, distribution: "x" };
    expect(() => packageModule.queries(want, { ...SITUATION, facts, factsSoFar: facts })).toThrow(
      /`package` knows apt and dnf|the package manager of this host/,
    );
  });
});

test("dnf and apt look at signatures, unless a playbook says otherwise", () => {
  const script = (more: object): string => {
    const want = dnf.params.parse({ name: "x", ...more });
    const detail = { names: ["x"], upgrade: [] };
    const change = { action: "create", summary: "x", differences: [], detail } as unknown as Parameters<
      typeof dnf.steps
    >[0];
    return dnf
      .steps(change, want, SITUATION)
      .map((step) => JSON.stringify(step))
      .join("");
  };
  expect(script({})).toContain("dnf -y -q");
  expect(script({})).not.toContain("gpgcheck");
  expect(script({ disable_gpg_check: true })).toContain("--nogpgcheck");
  for (const file of ["apt-script", "apt-packages", "apt-update", "apt-repository", "package-deb"])
    expect(readFileSync(`src/modules/${file}.ts`, "utf8")).not.toMatch(/unauthenticated|force-yes|Insecure/i);
});

test.each(moduleNames())("%s declares the parameters that hold a secret", async (name) => {
  const module = await loadModule(name);
  const { schema } = moduleReference(module);
  const declared = (module.secretParams ?? []).map((one) => one.split(".")[0]);
  const { properties = {} } = schema as { properties?: Record<string, { type?: string; enum?: unknown }> };
  const named = Object.entries(properties)
    .filter(([, its]) => its.enum === undefined && its.type !== "boolean")
    .map(([parameter]) => parameter)
    .filter((parameter) => /pass(word|phrase|wd)?$|secret|token|verifier/.test(parameter));
  expect(named.filter((one) => !declared.includes(one))).toEqual([]);
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { planPlays } from "../../src/fleet/plan-plays.ts";
import { openRun } from "../../src/fleet/run.ts";
import { checkOptions } from "./run-options.ts";

const inventoryOf = (text: string): string => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "plumb-test-")), "hosts.ini");
  writeFileSync(file, text);
  return file;
};

const playbookOf = (hosts: string): string => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "plumb-test-")), "play.yml");
  writeFileSync(file, `- hosts: ${hosts}\n  tasks: []\n`);
  return file;
};

const TWO = "[postgresql]\ndb1\n[poolers]\npool1\n";

const hostsOf = async (inventory: string, playbook: string): Promise<readonly (readonly string[])[]> =>
  planPlays(await checkOptions([inventoryOf(inventory)], [playbook])).map(({ run }) => run?.hosts ?? []);

test("hosts that are computed see the groups, and may be none", async () => {
  const computed = "!expr default(groups.web, [])";
  expect(await hostsOf(TWO, playbookOf(computed))).toEqual([[]]);
  expect(await hostsOf("[web]\na\nb\n", playbookOf(computed))).toEqual([["a", "b"]]);
  // What is written out has to be there: it may be misspelt.
  for (const written of ["web", "[]", "!expr '\"web\"'", "!expr '[\"web\"]'"])
    await expect(hostsOf(TWO, playbookOf(written))).rejects.toMatchObject({
      diagnostics: [{ at: { line: 1 } }],
    });
});

test("site.yml needs two groups; the others are for whoever has such hosts", async () => {
  const plays = await hostsOf(TWO, "playbooks/site.yml");
  expect([...new Set(plays.flat())].sort()).toEqual(["db1", "pool1"]);
  expect(plays.some((hosts) => hosts.length === 0)).toBe(true);
  const error = await hostsOf("[postgresql]\ndb1\n[pgbouncer]\npool1\n", "playbooks/site.yml").then(
    () => undefined,
    (one: DiagnosticsError) => one.diagnostics[0],
  );
  expect(error).toMatchObject({
    code: "pattern-matches-nothing",
    at: { file: expect.stringMatching(/pgbouncer\.yml$/) },
  });
  expect(error?.hint).toContain("postgresql, pgbouncer");
});

test("a playbook for which the inventory has no host is told of at its hosts", async () => {
  const options = await checkOptions([inventoryOf(TWO)], ["playbooks/ha.yml"]);
  expect(() => openRun(options, new Date())).toThrow(/ha\.yml:\d+:\d+: no play has a host/);
});

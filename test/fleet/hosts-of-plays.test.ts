import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { planPlays } from "../../src/fleet/plan-plays.ts";
import { openRun, run } from "../../src/fleet/run.ts";
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

test("a group that plays can do without, and that has nearly the name of another one, is told of as misspelt", async () => {
  const warned = async (inventory: string, playbook: string): Promise<string[]> => {
    const told: string[] = [];
    const options = await checkOptions([inventoryOf(inventory)], [playbook]);
    const stopping = AbortSignal.abort();
    await run({
      ...options,
      stopping,
      emit: (event) => {
        if (event.type === "warning") told.push(event.message);
      },
    });
    return told;
  };
  const [client, ...others] = await warned(`${TWO}[client]\napp1\n[balancer]\n`, "playbooks/site.yml");
  expect(client).toMatch(
    /pgbouncer\.yml:\d+:\d+: the play is for the group `clients`, which the inventory does not have; it has `client`: did you mean `clients`\?/,
  );
  // Each once, however many plays ask for it.
  expect(others).toEqual([expect.stringContaining("`balancers`")]);
  expect(await warned(`${TWO}[clients]\napp1\n[web]\n`, "playbooks/site.yml")).toEqual([]);
  // Groups of plays of their own.
  const two = path.join(mkdtempSync(path.join(tmpdir(), "plumb-test-")), "two.yml");
  writeFileSync(two, "- hosts: web1\n- hosts: !expr default(groups.web2, [])\n");
  expect(await warned("[web1]\na\n", two)).toEqual([]);
  // Where no host is left, it is why.
  const none = await checkOptions([inventoryOf("[balancer]\na\n")], ["playbooks/ha.yml"]);
  expect(() => openRun(none, new Date())).toThrow(
    expect.objectContaining({
      diagnostics: [expect.objectContaining({ hint: expect.stringContaining("it has `balancer`") })],
    }),
  );
});

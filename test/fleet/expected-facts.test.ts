import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { Event } from "../../src/converge/event.ts";
import { ExpectedFacts } from "../../src/fleet/expected-facts.ts";
import { run } from "../../src/fleet/run.ts";
import { folderWith } from "../inventory/inventory-files.ts";
import { takeTurn } from "../take-turn.ts";
import { checkOptions } from "./run-options.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

const factsFolder = async (): Promise<string> => path.join(await folderWith({}), "facts");

test("facts are expected to be what they were at the same address, but for those that never are", async () => {
  const folder = await factsFolder();
  await new ExpectedFacts(folder).keep(
    "web1",
    "192.0.2.1",
    { os_family: "Debian", memfree_mb: 7 },
    undefined,
  );
  const expected = new ExpectedFacts(folder);
  expect(expected.of("web1", "192.0.2.1")).toEqual({ os_family: "Debian" });
  expect(expected.of("web1", "192.0.2.2")).toBeUndefined();
  expect(expected.of("web2", "192.0.2.1")).toBeUndefined();
  const [file = ""] = readdirSync(folder);
  expect(statSync(path.join(folder, file)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("nothing is expected from a folder that others may write to, nor from a damaged file", async () => {
  const folder = await factsFolder();
  const expected = new ExpectedFacts(folder);
  await expected.keep("web1", "web1", { os_family: "Debian" }, undefined);
  chmodSync(folder, 0o777);
  expect(expected.of("web1", "web1")).toBeUndefined();
  chmodSync(folder, 0o700);
  expect(expected.of("web1", "web1")).toEqual({ os_family: "Debian" });
  writeFileSync(path.join(folder, readdirSync(folder)[0] ?? ""), "{");
  expect(expected.of("web1", "web1")).toBeUndefined();
});

const PLAYBOOK = `
- hosts: all
  tasks:
    - name: a file of this system
      file: { path: "/nowhere/{{ ansible_facts.os_family }}", state: absent }
    - name: of its name as a variable
      file: { path: "/nowhere/{{ ansible_distribution }}", state: absent }
      when: ansible_facts.os_family == "Debian"
    - name: shown
      debug: { msg: "{{ ansible_facts.os_family }} {{ ansible_facts.memfree_mb }} {{ ansible_memfree_mb }}" }
`;

test("what depends on facts is asked along with them, and what they were decides nothing", async () => {
  const folder = await folderWith({ hosts: "local1 ansible_connection=local\n", "play.yml": PLAYBOOK });
  const facts = path.join(folder, "facts");
  const runIt = async (): Promise<{ trips: number; shown: string; statuses: string[] }> => {
    const statuses: string[] = [];
    let shown = "";
    const emit = (event: Event): void => {
      if (event.type !== "task-finished") return;
      statuses.push(event.status);
      if (event.task.name === "shown") shown = String(event.data?.["msg"]);
    };
    const options = await checkOptions([path.join(folder, "hosts")], [path.join(folder, "play.yml")]);
    const finished = await run({ ...options, expectedFacts: new ExpectedFacts(facts), emit });
    return { trips: finished.hosts[0]?.counters?.roundTrips ?? 0, shown, statuses };
  };
  const first = await runIt();
  expect(first.trips).toBe(2);
  expect(first.statuses).toEqual(["ok", "ok", "ok"]);
  const second = await runIt();
  expect(second.trips).toBe(1);
  expect(second.statuses).toEqual(first.statuses);
  expect(second.shown).toMatch(/^Debian (\d+) \1$/);
  const file = path.join(facts, readdirSync(facts)[0] ?? "");
  const before = readFileSync(file, "utf8");
  writeFileSync(file, before.replaceAll("Debian", "Plan 9"));
  const third = await runIt();
  expect(third.trips).toBe(2);
  expect(third.statuses).toEqual(first.statuses);
  expect(third.shown).toMatch(/^Debian /);
  expect(readFileSync(file, "utf8")).toBe(before);
});

test("a host's own facts, looked at through hostvars, are waited for, and not taken for missing", async () => {
  const folder = await folderWith({
    hosts: "local1 ansible_connection=local\n",
    "play.yml": `
- hosts: all
  tasks:
    - debug: { msg: "{{ default hostvars.local1.ansible_facts.os_family 'none' }} {{ default hostvars.local1.ansible_os_family 'none' }}" }
`,
  });
  const shown: string[] = [];
  const emit = (event: Event): void => {
    if (event.type === "task-finished") shown.push(String(event.data?.["msg"]));
  };
  const options = await checkOptions([path.join(folder, "hosts")], [path.join(folder, "play.yml")]);
  const expectedFacts = new ExpectedFacts(path.join(folder, "facts"));
  for (let round = 0; round < 2; round++) await run({ ...options, expectedFacts, emit });
  expect(shown).toEqual(["Debian Debian", "Debian Debian"]);
});

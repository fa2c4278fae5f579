import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import type { Event } from "../../src/converge/event.ts";
import { cachedFacts, cacheFacts } from "../../src/fleet/fact-cache.ts";
import { run } from "../../src/fleet/run.ts";
import { findings, folderWith } from "../inventory/inventory-files.ts";
import { takeTurn } from "../take-turn.ts";
import { checkOptions } from "./run-options.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

test("facts of a host are added to, in a file that nobody else can read", async () => {
  const folder = path.join(await folderWith({}), "facts");
  expect(await cachedFacts(folder, "web1")).toEqual({});
  await cacheFacts(folder, "web1", { a: 1, b: [2] });
  await cacheFacts(folder, "web1", { a: 3 });
  expect(await cachedFacts(folder, "web1")).toEqual({ a: 3, b: [2] });
  const [file = ""] = readdirSync(folder);
  expect(statSync(path.join(folder, file)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("a host's name never leads out of the folder, and a damaged file is told of", async () => {
  const folder = path.join(await folderWith({}), "facts");
  await cacheFacts(folder, "../../evil", { a: 1 });
  const [file = ""] = readdirSync(folder);
  writeFileSync(path.join(folder, file), "{");
  expect(await findings(() => cachedFacts(folder, "../../evil"))).toEqual(["file-unreadable"]);
});

test("set_fact with cacheable holds in the next run, below what a play says; without, it does not", async () => {
  const folder = await folderWith({
    hosts: "local1 ansible_connection=local\n",
    "set.yml":
      "- hosts: all\n  gather_facts: false\n  tasks:\n    - set_fact: {kept: 7, beaten: fact, cacheable: true}\n    - set_fact: {lost: 8}\n",
    "show.yml":
      "- hosts: all\n  gather_facts: false\n  vars: {beaten: play}\n  tasks:\n    - name: shown\n      debug: {msg: '{{ kept }} {{ ansible_facts.kept }} {{ beaten }} {{ default lost 0 }}'}\n",
  });
  const told: string[] = [];
  const emit = (event: Event): void => {
    if (event.type === "task-finished" && event.task.name === "shown")
      told.push(JSON.stringify(event.data?.["msg"]));
  };
  const factCache = path.join(folder, "facts");
  for (const name of ["set.yml", "show.yml"]) {
    const options = await checkOptions([path.join(folder, "hosts")], [path.join(folder, name)]);
    const finished = await run({ ...options, checkMode: false, factCache, emit });
    expect(finished.outcome).toBe("ok");
  }
  expect(told).toEqual(['"7 7 play 0"']);
  expect(readFileSync(path.join(factCache, "local1.json"), "utf8")).toContain('"kept": 7');
});

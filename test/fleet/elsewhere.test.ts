import path from "node:path";
import { expect, test } from "vitest";
import type { Elsewhere } from "../../src/fleet/elsewhere.ts";
import { run } from "../../src/fleet/run.ts";
import { folderWith } from "../inventory/inventory-files.ts";
import { takeTurn } from "../take-turn.ts";
import { checkOptions } from "./run-options.ts";

// This machine is the host, and a host has one lock.
await takeTurn("this-machine");

test("who works in the place of this process is not given hosts that are this machine: theirs would be another", async () => {
  const folder = await folderWith({
    hosts: "here ansible_connection=local\naway1\naway2\nalso ansible_connection='{{ how }}' how=local\n",
    "play.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: hi}\n",
  });
  const given: string[] = [];
  const elsewhere: Elsewhere = {
    takes: () => true,
    work: async (_play, _batch, host) => {
      given.push(host);
      const counts = { ok: 0, changed: 0, failed: 0, skipped: 0, ignored: 0, rescued: 0, unknown: 0 };
      return {
        end: "ok",
        isFatal: false,
        counts: { ...counts, "would-change": 0 },
        pendingHandlers: [],
        durationMs: 0,
      };
    },
  };
  const done: string[] = [];
  const options = await checkOptions([path.join(folder, "hosts")], [path.join(folder, "play.yml")]);
  const { outcome } = await run({
    ...options,
    elsewhere,
    emit: (event) => {
      if (event.type === "task-finished") done.push(event.host);
    },
  });
  expect(outcome).toBe("ok");
  expect(given.sort()).toEqual(["away1", "away2"]);
  expect(done.sort()).toEqual(["also", "here"]);
});

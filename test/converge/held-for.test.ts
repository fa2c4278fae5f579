import { describe, expect, test } from "vitest";
import { HeldFor } from "../../src/converge/held-for.ts";
import { HostWithDisk } from "./host-with-disk.ts";

describe("what a host's lock is held for", () => {
  test("is written down once for each shell and each number of slow things", async () => {
    const host = new HostWithDisk();
    const heldFor = new HeldFor();
    await heldFor.note(host, undefined, 1);
    expect(host.scripts).toEqual([]);
    await heldFor.note(host, 71, 1);
    await heldFor.note(host, 71, 1);
    await heldFor.note(host, 71, 3);
    await heldFor.note(host, 72, 3);
    expect(host.scripts.map((script) => /pid='?(\d+)/.exec(script)?.[1])).toEqual(["71", undefined, "72"]);
    expect(host.scripts.map((script) => /slow %s\\n' '?(\d+)/.exec(script)?.[1])).toEqual(["1", "3", "3"]);
    heldFor.forget();
    await heldFor.note(host, 71, 1);
    expect(host.scripts).toHaveLength(4);
    expect(host.warnings).toEqual([]);
  });

  test("is told of where it can't be written down, and tried again with the next change, shell and number both", async () => {
    const host = new HostWithDisk();
    const heldFor = new HeldFor();
    host.isFull = true;
    await heldFor.note(host, 71, 4);
    expect(host.warnings).toEqual([
      "the host's lock could not be written: a run that follows would not wait for what this one leaves behind, if it were killed now: sh: printf: I/O error: No space left on device",
    ]);
    host.isFull = false;
    await heldFor.note(host, undefined, 4);
    await heldFor.note(host, 71, 4);
    expect(host.scripts).toHaveLength(3);
    expect(host.scripts[1]).toContain("slow");
    expect(host.scripts[2]).toContain("71");
    expect(host.warnings).toHaveLength(1);
  });
});

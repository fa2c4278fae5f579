import { describe, expect, test } from "vitest";
import { RememberedHandlers } from "../../src/converge/remembered-handlers.ts";
import { HostWithDisk } from "./host-with-disk.ts";

function rememberedOn(host: HostWithDisk): RememberedHandlers {
  return new RememberedHandlers({ run: host.run, suffix: () => "" });
}

describe("handlers that a host has to run yet", () => {
  test("are written down once, and struck off once", async () => {
    const host = new HostWithDisk();
    const handlers = rememberedOn(host);
    expect(await handlers.remember(["reload", "restart"])).toEqual(["reload", "restart"]);
    expect(await handlers.remember(["restart", "reload"])).toEqual([]);
    expect(host.scripts).toHaveLength(1);
    await handlers.forget(["reload"]);
    await handlers.forget(["reload", "unknown"]);
    expect(host.scripts).toHaveLength(2);
    expect(handlers.pending).toEqual(["restart"]);
  });

  test("keep the step from being done where they can't be written down, and are no handlers to do", async () => {
    const host = new HostWithDisk();
    host.isFull = true;
    const handlers = rememberedOn(host);
    await expect(handlers.remember(["reload"])).rejects.toThrow("No space left on device");
    expect(handlers.pending).toEqual([]);
    host.isFull = false;
    expect(await handlers.remember(["reload"])).toEqual(["reload"]);
  });

  test("that an earlier run left are told apart, on a new connection too", async () => {
    const handlers = rememberedOn(new HostWithDisk());
    handlers.found(["old"], false);
    await handlers.remember(["new"]);
    handlers.found(["old", "new"], false);
    expect(handlers.leftOver).toEqual(["old"]);
    expect(handlers.pending).toEqual(["old", "new"]);
  });

  test("that check mode only noted are still to do on a new connection; otherwise the host's list counts", () => {
    const handlers = rememberedOn(new HostWithDisk());
    handlers.note(["noted"]);
    handlers.found(["old"], true);
    expect(handlers.pending).toEqual(["old", "noted"]);
    handlers.found(["old"], false);
    expect(handlers.pending).toEqual(["old"]);
  });
});

import { expect, test } from "vitest";
import { fetch } from "../../src/modules/fetch.ts";
import type { Controller } from "../../src/modules/module.ts";

/** Where on the controller a file of a host goes. */
async function targetOf(host: string, src: string): Promise<string> {
  const want = fetch.params.parse({ src, dest: "got/" });
  const controller = { resolvePath: (file: string) => `/srv/play/${file}`, variable: () => host };
  return (await fetch.load?.(want, controller as unknown as Controller))?.target ?? "";
}

test("a file of a host goes into the host's own folder", async () =>
  expect(await targetOf("web1", "/etc/hostname")).toBe("/srv/play/got/web1/etc/hostname"));

test.each(["..", ".", "../web2", "a/../..", "/etc", "/", ""])(
  "neither the name of a host nor a path leads out of its folder: %j",
  async (name) => {
    await expect(targetOf(name, "/etc/hostname")).rejects.toThrow("would lead out of /srv/play/got");
    if (name !== "" && !name.startsWith("/") && name !== ".")
      await expect(targetOf("web1", `/../${name}/../../x`)).rejects.toThrow("would lead out of");
  },
);

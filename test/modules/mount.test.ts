import { expect, test } from "vitest";
import { parse } from "yaml";
import type { z } from "zod";
import { mount } from "../../src/modules/mount.ts";
import type { MountState } from "../../src/queries/mount-state.ts";
import { fileWith, NOTHING, SITUATION } from "./answers.ts";

const NOWHERE: MountState = { live: undefined, device: undefined, isSame: false };
/** What a task would make of a table, and whether it touches what is mounted. */
function outcome(yaml: string, table: string, at = NOWHERE): { text: string; touches: boolean } | "none" {
  const want = (mount.params as z.ZodType<Parameters<typeof mount.diff>[0]>).parse(parse(yaml));
  const change = mount.diff(
    want,
    { at, place: NOTHING, source: fileWith(""), table: fileWith(table) },
    SITUATION,
  );
  if (change.action === "none") return "none";
  const { edit, unmount, mount: mounts, remount } = change.detail;
  return { text: edit?.text ?? table, touches: unmount || mounts || remount };
}

const LIVE: MountState = {
  live: { source: "tmpfs", fstype: "tmpfs", options: new Set(["rw", "nosuid"]) },
  device: undefined,
  isSame: false,
};

test("present writes the table, and leaves what is mounted alone", () => {
  const task = "{path: /mnt/a, src: tmpfs, fstype: tmpfs, boot: false, state: present}";
  expect(outcome(task, "# mine\n")).toEqual({
    text: "# mine\ntmpfs /mnt/a tmpfs noauto 0 0\n",
    touches: false,
  });
});

test("absent_from_fstab leaves what is mounted alone, absent does not, unmounted leaves the table", () => {
  const table = "tmpfs /mnt/a tmpfs defaults 0 0\n";
  expect(outcome("{path: /mnt/a, state: absent_from_fstab}", table, LIVE)).toEqual({
    text: "",
    touches: false,
  });
  expect(outcome("{path: /mnt/a, state: absent}", table, LIVE)).toEqual({ text: "", touches: true });
  expect(outcome("{path: /mnt/a, state: unmounted}", table, LIVE)).toEqual({ text: table, touches: true });
  expect(outcome("{path: /mnt/a, state: unmounted}", table)).toBe("none");
});

test("flags that a file system brings along are no difference, those that are named are", () => {
  const table = "tmpfs /mnt/a tmpfs defaults 0 0\n";
  const task = (opts: string): string =>
    `{path: /mnt/a, src: tmpfs, fstype: tmpfs, opts: '${opts}', state: ephemeral}`;
  expect(outcome(task("defaults"), table, LIVE)).toBe("none");
  expect(outcome(task("nosuid"), table, LIVE)).toBe("none");
  expect(outcome(task("suid"), table, LIVE)).toEqual({ text: table, touches: true });
  expect(outcome(task("ro"), table, LIVE)).toEqual({ text: table, touches: true });
});

test("other options in the table count at once for what is mounted", () => {
  const task = "{path: /mnt/a, src: tmpfs, fstype: tmpfs, opts: size=2m, state: mounted}";
  expect(outcome(task, "tmpfs /mnt/a tmpfs size=1m 0 0\n", LIVE)).toEqual({
    text: "tmpfs /mnt/a tmpfs size=2m 0 0\n",
    touches: true,
  });
});

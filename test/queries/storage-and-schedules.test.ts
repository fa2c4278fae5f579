import { describe, expect, test } from "vitest";
import { blockSignature } from "../../src/queries/block-signature.ts";
import { crontab } from "../../src/queries/crontab.ts";
import { mountState } from "../../src/queries/mount-state.ts";
import { swapState } from "../../src/queries/swap-state.ts";
import { parsed, RELEASES, replay } from "./recorded.ts";

const answers = (given: readonly { known: boolean }[]): unknown[] =>
  given.map((one) => ("answer" in one ? one.answer : one));

describe.each(RELEASES)("output recorded on %s", (release) => {
  test("mounts: a name with a blank, a bind mount, a place where nothing is", () => {
    const questions = [
      { path: "/mnt/plumb data", src: "tmpfs" },
      { path: "/mnt/bound", src: "/srv/b" },
      { path: "/mnt/nothing", src: "UUID=no-such" },
      { path: "/proc" },
    ];
    expect(answers(replay(mountState.kind, release, questions))).toMatchObject([
      { live: { source: "tmpfs", fstype: "tmpfs" }, device: undefined, isSame: false },
      { live: { fstype: "overlay" }, device: "/srv/b", isSame: true },
      { live: undefined, device: undefined, isSame: false },
      { live: { source: "proc" }, isSame: false },
    ]);
    const [first] = replay(mountState.kind, release, questions);
    expect(first?.known === true && first.answer.live?.options.has("noexec")).toBe(true);
  });

  test("signatures: a file system and its size, nothing, swap, a partition table, no device, something else", () => {
    const questions = [
      { dev: "/srv/ext4.img", fstype: "ext4", sizes: true },
      { dev: "/srv/empty.img", fstype: "btrfs" },
      { dev: "/srv/swap.img" },
      { dev: "/srv/gpt.img" },
      { dev: "/srv/nothing" },
      { dev: "/dev/null" },
    ];
    expect(answers(replay(blockSignature.kind, release, questions))).toMatchObject([
      { exists: true, signature: "ext4", hasMaker: true, deviceBytes: 32 << 20, usedBytes: 8 << 20 },
      { exists: true, signature: undefined, hasMaker: false },
      { exists: true, signature: "swap" },
      { exists: true, signature: "gpt" },
      { exists: false, signature: undefined },
      { known: false, reason: "/dev/null is neither a block device nor a file" },
    ]);
  });

  test("swap: an area that is not used, another file, none, a directory", () => {
    expect(
      answers(replay(swapState.kind, release, ["/srv/swap.img", "/srv/empty.img", "/srv/nothing", "/srv"])),
    ).toMatchObject([
      { file: "swap", sizeBytes: 32 << 20, mode: "0600", isActive: false },
      { file: "other", mode: "0644" },
      { file: "absent", isActive: false },
      { known: false, reason: "/srv is no file" },
    ]);
  });

  test("crontabs: of one who has one, of one who has none, of nobody, one's own", () => {
    expect(answers(replay(crontab.kind, release, ["operator", "daemon", "nobody-at-all", ""]))).toEqual([
      { hasCron: true, hasUser: true, text: "# mine\n#Ansible: one\n0 3 * * * true\n" },
      { hasCron: true, hasUser: true, text: "" },
      { hasCron: true, hasUser: false, text: "" },
      { hasCron: true, hasUser: true, text: "" },
    ]);
  });
});

test("a swap area in use has its priority", () => {
  const swaps =
    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/mnt/swap/file                          file\t\t4092\t\t0\t\t5\n\nF 4194304 600\nT swap\n\f";
  expect(answers(parsed(swapState.kind, ["/mnt/swap/file"], swaps))).toEqual([
    { file: "swap", sizeBytes: 4194304, mode: "0600", isActive: true, priority: 5 },
  ]);
});

test("what could not be found out is not known", () => {
  expect(parsed(mountState.kind, [{ path: "/" }], "", { stderr: "no /proc" })).toEqual([
    { known: false, reason: "no /proc" },
  ]);
  expect(parsed(blockSignature.kind, [{ dev: "/dev/a" }], "EXISTS=1\nCODE=13\n\f")[0]?.known).toBe(false);
  expect(parsed(crontab.kind, ["a", "b"], "Tx\n\fEyou may not\n\f").map(({ known }) => known)).toEqual([
    true,
    false,
  ]);
});

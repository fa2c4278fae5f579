import { execFileSync } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sshConfigOf } from "../../src/transport/ssh-config.ts";
import { sshSeconds } from "../../src/transport/ssh-time.ts";

/** What ssh itself makes of it; undefined where it refuses. */
function bySsh(written: string): number | undefined {
  try {
    const told = execFileSync("ssh", ["-G", "-F", "none", "-o", `ConnectTimeout=${written}`, "web1"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [, seconds] = /^connecttimeout (\S+)$/m.exec(told) ?? [];
    return seconds === "none" ? 0 : Number(seconds);
  } catch {
    return undefined;
  }
}

describe("a time in ssh's settings", () => {
  test.each([
    ["90", 90],
    ["1m30s", 90],
    ["2h", 7200],
    ["1W2D", 777_600],
    ["10", 10],
    ["1s1", 2],
    ["0", 0],
    ["none", 0],
    ["", undefined],
    ["soon", undefined],
    ["1.5", undefined],
    ["-1", undefined],
    ["1y", undefined],
    ["m", undefined],
    ["1 m", undefined],
  ])("%j is what ssh takes it for", (written, seconds) => {
    expect(sshSeconds(written)).toBe(seconds);
    expect(bySsh(written)).toBe(seconds);
  });

  test("is never longer than a timer can wait, which would not wait at all", () => {
    expect(sshSeconds("9999w")).toBe(2_147_483);
  });

  test("counts from its configuration, where nobody else has said one", async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), "plumb-ssh-")), "config");
    await writeFile(file, "Host web1\n  ConnectTimeout 1m30s\n  ServerAliveInterval 2m\n");
    expect(await sshConfigOf("web1", { configFile: file })).toMatchObject({
      connectTimeoutMs: 90_000,
      keepAliveIntervalMs: 120_000,
    });
    expect(await sshConfigOf("web2", { configFile: file })).toMatchObject({
      connectTimeoutMs: undefined,
      keepAliveIntervalMs: undefined,
    });
  });
});

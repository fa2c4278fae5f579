import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { ansibleView, at, read, start, vault, write } from "./vault-process.ts";

// Every test starts Plumb a few times, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Folders with plain text that an edit has left. */
const leftBy = ({ child }: { child: { pid?: number | undefined } }): string[] => {
  const places = new Set(["/dev/shm", process.env["XDG_RUNTIME_DIR"] ?? "/dev/shm", tmpdir()]);
  const names = [...places].flatMap((place) => readdirSync(place));
  return names.filter((name) => name.startsWith(`plumb-vault-${child.pid}-`));
};

describe("plumb vault edit", () => {
  /** An editor that notes where it was and with which permissions, and then does what the script says. */
  const editor = (name: string, script: string): NodeJS.ProcessEnv => {
    const log = 'stat -c "%a %n" "$1" "$(dirname "$1")" > "$NOTES"; stat -f -c %T "$1" >> "$NOTES"';
    writeFileSync(at(name), `#!/bin/sh\n${log}\n${script}\n`, { mode: 0o755 });
    return { VISUAL: "", EDITOR: at(name), NOTES: at(`${name}.notes`) };
  };

  test("changes the file; the plain text is the user's alone, in memory, and gone afterwards", async () => {
    write("edit.yml", "a: old\n");
    await vault(["encrypt", "--vault-id", "prod@pass", "edit.yml"]);
    const env = editor("changing", 'cp "$1" "$1~"; echo "a: new" > "$1"');
    const started = start(["edit", "--vault-id", "prod@pass", "edit.yml"], { env });
    expect((await started.ended).code).toBe(0);
    expect(ansibleView("edit.yml", "prod@pass")).toBe("a: new\n");
    expect(read("edit.yml")).toContain("1.2;AES256;prod");
    expect(read("changing.notes")).toMatch(/^600 .*\/edit\.yml\n700 .*\ntmpfs\n/);
    expect(leftBy(started)).toEqual([]);
  });

  test("leaves the file as it is when nothing was changed, or the editor fails", async () => {
    const before = read("edit.yml");
    expect(
      (await vault(["edit", "--vault-password-file", "pass", "edit.yml"], { env: editor("looking", "true") }))
        .stderr,
    ).toContain("stays as it was");
    const failing = start(["edit", "--vault-password-file", "pass", "edit.yml"], {
      env: editor("failing-editor", 'echo x > "$1"; exit 1'),
    });
    expect(await failing.ended).toMatchObject({ code: 2, stderr: expect.stringContaining("exit 1") });
    expect(read("edit.yml")).toBe(before);
    expect(leftBy(failing)).toEqual([]);
  });

  test("wipes the plain text when it is told to end meanwhile, and after a kill the next time", async () => {
    const before = read("edit.yml");
    const env = editor("sleeping", 'echo started > "$NOTES.started"; exec sleep 30');
    const begin = async () => {
      const started = start(["edit", "--vault-password-file", "pass", "edit.yml"], { env });
      while (!existsSync(at("sleeping.notes.started"))) await wait(20);
      return started;
    };
    const ended = await begin();
    expect(leftBy(ended)).toHaveLength(1);
    ended.child.kill("SIGTERM");
    expect((await ended.ended).code).toBe(2);
    expect(leftBy(ended)).toEqual([]);
    execFileSync("rm", [at("sleeping.notes.started")]);
    const killed = await begin();
    const sleeping = execFileSync("pgrep", ["-P", String(killed.child.pid)], { encoding: "utf8" }).trim();
    killed.child.kill("SIGKILL");
    process.kill(Number(sleeping), "SIGKILL");
    await killed.ended;
    expect(leftBy(killed)).toHaveLength(1);
    await vault(["edit", "--vault-password-file", "pass", "edit.yml"], { env: editor("next", "true") });
    expect(leftBy(killed)).toEqual([]);
    expect(read("edit.yml")).toBe(before);
  });

  test("keeps somebody else's change, and yours beside it", async () => {
    write("r1.yml", "name: r1.yml\n");
    await vault(["encrypt", "--vault-id", "prod@pass2", "r1.yml"]);
    const env = editor("racing", `echo "a: mine" > "$1"; cp ${at("r1.yml")} ${at("edit.yml")}`);
    const ended = await vault(["edit", "--vault-id", "prod@pass", "edit.yml"], { env });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("edit.yml.edited") });
    expect(read("edit.yml")).toBe(read("r1.yml"));
    expect(ansibleView("edit.yml.edited", "prod@pass")).toBe("a: mine\n");
  });

  test("create makes a file that is not there, and only then", async () => {
    const env = editor("creating", 'echo "a: made" > "$1"');
    expect((await vault(["create", "--vault-password-file", "pass", "made.yml"], { env })).code).toBe(0);
    expect(ansibleView("made.yml", "pass")).toBe("a: made\n");
    expect(statSync(at("made.yml")).mode & 0o777).toBe(0o600);
    expect((await vault(["create", "--vault-password-file", "pass", "made.yml"], { env })).code).toBe(2);
  });
});

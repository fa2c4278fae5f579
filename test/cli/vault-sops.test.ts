import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parse as parseYaml } from "yaml";
import { compileValue } from "../../src/variables/compile-value.ts";
import { literalOf } from "../../src/variables/evaluate.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { readYaml } from "../../src/variables/yaml-source.ts";
import { folder, vault, write } from "./vault-process.ts";

// Every test starts Plumb a few times, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe("SOPS", () => {
  const cases = path.resolve("test/cases/sops");
  const env = { XDG_CONFIG_HOME: "/nonexistent" };
  const plain = { secret: "this is a secret", string: "string", int: 7, float: 3.14, boolean: true };

  test.each(["yaml", "json"])(
    "%s that SOPS has encrypted for age is opened, with nothing but the identity",
    async (type) => {
      const file = path.join(cases, `secret.enc.${type}`);
      const { code, stdout } = await vault(["view", file, "--age-identity", path.join(cases, "key.txt")], {
        env: { ...env, PATH: "/nonexistent" },
      });
      expect(code).toBe(0);
      expect(parseYaml(stdout)).toMatchObject({
        ...plain,
        complex: { value: "this is a secret", array: ["one", "two", "three"] },
      });
      expect(stdout).not.toMatch(/sops|ENC\[/);
    },
  );

  test("the identity may be where SOPS has it, and one that is somebody else's, or none, is an error", async () => {
    mkdirSync(path.join(folder, "config/sops/age"), { recursive: true });
    copyFileSync(path.join(cases, "key.txt"), path.join(folder, "config/sops/age/keys.txt"));
    const file = path.join(cases, "secret.enc.yaml");
    execFileSync("age-keygen", ["-o", "sops-key"], { cwd: folder, stdio: "ignore" });
    const found = await vault(["view", file], { env: { XDG_CONFIG_HOME: path.join(folder, "config") } });
    expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining("this is a secret") });
    expect((await vault(["view", file, "--age-identity", "sops-key"], { env })).stderr).toContain(
      "[vault-wrong-password]",
    );
    expect((await vault(["view", file], { env })).stderr).toContain("[vault-no-password]");
    const missing = await vault(["view", file, "--age-identity", "nowhere"], { env });
    expect(missing).toMatchObject({ code: 2, stdout: "" });
    expect(missing.stderr).toContain(
      `${file}:1:1: error: the age identity file nowhere is not there [vault-key]`,
    );
    expect(missing.stderr).toContain("expected: a file with a line AGE-SECRET-KEY-1…");
    expect(missing.stderr).toContain("--age-identity FILE, or in PLUMB_AGE_IDENTITY or SOPS_AGE_KEY_FILE");
    expect(missing.stderr).not.toContain("ENOENT");
    const folderFor = await vault(["view", file], { env: { ...env, SOPS_AGE_KEY_FILE: folder } });
    expect(folderFor.stderr).toContain(`the age identity file ${folder} is a folder [vault-key]`);
    expect(
      (await vault(["edit", file, "--age-identity", path.join(cases, "key.txt")], { env })).stderr,
    ).toContain("sops edit");
  });

  test("a value that was changed, moved, taken away or added is found", async () => {
    const text = readFileSync(path.join(cases, "secret.enc.yaml"), "utf8");
    const [secret = "", string = ""] = text.split("\n");
    const changed = {
      changed: text.replace("data:ME9a8", "data:ME9a9"),
      moved: text.replace(secret, secret.replace("secret:", "other:")),
      "taken away": text.replace(`${string}\n`, ""),
      added: `more: 1\n${text}`,
      "in plain text": text.replace(string, "string: other"),
    };
    for (const [how, damaged] of Object.entries(changed)) {
      write("damaged.yml", damaged);
      const ended = await vault(["view", "damaged.yml", "--age-identity", path.join(cases, "key.txt")], {
        env,
      });
      expect([how, ended.stderr]).toEqual([how, expect.stringContaining("[vault-damaged]")]);
      expect(ended.stdout).toBe("");
    }
  });

  test("a file that has lost its end is no file of plain values, whoever reads it", async () => {
    const text = readFileSync(path.join(cases, "secret.enc.yaml"), "utf8");
    for (const end of ["sops:", "  mac:"]) {
      write("all.yml", `# ours\n${text.slice(0, text.indexOf(`\n${end}`))}`);
      await expect(readYaml(path.join(folder, "all.yml"), new Keyring())).rejects.toThrow(
        "all.yml is encrypted by SOPS, and its end is missing",
      );
    }
    const viewed = await vault(["view", "all.yml"], { env });
    expect(viewed.stderr).toMatch(/^all\.yml:2:1: error: .*its end is missing \[vault-truncated\]/);
    // Where it is spoken of, or a whole file stands in another, nothing is missing.
    write("spoken.yml", `a: "see ENC[AES256_GCM,...]"\nb: |\n  ${text.replaceAll("\n", "\n  ")}\n`);
    const spoken = await readYaml(path.join(folder, "spoken.yml"), new Keyring());
    expect(literalOf(compileValue(spoken, spoken.contents))).toEqual({
      a: "see ENC[AES256_GCM,...]",
      b: `${text.trimEnd()}\n`,
    });
  });
});

describe("SOPS for others than age", () => {
  const encrypted =
    "a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n    kms:\n        - arn: one\n    age: []\n    mac: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\n    version: 3.9.0\n";

  /** Debian has no sops: a stand-in shows what it would be asked, and what becomes of its answer. */
  const standIn = (script: string): NodeJS.ProcessEnv => {
    const folderOf = mkdtempSync(path.join(tmpdir(), "plumb-sops-"));
    writeFileSync(path.join(folderOf, "sops"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return { PATH: `${folderOf}:${process.env["PATH"] ?? ""}` };
  };

  test("the program is given the file's name, its type and the identity; what it prints is the content", async () => {
    write("sops.yml", encrypted);
    const env = standIn('echo "asked: $* key: $SOPS_AGE_KEY_FILE"');
    const ended = await vault(["view", "sops.yml", "--age-identity", "sops-key"], { env });
    expect(ended).toMatchObject({
      code: 0,
      stdout: "asked: --decrypt --input-type yaml --output-type yaml sops.yml key: sops-key\n",
    });
    const failing = await vault(["view", "sops.yml"], { env: standIn("echo 'no key' >&2; exit 128") });
    expect(failing).toMatchObject({ code: 2, stderr: expect.stringContaining("(128): no key") });
    expect((await vault(["edit", "sops.yml"], { env })).stderr).toContain("sops edit sops.yml");
  });

  test("without the program it is said that it is missing", async () => {
    write("sops.yml", encrypted);
    const ended = await vault(["view", "sops.yml"], { env: { PATH: "/nonexistent" } });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining("[vault-tool-missing]") });
  });
});

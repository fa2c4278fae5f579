import { execFileSync } from "node:child_process";
import { describe, expect, test, vi } from "vitest";
import { typed } from "../hosts/typed.ts";
import { folder, read, vault, write } from "./vault-process.ts";

// Every test starts Plumb a few times, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe("age", () => {
  const age = (...args: string[]): string =>
    execFileSync(args[0] ?? "", args.slice(1), {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  age("age-keygen", "-o", "id1");
  age("age-keygen", "-o", "id2");
  const [first = "", second = ""] = ["id1", "id2"].map((name) => age("age-keygen", "-y", name).trim());

  test("encrypts what age opens, as text and binary, for several; and opens what age encrypts", async () => {
    write("recipients", `# us\n${second}\n`);
    for (const form of [[], ["--age-binary"]]) {
      write("age.yml", "a: 1\n");
      expect(
        (
          await vault([
            "encrypt",
            "age.yml",
            "--age-recipient",
            first,
            "--age-recipient",
            "recipients",
            ...form,
          ])
        ).code,
      ).toBe(0);
      expect(read("age.yml").startsWith("-----BEGIN")).toBe(form.length === 0);
      for (const identity of ["id1", "id2"])
        expect(age("age", "-d", "-i", identity, "age.yml")).toBe("a: 1\n");
    }
    write("theirs.yml", "a: 2\n");
    age("age", "-r", first, "-o", "theirs.age", "theirs.yml");
    expect((await vault(["view", "theirs.age"], { env: { SOPS_AGE_KEY_FILE: "id1" } })).stdout).toBe(
      "a: 2\n",
    );
    expect((await vault(["view", "theirs.age", "--age-identity", "id2"])).stderr).toContain(
      "[vault-wrong-password]",
    );
    expect((await vault(["decrypt", "theirs.age", "--age-identity", "id1"])).code).toBe(0);
    expect(read("theirs.age")).toBe("a: 2\n");
    expect((await vault(["encrypt", "theirs.age", "--age-recipient", "age1nobody"])).stderr).toContain(
      "[vault-key]",
    );
  });

  test("edits for the same recipient; with several it must be told who they are", async () => {
    const env = { VISUAL: "", EDITOR: "sed -i s/1/changed/" };
    write("mine.yml", "a: 1\n");
    await vault(["encrypt", "mine.yml", "--age-recipient", first]);
    expect((await vault(["edit", "mine.yml", "--age-identity", "id1"], { env })).code).toBe(0);
    expect(age("age", "-d", "-i", "id1", "mine.yml")).toBe("a: changed\n");
    const refused = await vault(["edit", "age.yml", "--age-identity", "id1"], { env });
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--age-recipient") });
    const told = ["--age-recipient", first, "--age-recipient", second];
    expect((await vault(["edit", "age.yml", "--age-identity", "id1", ...told], { env })).code).toBe(0);
    expect(age("age", "-d", "-i", "id2", "age.yml")).toBe("a: changed\n");
  });
});

describe("a passphrase of age", () => {
  /** age asks at its terminal. */
  const withAge = async (args: string, passphrase: string): Promise<void> => {
    const { code, said } = await typed(`cd ${folder} && exec ${args}`, [passphrase, passphrase]);
    expect(code, said).toBe(0);
  };

  test("opens what age -p encrypts, edits it, and age opens what is written with one", async () => {
    write("pass.yml", "a: 1\n");
    write("passphrase", "correct horse\n");
    await withAge("age -p -a -o pass.age pass.yml", "correct horse");
    const known = ["--vault-password-file", "passphrase"];
    const env = { VISUAL: "", EDITOR: "sed -i s/1/changed/" };
    expect((await vault(["edit", "pass.age", ...known], { env })).code).toBe(0);
    await withAge("age -d -o plain.yml pass.age", "correct horse");
    expect(read("plain.yml")).toBe("a: changed\n");
    write("own.yml", "a: 2\n");
    expect((await vault(["encrypt", "own.yml", "--age-passphrase", ...known])).code).toBe(0);
    await withAge("age -d -o own.plain own.yml", "correct horse");
    expect(read("own.plain")).toBe("a: 2\n");
    // Deriving a key from a passphrase takes seconds on purpose, and it is done six times.
  }, 240_000);

  test("that is missing or wrong is an error each; an identity may be behind one too, and an SSH key can't be used", async () => {
    write("wrong", "wrong\n");
    expect((await vault(["view", "pass.age"])).stderr).toContain("[vault-no-password]");
    expect((await vault(["view", "pass.age", "--vault-password-file", "wrong"])).stderr).toContain(
      "[vault-wrong-password]",
    );
    execFileSync("age-keygen", ["-o", "hidden"], { cwd: folder, stdio: "ignore" });
    const recipient = execFileSync("age-keygen", ["-y", "hidden"], { cwd: folder, encoding: "utf8" }).trim();
    await withAge("age -p -o hidden.age hidden", "correct horse");
    execFileSync("age", ["-r", recipient, "-o", "for-hidden.age", "pass.yml"], { cwd: folder });
    const keys = ["--age-identity", "hidden.age", "--vault-password-file", "passphrase"];
    expect((await vault(["view", "for-hidden.age", ...keys])).stdout).toBe("a: 1\n");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "ssh-key"], { cwd: folder });
    const refused = await vault(["view", "for-hidden.age", "--age-identity", "ssh-key"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("ssh-key is an SSH key") });
  }, 240_000);
});

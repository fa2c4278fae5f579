import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, expect, test, vi } from "vitest";
import { PLUMB } from "../built-plumb.ts";
import { ansibleView, at, folder, read, vault, write } from "./vault-process.ts";

// Every test starts Plumb a few times, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

describe("plumb vault encrypt and decrypt", () => {
  test("take a file there and back, with its owner and mode, and no copy beside it", async () => {
    write("a.yml", "a: s3cret\n");
    chmodSync(at("a.yml"), 0o640);
    if (process.getuid?.() === 0) chownSync(at("a.yml"), 12, 34);
    const before = statSync(at("a.yml"));
    expect((await vault(["encrypt", "--vault-id", "prod@pass", "a.yml"])).code).toBe(0);
    expect(read("a.yml")).toMatch(/^\$ANSIBLE_VAULT;1\.2;AES256;prod\n/);
    expect(ansibleView("a.yml", "prod@pass")).toBe("a: s3cret\n");
    const ended = await vault(["decrypt", "--vault-password-file", "pass", "a.yml"]);
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining("others may read it") });
    expect(read("a.yml")).toBe("a: s3cret\n");
    const after = statSync(at("a.yml"));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(readdirSync(folder).filter((name) => name.startsWith(".a.yml"))).toEqual([]);
  });

  test("follow a link to the file and leave the link", async () => {
    write("real.yml", "a: 1\n");
    symlinkSync("real.yml", at("link.yml"));
    await vault(["encrypt", "--vault-password-file", "pass", "link.yml"]);
    expect(read("real.yml")).toContain("$ANSIBLE_VAULT;1.1");
    expect(readFileSync(at("link.yml"), "utf8")).toBe(read("real.yml"));
  });

  test("do nothing at all if one of several files is wrong, and say what is wrong with each", async () => {
    write("one.yml", "a: 1\n");
    write("two.yml", "a: 2\n");
    await vault(["encrypt", "--vault-password-file", "pass", "two.yml"]);
    const encrypted = await vault(["encrypt", "--vault-password-file", "pass", "one.yml", "two.yml"]);
    expect(encrypted).toMatchObject({ code: 2, stderr: expect.stringContaining("[vault-already-vaulted]") });
    expect(read("one.yml")).toBe("a: 1\n");
    const decrypted = await vault([
      "decrypt",
      "--vault-password-file",
      "pass",
      "two.yml",
      "one.yml",
      "nowhere.yml",
    ]);
    expect(decrypted).toMatchObject({ code: 2, stderr: expect.stringContaining("[file-not-found]") });
    const other = await vault(["decrypt", "--vault-password-file", "pass", "two.yml", "one.yml"]);
    expect(other).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("one.yml:1:1: error: one.yml is not vaulted [vault-not-vaulted]"),
    });
    expect(read("two.yml")).toContain("$ANSIBLE_VAULT");
  });

  test("take standard input to standard output, any bytes, and a value as it stands in YAML", async () => {
    const { stdout } = await vault(["encrypt", "--vault-password-file", "pass"], {
      stdin: "no final newline",
    });
    expect(stdout).toMatch(/^\$ANSIBLE_VAULT/);
    const pasted = `  key: !vault |\n${stdout.replace(/^/gm, "        ")}`;
    for (const stdin of [stdout, pasted]) {
      const { stdout: plain } = await vault(["decrypt", "-", "--vault-password-file", "pass"], { stdin });
      expect(plain).toBe("no final newline");
    }
  });

  test("write elsewhere with --output, for the owner alone, and leave the file", async () => {
    write("source.yml", "a: 1\n");
    await vault(["encrypt", "--vault-password-file", "pass", "source.yml", "--output", "sealed"]);
    expect(read("source.yml")).toBe("a: 1\n");
    await vault(["decrypt", "--vault-password-file", "pass", "sealed", "--output", "opened"]);
    expect(read("opened")).toBe("a: 1\n");
    expect(statSync(at("opened")).mode & 0o777).toBe(0o600);
    expect(
      (await vault(["decrypt", "--vault-password-file", "pass", "sealed", "--output", "-"])).stdout,
    ).toBe("a: 1\n");
    expect((await vault(["encrypt", "source.yml", "pass", "--output", "x"])).code).toBe(2);
  });

  test("ask which of several passwords, and take what --encrypt-vault-id says", async () => {
    write("which.yml", "a: 1\n");
    const both = ["--vault-id", "dev@pass", "--vault-id", "prod@pass2"];
    expect(await vault(["encrypt", ...both, "which.yml"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--encrypt-vault-id"),
    });
    expect((await vault(["encrypt", ...both, "--encrypt-vault-id", "nobody", "which.yml"])).code).toBe(2);
    await vault(["encrypt", ...both, "which.yml"], { env: { ANSIBLE_VAULT_ENCRYPT_IDENTITY: "prod" } });
    expect(ansibleView("which.yml", "prod@pass2")).toBe("a: 1\n");
    await vault(["decrypt", ...both, "which.yml"]);
    await vault(["encrypt", ...both, "--encrypt-vault-id", "prod", "which.yml"]);
    expect(ansibleView("which.yml", "prod@pass2")).toBe("a: 1\n");
  });
});

describe("passwords", () => {
  test("come from files, programs, client programs that are told the label, and the environment", async () => {
    write("sealed.yml", "a: 1\n");
    await vault(["encrypt", "--vault-password-file", "pass", "sealed.yml"]);
    writeFileSync(at("program"), "#!/bin/sh\n[ $# = 0 ] && echo 'first password'\n", { mode: 0o755 });
    writeFileSync(
      at("keys-client.sh"),
      '#!/bin/sh\n[ "$*" = "--vault-id prod" ] && echo "first password"\n',
      { mode: 0o755 },
    );
    const opens = async (args: string[], env: NodeJS.ProcessEnv = {}): Promise<void> =>
      expect(await vault(["view", "sealed.yml", ...args], { env }), args.join(" ")).toMatchObject({
        code: 0,
        stdout: "a: 1\n",
      });
    await opens(["--vault-password-file", "program"]);
    await opens(["--vault-id", "prod@keys-client.sh"]);
    await opens([], { ANSIBLE_VAULT_PASSWORD_FILE: "pass" });
    await opens([], { PLUMB_VAULT_PASSWORD_FILE: "pass", ANSIBLE_VAULT_PASSWORD_FILE: "nowhere" });
    await opens([], { ANSIBLE_VAULT_IDENTITY_LIST: "dev@pass2, prod@pass" });
    await opens([], { PLUMB_VAULT_IDENTITY_LIST: "prod@pass", ANSIBLE_VAULT_IDENTITY_LIST: "dev@nowhere" });
  });

  test("of several, the one that the environment names encrypts: Plumb's own name wins over Ansible's", async () => {
    const two = { PLUMB_VAULT_IDENTITY_LIST: "one@pass,two@pass2" };
    for (const [env, label] of [
      [{ ...two, ANSIBLE_VAULT_ENCRYPT_IDENTITY: "one" }, "one"],
      [{ ...two, ANSIBLE_VAULT_ENCRYPT_IDENTITY: "one", PLUMB_VAULT_ENCRYPT_IDENTITY: "two" }, "two"],
    ] as const) {
      write("by-label.yml", "a: 1\n");
      expect((await vault(["encrypt", "by-label.yml"], { env })).code).toBe(0);
      expect(read("by-label.yml").split("\n")[0]).toBe(`$ANSIBLE_VAULT;1.2;AES256;${label}`);
    }
  });

  test("that can't be had are an error that says why, and not the password", async () => {
    write("empty", " \n");
    writeFileSync(at("failing"), "#!/bin/sh\necho 'the key is locked' >&2\nexit 3\n", { mode: 0o755 });
    for (const [source, said] of [
      ["nowhere", "there is no vault password file nowhere"],
      ["empty", "is empty"],
      ["failing", "exit 3: the key is locked"],
      ["prompt", "there is no terminal"],
    ] as const) {
      const ended = await vault(["view", "sealed.yml", "--vault-id", source]);
      expect(ended).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(said) });
    }
    const wrong = await vault(["view", "sealed.yml", "--vault-password-file", "pass2"]);
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("[vault-wrong-password]") });
    const none = await vault(["view", "sealed.yml"]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("[vault-no-password]") });
  });
});

describe("at a terminal", () => {
  /** Types on a pseudo-terminal, which script(1) makes. */
  const typed = (args: string, lines: readonly string[]): Promise<string> => {
    const child = spawn("script", ["-qec", `'${process.execPath}' '${PLUMB}' vault ${args}`, "/dev/null"], {
      cwd: folder,
    });
    let output = "";
    const waiting = [...lines];
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (/: $/.test(chunk.toString()) && waiting.length > 0) child.stdin.write(`${waiting.shift()}\r`);
    });
    return new Promise((resolve) => child.on("close", () => resolve(output)));
  };

  test("a new password is asked for twice, a known one once, and neither is shown", async () => {
    write("asked.yml", "a: 1\n");
    expect(await typed("encrypt asked.yml", ["first password", "another"])).toContain("not the same");
    expect(read("asked.yml")).toBe("a: 1\n");
    const output = await typed("encrypt asked.yml", ["first password", "first password"]);
    expect(output).not.toContain("first password");
    expect(ansibleView("asked.yml", "pass")).toBe("a: 1\n");
    expect(await typed("view asked.yml", ["first password"])).toContain("a: 1");
    expect(await typed("view asked.yml", ["\u0003"])).toContain("no password was given");
    expect(await typed("encrypt-string --vault-password-file pass -n key", ["s3cret"])).toMatch(
      /key: !vault \|/,
    );
  });
});

describe("plumb vault rekey", () => {
  test("gives all files the new password and label, or none of them", async () => {
    for (const name of ["r1.yml", "r2.yml"]) write(name, `name: ${name}\n`);
    await vault(["encrypt", "--vault-password-file", "pass", "r1.yml", "r2.yml"]);
    const before = read("r1.yml");
    write("r3.yml", "plain\n");
    expect(
      (
        await vault([
          "rekey",
          "--vault-password-file",
          "pass",
          "--new-vault-id",
          "prod@pass2",
          "r1.yml",
          "r3.yml",
        ])
      ).code,
    ).toBe(2);
    expect(read("r1.yml")).toBe(before);
    expect(
      (
        await vault([
          "rekey",
          "--vault-password-file",
          "pass",
          "--new-vault-id",
          "prod@pass2",
          "r1.yml",
          "r2.yml",
        ])
      ).code,
    ).toBe(0);
    expect(ansibleView("r1.yml", "prod@pass2")).toBe("name: r1.yml\n");
    expect(read("r2.yml")).toContain("1.2;AES256;prod");
  });
});

describe("plumb vault encrypt-string", () => {
  test("writes what YAML can hold and ansible-vault can open", async () => {
    const ended = await vault(["encrypt-string", "--vault-id", "prod@pass", "one", "-n", "first", "two"]);
    expect(ended.stdout).toMatch(
      /^first: !vault \|\n {10}\$ANSIBLE_VAULT;1\.2;AES256;prod\n( {10}[0-9a-f]+\n)+\n!vault \|\n/,
    );
    expect(ended.stderr).toContain("history");
    const piped = await vault(["encrypt-string", "--vault-password-file", "pass", "--stdin-name", "key"], {
      stdin: "s3cret",
    });
    expect(piped.stdout).toMatch(/^key: !vault \|\n/);
    write("string", piped.stdout.replace(/^.*\n/, "").replace(/^ +/gm, ""));
    expect(ansibleView("string", "pass").trimEnd()).toBe("s3cret");
    expect((await vault(["encrypt-string", "--vault-password-file", "pass"], { stdin: "" })).code).toBe(2);
  });
});

import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { parse as parseYaml } from "yaml";
import { PLUMB } from "../built-plumb.ts";

// Every test starts Plumb a few times, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

const folder = mkdtempSync(path.join(tmpdir(), "plumb-vault-cli-"));

function start(args: readonly string[], { stdin = "", env = {} as NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [PLUMB, "vault", ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  child.stdin.end(stdin);
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("latin1");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code) => resolve({ code, stdout: Buffer.from(stdout, "latin1").toString(), stderr })),
  );
  return { child, ended };
}

const vault = (
  args: readonly string[],
  more: { stdin?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> => start(args, more).ended;

const at = (name: string): string => path.join(folder, name);
const write = (name: string, text: string): string => {
  writeFileSync(at(name), text);
  return name;
};
const read = (name: string): string => readFileSync(at(name), "utf8");
const ansibleView = (name: string, ...ids: string[]): string =>
  execFileSync("ansible-vault", ["view", ...ids.flatMap((id) => ["--vault-id", id]), name], {
    cwd: folder,
    // Ansible refuses to start without UTF-8.
    env: { ...process.env, LC_ALL: "C.UTF-8" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

write("pass", "first password\n");
write("pass2", "second password\n");
/** Folders with plain text that an edit has left. */
const leftBy = ({ child }: { child: { pid?: number | undefined } }): string[] => {
  const places = new Set(["/dev/shm", process.env["XDG_RUNTIME_DIR"] ?? "/dev/shm", tmpdir()]);
  const names = [...places].flatMap((place) => readdirSync(place));
  return names.filter((name) => name.startsWith(`plumb-vault-${child.pid}-`));
};

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
  const withAge = (args: string, passphrase: string): void => {
    const script = `sleep 1; printf '${passphrase}\\n'; sleep 1; printf '${passphrase}\\n'; sleep 1`;
    execFileSync("sh", ["-c", `(${script}) | script -qec "${args}" /dev/null`], {
      cwd: folder,
      stdio: "ignore",
    });
  };

  test("opens what age -p encrypts, edits it, and age opens what is written with one", async () => {
    write("pass.yml", "a: 1\n");
    write("passphrase", "correct horse\n");
    withAge("age -p -a -o pass.age pass.yml", "correct horse");
    const known = ["--vault-password-file", "passphrase"];
    const env = { VISUAL: "", EDITOR: "sed -i s/1/changed/" };
    expect((await vault(["edit", "pass.age", ...known], { env })).code).toBe(0);
    withAge("age -d -o plain.yml pass.age", "correct horse");
    expect(read("plain.yml")).toBe("a: changed\n");
    write("own.yml", "a: 2\n");
    expect((await vault(["encrypt", "own.yml", "--age-passphrase", ...known])).code).toBe(0);
    withAge("age -d -o own.plain own.yml", "correct horse");
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
    withAge("age -p -o hidden.age hidden", "correct horse");
    execFileSync("age", ["-r", recipient, "-o", "for-hidden.age", "pass.yml"], { cwd: folder });
    const keys = ["--age-identity", "hidden.age", "--vault-password-file", "passphrase"];
    expect((await vault(["view", "for-hidden.age", ...keys])).stdout).toBe("a: 1\n");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "ssh-key"], { cwd: folder });
    const refused = await vault(["view", "for-hidden.age", "--age-identity", "ssh-key"]);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("ssh-key is an SSH key") });
  }, 240_000);
});

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
    const found = await vault(["view", file], { env: { XDG_CONFIG_HOME: path.join(folder, "config") } });
    expect(found).toMatchObject({ code: 0, stdout: expect.stringContaining("this is a secret") });
    expect((await vault(["view", file, "--age-identity", "id1"], { env })).stderr).toContain(
      "[vault-wrong-password]",
    );
    expect((await vault(["view", file], { env })).stderr).toContain("[vault-no-password]");
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
    const ended = await vault(["view", "sops.yml", "--age-identity", "id1"], { env });
    expect(ended).toMatchObject({
      code: 0,
      stdout: "asked: --decrypt --input-type yaml --output-type yaml sops.yml key: id1\n",
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

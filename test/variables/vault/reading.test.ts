import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticsError } from "../../../src/diagnostics/diagnostic.ts";
import { Secrets } from "../../../src/diagnostics/secrets.ts";
import { loadInventory } from "../../../src/inventory/load-inventory.ts";
import { inventoryAsJson } from "../../../src/inventory/show.ts";
import { groupAndHostVariables } from "../../../src/inventory/variable-layers.ts";
import { loadPlaybook } from "../../../src/playbook/load-playbook.ts";
import { extraVariables } from "../../../src/variables/extra-variables.ts";
import { createScope } from "../../../src/variables/host-scope.ts";
import { parseVariables } from "../../../src/variables/variables-file.ts";
import { encrypt } from "../../../src/variables/vault/ansible-vault.ts";
import { Keyring } from "../../../src/variables/vault/keyring.ts";

const PASSWORD = "the vault's own password";
const keyringWith = (...passwords: [string, string][]): Keyring =>
  new Keyring(new Secrets(), { passwords: passwords.map(([id, password]) => ({ id, password })) });
const vault = (text: string, id?: string): string => encrypt(Buffer.from(text), PASSWORD, id);
/** A value as it stands in YAML, behind a name or a dash. */
const inline = (text: string, id?: string): string =>
  `!vault |\n${vault(text, id).replace(/^/gm, "            ").trimEnd()}\n`;

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-vault-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

async function findings(act: () => unknown): Promise<readonly Diagnostic[]> {
  try {
    await act();
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.diagnostics;
    throw error;
  }
  return [];
}

function scopeOf(yaml: string, keyring: Keyring) {
  const variables = parseVariables(yaml, "vars.yml", { origin: { keyring, isFromVault: false } });
  return createScope({ keyring, layers: [{ level: "test", variables }] });
}

describe("values that are vaulted by themselves", () => {
  test("stand anywhere in lists and mappings, and are text whatever is in them", () => {
    const yaml = `one: ${inline("s3cret-one")}many:\n  - ${inline("s3cret-two")}  - plain\ndeep:\n  er:\n    key: ${inline("42")}`;
    const scope = scopeOf(yaml, keyringWith(["default", PASSWORD]));
    expect(scope.lookup("one")).toBe("s3cret-one");
    expect(scope.lookup("many")).toEqual(["s3cret-two", "plain"]);
    expect(scope.lookup("deep")).toEqual({ er: { key: "42" } });
  });

  test("are data: braces in a password make no template of it", () => {
    const scope = scopeOf(`one: ${inline("{{ nothing }}")}`, keyringWith(["default", PASSWORD]));
    expect(scope.lookup("one")).toBe("{{ nothing }}");
  });

  test("are secret once somebody has asked, and what is made of them too", () => {
    const keyring = keyringWith(["default", PASSWORD]);
    const scope = scopeOf(
      `one: ${inline("Grüße-0815")}hash: "{{ sha256 one }}"\nparts: '{{ split one "-" }}'\nupper: !expr upper(one)\nsub: !expr one.substring(1)\nlong: "{{ length one }}"\nkind: '{{ default one "fallback" }}'\n`,
      keyring,
    );
    for (const name of ["hash", "upper", "sub", "kind"]) {
      const value = String(scope.lookup(name));
      expect(keyring.secrets.redact(`<${value}>`), name).toBe("<********>");
    }
    expect(keyring.secrets.redact(String((scope.lookup("parts") as string[])[0]))).toBe("********");
    expect(keyring.secrets.redact(`fallback ${scope.lookup("long")}`)).toBe("fallback 10");
  });

  test("need no password as long as nobody asks for them", () => {
    const scope = scopeOf(`one: ${inline("s3cret")}two: 2\n`, new Keyring());
    expect(scope.lookup("two")).toBe(2);
    expect(() => scope.lookup("one")).toThrow("no vault password was given");
  });

  test("may stand in JSON as Ansible writes them", () => {
    const scope = scopeOf(
      JSON.stringify({ one: { __ansible_vault: vault("s3cret") } }),
      keyringWith(["default", PASSWORD]),
    );
    expect(scope.lookup("one")).toBe("s3cret");
  });

  test("open with the password of their label first, and with any other if that fails", () => {
    const yaml = `one: ${inline("s3cret", "prod")}`;
    expect(scopeOf(yaml, keyringWith(["dev", "other"], ["prod", PASSWORD])).lookup("one")).toBe("s3cret");
    expect(scopeOf(yaml, keyringWith(["prod", "old"], ["dev", PASSWORD])).lookup("one")).toBe("s3cret");
  });
});

describe("files that are vaulted as a whole", () => {
  test("are read as inventory, group_vars, host_vars and with -e", async () => {
    const folder = folderWith({
      "inventory/hosts.yml": vault("all:\n  hosts:\n    web1:\n      from_yaml: yaml-s3cret\n"),
      "inventory/more": vault(
        'web1 from_ini="ini s3cret"\n[web]\nweb1\n[web:vars]\nfrom_group = group s3cret\n',
      ),
      "inventory/group_vars/all/vault.yml": vault(
        "from_all: all-s3cret\nnumber: 4711\nport: 22\ncopied: '{{ from_host }} and more'\n",
        "prod",
      ),
      "inventory/host_vars/web1": vault('{"from_host": "host-s3cret"}'),
      "extra.yml": vault("from_extra: extra-s3cret\n"),
    });
    const keyring = keyringWith(["default", PASSWORD]);
    const inventory = await loadInventory([path.join(folder, "inventory")], { keyring });
    const extra = await extraVariables([`@${folder}/extra.yml`], keyring);
    const layers = await groupAndHostVariables(inventory, "web1", { playbookFolder: undefined, keyring });
    const scope = createScope({ keyring, layers: [...layers, extra] });
    const expected = {
      from_yaml: "yaml-s3cret",
      from_ini: "ini s3cret",
      from_group: "group s3cret",
      from_all: "all-s3cret",
      number: 4711,
      port: 22,
      copied: "host-s3cret and more",
      from_host: "host-s3cret",
      from_extra: "extra-s3cret",
    };
    for (const [name, value] of Object.entries(expected)) {
      expect(scope.lookup(name), name).toBe(value);
      expect(keyring.secrets.appearsIn(String(value)), name).toBe(name !== "port");
    }
    const shown = JSON.stringify(await inventoryAsJson(inventory, { keyring }));
    expect(shown).not.toMatch(/s3cret|4711/);
  });

  test("are read as playbooks, task files and role variables", async () => {
    const folder = folderWith({
      "site.yml": vault("- hosts: all\n  tasks:\n    - import_tasks: tasks.yml\n  roles:\n    - app\n"),
      "tasks.yml": vault("- debug:\n    msg: task-s3cret\n"),
      "roles/app/tasks/main.yml": "- debug:\n    msg: '{{ app_key }}'\n",
      "roles/app/defaults/main.yml": vault("app_key: role-s3cret\n"),
    });
    const keyring = keyringWith(["default", PASSWORD]);
    const playbook = await loadPlaybook(path.join(folder, "site.yml"), { rolePaths: [], keyring });
    expect(playbook.plays[0]?.sections.flatMap(({ nodes }) => nodes)).toHaveLength(2);
    expect(keyring.secrets.redact("task-s3cret role-s3cret")).toBe("******** ********");
  });
});

describe("what is wrong with a vault", () => {
  const whole = vault("a: 1\n".repeat(20));
  const lines = whole.split("\n");
  const read = async (text: string, keyring: Keyring): Promise<readonly Diagnostic[]> => {
    const folder = folderWith({ "vars.yml": text });
    return findings(() => extraVariables([`@${folder}/vars.yml`], keyring));
  };

  test("each has its own code, at the line in the file", async () => {
    const right = keyringWith(["default", PASSWORD]);
    const [missing] = await read(whole, new Keyring());
    expect(missing).toMatchObject({ code: "vault-no-password", at: { line: 1 } });
    const [wrong] = await read(vault("a: 1", "prod"), keyringWith(["dev", "wrong"]));
    expect(wrong).toMatchObject({
      code: "vault-wrong-password",
      message: expect.stringContaining("`prod`"),
      hint: expect.stringContaining("dev"),
    });
    const [short] = await read(`${lines.slice(0, 4).join("\n")}\n${lines[4]?.slice(0, 31)}`, right);
    expect(short).toMatchObject({ code: "vault-truncated", at: { line: 5 } });
    const [broken] = await read([...lines.slice(0, 3), "no hex", ...lines.slice(4)].join("\n"), right);
    expect(broken).toMatchObject({ code: "vault-damaged", at: { line: 4 } });
  });

  test("the line of an inline vault is the one in the YAML file", async () => {
    const value = `name: x\none: ${inline("s3cret")}`.split("\n");
    value[4] = "            zzzz";
    const read = (): unknown => scopeOf(value.join("\n"), keyringWith(["default", PASSWORD]));
    // Nobody has asked for it yet.
    expect(await findings(read)).toMatchObject([
      { code: "vault-damaged", at: { file: "vars.yml", line: 5 } },
    ]);
  });

  test("an error in vaulted YAML says no secret and shows no line of it", async () => {
    const keyring = keyringWith(["default", PASSWORD]);
    const found = await read(vault("password: s3cret-one: s3cret-two\n"), keyring);
    expect(found[0]?.code).toBe("yaml-syntax");
    expect(keyring.secrets.redact(JSON.stringify(found))).not.toContain("s3cret");
  });
});

describe("files that age has encrypted", () => {
  const keys = mkdtempSync(path.join(tmpdir(), "plumb-age-"));
  const age = (...args: string[]): string =>
    execFileSync(args[0] ?? "", args.slice(1), { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const identity = path.join(keys, "key.txt");
  age("age-keygen", "-o", identity);
  const recipient = age("age-keygen", "-y", identity).trim();
  const plain = path.join(keys, "plain.yml");
  writeFileSync(plain, "from_age: age-s3cret\n");
  const withIdentity = (...files: string[]): Keyring =>
    new Keyring(new Secrets(), { ageIdentityFiles: files });

  test("are read, binary and as text, and are secret", async () => {
    for (const form of [[], ["--armor"]]) {
      const file = path.join(keys, `vars${form.length}.yml`);
      age("age", ...form, "-r", recipient, "-o", file, plain);
      const keyring = withIdentity(identity);
      const { variables } = await extraVariables([`@${file}`], keyring);
      expect(variables.get("from_age")?.value).toMatchObject({ kind: "literal", value: "age-s3cret" });
      expect(keyring.secrets.redact("age-s3cret")).toBe("********");
    }
  });

  test("have errors of their own: no identity, another's, cut off, changed, no identity in the file", async () => {
    const file = path.join(keys, "errors.yml");
    age("age", "--armor", "-r", recipient, "-o", file, plain);
    const text = execFileSync("cat", [file], { encoding: "utf8" });
    const other = path.join(keys, "other.txt");
    age("age-keygen", "-o", other);
    const cut = path.join(keys, "cut.yml");
    writeFileSync(cut, text.slice(0, 200));
    const changed = path.join(keys, "changed.yml");
    const lines = text.split("\n");
    const last = lines.length - 3;
    lines[last] = `${lines[last]?.startsWith("A") ? "B" : "A"}${lines[last]?.slice(1)}`;
    writeFileSync(changed, lines.join("\n"));
    const code = async (from: string, keyring: Keyring): Promise<string | undefined> =>
      (await findings(() => extraVariables([`@${from}`], keyring)))[0]?.code;
    expect(await code(file, withIdentity())).toBe("vault-no-password");
    expect(await code(file, withIdentity(other))).toBe("vault-wrong-password");
    expect(await code(cut, withIdentity(identity))).toBe("vault-truncated");
    expect(await code(changed, withIdentity(identity))).toBe("vault-damaged");
    expect(await code(file, withIdentity(plain))).toBe("vault-key");
  });
});

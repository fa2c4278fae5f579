import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test, vi } from "vitest";
import { Secrets } from "../../../src/diagnostics/secrets.ts";
import { loadInventory } from "../../../src/inventory/load-inventory.ts";
import { inventoryAsJson } from "../../../src/inventory/show.ts";
import { createScope } from "../../../src/variables/host-scope.ts";
import { parseVariables } from "../../../src/variables/variables-file.ts";
import { encrypt } from "../../../src/variables/vault/ansible-vault.ts";
import { Keyring } from "../../../src/variables/vault/keyring.ts";

vi.setConfig({ testTimeout: 120_000 });

const PASSWORD = "inline";
const folder = mkdtempSync(path.join(tmpdir(), "plumb-inline-"));
const password = path.join(folder, "pass");
writeFileSync(password, PASSWORD);
const keyring = (): Keyring =>
  new Keyring(new Secrets(), { passwords: [{ id: "default", password: PASSWORD }] });
const ansible = (program: string, ...args: string[]): string =>
  execFileSync(program, args, {
    encoding: "utf8",
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
    env: {
      ...process.env,
      ANSIBLE_VAULT_PASSWORD_FILE: password,
      LC_ALL: "C.UTF-8",
      ANSIBLE_LOCAL_TEMP: path.join(folder, "ansible"),
    },
  });

const TEXTS = ["plain", 'it\'s "quoted" \\ $x', "Grüße, 世界", "two\nlines\n", " blanks ", "42", "true"];
const inline = (text: string, indent: number, id?: string): string =>
  `!vault |\n${encrypt(Buffer.from(text), PASSWORD, id).trimEnd().replace(/^/gm, " ".repeat(indent))}\n`;

describe("values that are vaulted by themselves, beside Ansible", () => {
  test("it reads ours in mappings and lists as we do", () => {
    const lines = TEXTS.map(
      (text, index) => `    t${index}: ${inline(text, 8, index % 2 === 0 ? undefined : "prod")}`,
    );
    const items = TEXTS.map((text) => `    - ${inline(text, 8)}`);
    const yaml = `all:\n  deep:\n${lines.join("")}  list:\n${items.join("")}`;
    writeFileSync(path.join(folder, "vars.yml"), yaml);
    const script =
      "- hosts: localhost\n  connection: local\n  gather_facts: false\n  vars_files: [vars.yml]\n  tasks:\n    - copy: {content: '{{ all | to_json }}', dest: theirs.json}\n";
    writeFileSync(path.join(folder, "play.yml"), script);
    ansible("ansible-playbook", "-i", "localhost,", "play.yml");
    const theirs = JSON.parse(
      execFileSync("cat", [path.join(folder, "theirs.json")], { encoding: "utf8" }),
    ) as unknown;
    const one = keyring();
    const scope = createScope({
      keyring: one,
      layers: [
        {
          level: "test",
          variables: parseVariables(yaml, "vars.yml", { origin: { keyring: one, isFromVault: false } }),
        },
      ],
    });
    const ours = scope.lookup("all") as { deep: Record<string, string>; list: string[] };
    expect(Object.values(ours.deep)).toEqual(TEXTS);
    expect(ours.list).toEqual(TEXTS);
    expect(theirs).toEqual(ours);
  });

  test("we read what its encrypt_string prints", () => {
    const printed = ansible(
      "ansible-vault",
      "encrypt_string",
      ...TEXTS.flatMap((_, index) => ["--name", `v${index}`]),
      "--",
      ...TEXTS,
    );
    const one = keyring();
    const scope = createScope({
      keyring: one,
      layers: [
        {
          level: "test",
          variables: parseVariables(printed, "printed.yml", { origin: { keyring: one, isFromVault: false } }),
        },
      ],
    });
    for (const [index, text] of TEXTS.entries()) expect(scope.lookup(`v${index}`)).toBe(text);
  });

  test("inventory --list shows them as it does", async () => {
    const inventory = path.join(folder, "inventory");
    mkdirSync(path.join(inventory, "group_vars"), { recursive: true });
    writeFileSync(path.join(inventory, "hosts.yml"), "all:\n  hosts:\n    web1:\n");
    writeFileSync(
      path.join(inventory, "group_vars/all.yml"),
      `one: ${inline("s3cret", 4)}many:\n  - ${inline("s3cret", 6)}  - {deep: [1, x]}\n`,
    );
    const theirs = JSON.parse(ansible("ansible-inventory", "-i", inventory, "--list")) as unknown;
    const one = keyring();
    const ours = await inventoryAsJson(await loadInventory([inventory], { keyring: one }), { keyring: one });
    expect((ours["_meta"] as { hostvars: unknown }).hostvars).toEqual(
      (theirs as { _meta: { hostvars: unknown } })._meta.hostvars,
    );
  });
});

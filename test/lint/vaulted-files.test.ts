import { expect, test } from "vitest";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { encrypt } from "../../src/variables/vault/ansible-vault.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { lintFiles } from "./lint-files.ts";

const SITE = `- name: Web
  hosts: web
  vars_files: [more.yml]
  tasks:
    - name: Show
      debug: {msg: "{{ db_password }}{{ app_password }}{{ app_mode }}"}
`;

const vaulted = (text: string): string => encrypt(Buffer.from(text), "pw-of-test", "default");

test("what is vaulted stands nowhere in plain text, and what lint says of it says nothing of what it is", async () => {
  const keyring = new Keyring(new Secrets(), { passwords: [{ id: "default", password: "pw-of-test" }] });
  const { places, findings } = await lintFiles(
    {
      "hosts.yml": "web:\n  hosts:\n    web1:\n",
      "group_vars/web.yml": vaulted("db_password: hunter22\n"),
      "vars/more.yml": vaulted("app_password: hunter33\napp_mode: 4711\n"),
      "site.yml": SITE,
    },
    { keyring },
  );
  expect(places).toEqual(["vars/more.yml:2:11 numeric-mode"]);
  expect(JSON.stringify(findings)).not.toMatch(/hunter|4711/);
});

test.each([
  ["0644", "0644"],
  ["644", "0644"],
  ["420", "0420"],
  ["493", "0755"],
])("a mode that is written %s is told to be written %s in quotes", async (written, meant) => {
  const { findings } = await lintFiles({
    "site.yml": `- name: Web\n  hosts: all\n  vars:\n    web_mode: ${written}\n  tasks:\n    - name: It\n      file: {path: /x, state: touch, mode: "{{ web_mode }}"}\n`,
  });
  expect(findings.map(({ rule, hint }) => `${rule} ${hint}`)).toEqual([
    `numeric-mode write it in quotes: web_mode: "${meant}"`,
  ]);
});

import { execFileSync } from "node:child_process";
import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { type Diagnostic, DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { renderDiagnostic } from "../../src/diagnostics/render.ts";
import { Secrets } from "../../src/diagnostics/secrets.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { variablesOfHost } from "../../src/inventory/show.ts";
import { groupAndHostVariables } from "../../src/inventory/variable-layers.ts";
import { createScope } from "../../src/variables/host-scope.ts";
import type { ValueMap } from "../../src/variables/value.ts";
import { encrypt } from "../../src/variables/vault/ansible-vault.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { findings, folderWith } from "./inventory-files.ts";

const PASSWORD = "the right one";
const WEB = "group_vars/web.yml";
const keyring = (password = PASSWORD): Keyring =>
  new Keyring(new Secrets(), { passwords: [{ id: "default", password }] });

async function read(folder: string, name: string, keys = keyring()): Promise<ValueMap> {
  const inventory = await loadInventory([path.join(folder, "hosts")]);
  await groupAndHostVariables(inventory, name, { playbookFolder: undefined, keyring: keys });
  return variablesOfHost(inventory, name, keys);
}

/** What a run says of these files beside an inventory of `web1` in the group `web`. */
async function saidOf(
  files: Readonly<Record<string, string>>,
  prepare: (folder: string) => unknown = () => undefined,
  keys = keyring(),
): Promise<readonly Diagnostic[]> {
  const folder = await folderWith({ hosts: "[web]\nweb1\n", ...files });
  await prepare(folder);
  try {
    await read(folder, "web1", keys);
  } catch (error) {
    if (error instanceof DiagnosticsError) return error.diagnostics;
    throw error;
  }
  return [];
}

const link = (target: string, name: string) => (folder: string) => symlink(target, path.join(folder, name));
const vaulted = encrypt(Buffer.from("web_port: 80\n"), PASSWORD);

describe("bad files of variables", () => {
  test.each<{
    what: string;
    files?: Readonly<Record<string, string>>;
    prepare?: (folder: string) => unknown;
    keys?: Keyring;
    code: string;
    said: string;
  }>([
    { what: "a list", files: { [WEB]: "- a: 1\n" }, code: "wrong-type:1", said: "name: value" },
    { what: "a text", files: { [WEB]: "only words\n" }, code: "wrong-type:1", said: "name: value" },
    { what: "no YAML", files: { [WEB]: "ok: 1\nbad: [1\n" }, code: "yaml-syntax:3", said: "not valid YAML" },
    {
      what: "braces without quotes",
      files: { [WEB]: "a: {{ b }}\n" },
      code: "yaml-syntax:1",
      said: "must be in quotes",
    },
    { what: "no JSON", files: { "group_vars/web.json": '{"a": 1' }, code: "yaml-syntax:1", said: "YAML" },
    { what: "a key twice", files: { [WEB]: "a: 1\na: 2\n" }, code: "yaml-syntax:2", said: "once" },
    {
      what: "two documents",
      files: { [WEB]: "a: 1\n---\nb: 2\n" },
      code: "yaml-syntax:2",
      said: "a file of its own",
    },
    {
      what: "a name that is none",
      files: { [WEB]: "web-port: 80\n" },
      code: "wrong-type:1",
      said: "underscores",
    },
    {
      what: "a template that is none",
      files: { [WEB]: 'a: "{{ b | upper }}"\n' },
      code: "template-syntax:1",
      said: "upper",
    },
    {
      what: "a vault, and no password",
      files: { [WEB]: vaulted },
      keys: new Keyring(),
      code: "vault-no-password:1",
      said: "--vault",
    },
    {
      what: "a vault, and another password",
      files: { [WEB]: vaulted },
      keys: keyring("another one"),
      code: "vault-wrong-password:1",
      said: "password",
    },
    {
      what: "a vault that is cut off",
      files: { [WEB]: vaulted.slice(0, 150) },
      code: "vault-truncated:3",
      said: "backup",
    },
    {
      what: "a file where the folder host_vars should be",
      prepare: (folder) => writeFile(path.join(folder, "host_vars"), ""),
      code: "file-unreadable:1",
      said: "should be a folder",
    },
    {
      what: "letters that are not UTF-8",
      files: { [WEB]: "" },
      prepare: (folder) => writeFile(path.join(folder, WEB), Buffer.from("a: 1\nb: gr\xfcn\n", "latin1")),
      code: "file-unreadable:2",
      said: "UTF-8",
    },
    {
      what: "a link that leads nowhere",
      files: { "group_vars/x": "" },
      prepare: link("gone.yml", WEB),
      code: "file-not-found:1",
      said: "link",
    },
    {
      what: "a link that leads nowhere in a folder",
      files: { "group_vars/web/x.yml": "" },
      prepare: link("gone.yml", "group_vars/web/y.yml"),
      code: "file-not-found:1",
      said: "link",
    },
    {
      what: "a file that can't be read",
      files: { "group_vars/x": "" },
      prepare: link("/proc/self/mem", WEB),
      code: "file-unreadable",
      said: "can't be read",
    },
    {
      what: "a pipe, which would be waited for",
      files: { "group_vars/x": "" },
      prepare: (folder) => execFileSync("mkfifo", [path.join(folder, WEB)]),
      code: "file-unreadable:1",
      said: "neither a file nor a folder",
    },
    {
      what: "a file where a folder should be",
      files: { group_vars: "web_port: 80\n" },
      code: "file-unreadable:1",
      said: "all.yml",
    },
  ])("$what: an error that says so", async ({ files = {}, prepare, keys, code, said }) => {
    const problems = await saidOf(files, prepare, keys);
    expect(problems.map((one) => (one.at === undefined ? one.code : `${one.code}:${one.at.line}`))).toEqual([
      code,
    ]);
    const [problem] = problems;
    const shown = problem === undefined ? "" : renderDiagnostic(problem);
    expect(shown).toMatch(/(group|host)_vars/);
    expect(shown).toContain(said);
  });

  test.each([
    ["an empty file", { [WEB]: "" }],
    ["comments alone", { [WEB]: "# nothing yet\n" }],
    ["a null", { [WEB]: "---\n~\n" }],
    ["an empty mapping", { "group_vars/web.json": "{}" }],
    ["an empty folder's hidden file", { "group_vars/web/.keep": "" }],
    [
      "backups, hidden files and other endings in a folder",
      { "group_vars/web/a.yml~": "[", "group_vars/web/.b.yml": "[", "group_vars/web/c.txt": "[" },
    ],
    [
      "a file for a group, and for a host, that the inventory does not have",
      { "group_vars/webs.yml": "[", "host_vars/web2.yml": "[" },
    ],
  ])("%s: no variables, and no error", async (_what, files) => {
    const folder = await folderWith({ hosts: "[web]\nweb1\n", ...files });
    expect(await read(folder, "web1")).toEqual({});
  });

  test("a folder whose name ends as a file's is read as a folder", async () => {
    const folder = await folderWith({ hosts: "[web]\nweb1\n", "group_vars/web.yml/a.yml": "a: 1\n" });
    expect(await read(folder, "web1")).toEqual({ a: 1 });
  });

  test("variables that are made of each other are told of when one is asked for, with the way", async () => {
    const folder = await folderWith({
      hosts: "[web]\nweb1\n",
      [WEB]: 'a: "{{ b }}"\nb: "x{{ c }}"\nc: !expr a\n',
    });
    const inventory = await loadInventory([path.join(folder, "hosts")]);
    const layers = await groupAndHostVariables(inventory, "web1", {
      playbookFolder: undefined,
      keyring: keyring(),
    });
    const scope = createScope({ layers });
    expect(await findings(() => scope.lookup("b"))).toEqual(["variable-cycle:2"]);
    try {
      scope.lookup("b");
    } catch (error) {
      expect(String(error)).toContain("b -> c -> a -> b");
    }
  });
});

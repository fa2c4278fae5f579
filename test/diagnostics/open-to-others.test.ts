import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { DiagnosticsError } from "../../src/diagnostics/diagnostic.ts";
import { refuseOpenToOthers } from "../../src/diagnostics/open-to-others.ts";
import { loadInventory } from "../../src/inventory/load-inventory.ts";
import { inventoryAsJson } from "../../src/inventory/show.ts";
import { loadPlaybook } from "../../src/playbook/load-playbook.ts";
import { Keyring } from "../../src/variables/vault/keyring.ts";
import { passwordFrom } from "../../src/variables/vault/password-source.ts";

const newFolder = (): string => mkdtempSync(path.join(tmpdir(), "plumb-open-"));

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof DiagnosticsError ? error.diagnostics[0]?.code : String(error);
  }
}

/** A project in which everything is as it should be. */
function projectIn(folder: string): (name: string) => string {
  const at = (name: string): string => path.join(folder, name);
  for (const name of ["library", "group_vars", "roles/mine/tasks"]) mkdirSync(at(name), { recursive: true });
  writeFileSync(at("library/evil.mjs"), "throw new Error('it was run')");
  writeFileSync(at("group_vars/all.yml"), "ansible_host: evil\n");
  writeFileSync(at("roles/mine/tasks/main.yml"), "- debug: {msg: x}\n");
  writeFileSync(at("hosts.ini"), "web1\n");
  writeFileSync(at("play.yml"), "- hosts: all\n  tasks: [{debug: {msg: x}}]\n");
  writeFileSync(at("role.yml"), "- hosts: all\n  roles: [mine]\n");
  for (const name of ["hosts", "password"])
    writeFileSync(at(name), "#!/bin/sh\necho '{}'\n", { mode: 0o700 });
  return at;
}

const loadPlay = (at: (name: string) => string): Promise<unknown> =>
  loadPlaybook(at("play.yml"), { rolePaths: [] });
const loadRole = (at: (name: string) => string): Promise<unknown> => {
  rmSync(at("library"), { recursive: true, force: true });
  return loadPlaybook(at("role.yml"), { rolePaths: [] });
};
const showInventory = async (at: (name: string) => string): Promise<unknown> =>
  inventoryAsJson(await loadInventory([at("hosts.ini")]), { keyring: new Keyring() });

const codesOf = (act: Promise<unknown>): Promise<string[]> =>
  act.then(
    () => [],
    (error: unknown) =>
      error instanceof DiagnosticsError ? error.diagnostics.map(({ code }) => code) : [String(error)],
  );

describe("what is run or obeyed on the controller", () => {
  test("is refused where every user could have written it, and taken from a shared folder when it is our own", () => {
    const folder = newFolder();
    const file = path.join(folder, "program");
    writeFileSync(file, "#!/bin/sh\n");
    const judged = (folderMode: number, fileMode: number): string | undefined => {
      chmodSync(folder, folderMode);
      chmodSync(file, fileMode);
      return codeOf(() => refuseOpenToOthers(file, "the program"));
    };
    expect([judged(0o755, 0o755), judged(0o775, 0o775), judged(0o1777, 0o755)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([judged(0o755, 0o757), judged(0o777, 0o755)]).toEqual([
      "file-open-to-others",
      "file-open-to-others",
    ]);
    expect(codeOf(() => refuseOpenToOthers(path.join(folder, "missing"), "x"))).toBeUndefined();
  });

  test.each<[string, string, number, (at: (name: string) => string) => Promise<unknown>]>([
    ["a module", "library/evil.mjs", 0o666, loadPlay],
    ["the folder that modules are in", "library", 0o777, loadPlay],
    ["what the folder of modules is in", "", 0o777, loadPlay],
    ["a role", "roles/mine", 0o777, loadRole],
    ["the folder that roles are in", "roles", 0o777, loadRole],
    ["what the folder of roles is in", "", 0o777, loadRole],
    ["a folder of variables", "group_vars", 0o777, showInventory],
    ["an inventory program", "hosts", 0o777, (at) => loadInventory([at("hosts")])],
    [
      "a password program",
      "password",
      0o777,
      (at) => passwordFrom({ id: "default", source: at("password") }, async () => ""),
    ],
  ])(
    "modules, roles, variables, inventory programs and password programs are asked about: %s",
    async (_, open, mode, act) => {
      const at = projectIn(newFolder());
      // It is that which makes the difference.
      await expect(codesOf(act(at))).resolves.not.toContain("file-open-to-others");
      chmodSync(at(open), mode);
      expect(await codesOf(act(at))).toContain("file-open-to-others");
    },
  );

  test("of somebody else in a folder where everybody may make files is refused", () => {
    const folder = newFolder();
    chmodSync(folder, 0o1777);
    mkdirSync(path.join(folder, "library"));
    chownSync(path.join(folder, "library"), 65534, 65534);
    expect(codeOf(() => refuseOpenToOthers(path.join(folder, "library"), "the folder of modules"))).toBe(
      "file-open-to-others",
    );
    // What is ours by itself, and led to by somebody else.
    const link = path.join(folder, "link");
    symlinkSync(newFolder(), link);
    expect(codeOf(() => refuseOpenToOthers(link, "the folder of modules"))).toBeUndefined();
    lchownSync(link, 65534, 65534);
    expect(codeOf(() => refuseOpenToOthers(link, "the folder of modules"))).toBe("file-open-to-others");
  });
});

import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
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

  test("modules, roles, variables, inventory programs and password programs are asked about", async () => {
    const folder = newFolder();
    const at = (name: string): string => path.join(folder, name);
    for (const name of ["library", "group_vars", "roles/mine/tasks"])
      mkdirSync(at(name), { recursive: true });
    writeFileSync(at("library/evil.mjs"), "throw new Error('it was run')");
    writeFileSync(at("group_vars/all.yml"), "ansible_host: evil\n");
    writeFileSync(at("roles/mine/tasks/main.yml"), "- debug: {msg: x}\n");
    writeFileSync(at("hosts.ini"), "web1\n");
    writeFileSync(at("play.yml"), "- hosts: all\n  roles: [mine]\n");
    for (const name of ["hosts", "password"]) {
      writeFileSync(at(name), "#!/bin/sh\ntouch owned\n", { mode: 0o700 });
      chmodSync(at(name), 0o777);
    }
    for (const name of ["library", "group_vars", "roles", "roles/mine"]) chmodSync(at(name), 0o777);
    const codes = async (act: Promise<unknown>): Promise<unknown> =>
      act.catch((error: unknown) => (error instanceof DiagnosticsError ? error.diagnostics[0]?.code : error));
    const loading = loadPlaybook(at("play.yml"), { rolePaths: [] });
    const problems = await loading.then(
      () => [],
      (error: unknown) => (error instanceof DiagnosticsError ? error.diagnostics : []),
    );
    expect(problems.map(({ code }) => code)).toEqual(["file-open-to-others", "file-open-to-others"]);
    const shown = loadInventory([at("hosts.ini")]).then((inventory) =>
      inventoryAsJson(inventory, { keyring: new Keyring() }),
    );
    expect(await codes(shown)).toBe("file-open-to-others");
    expect(await codes(loadInventory([at("hosts")]))).toBe("file-open-to-others");
    const source = { id: "default", source: at("password") };
    expect(await codes(passwordFrom(source, async () => ""))).toBe("file-open-to-others");
  });

  test("of somebody else in a folder where everybody may make files is refused", () => {
    const folder = newFolder();
    chmodSync(folder, 0o1777);
    mkdirSync(path.join(folder, "library"));
    chownSync(path.join(folder, "library"), 65534, 65534);
    expect(codeOf(() => refuseOpenToOthers(path.join(folder, "library"), "the folder of modules"))).toBe(
      "file-open-to-others",
    );
  });
});

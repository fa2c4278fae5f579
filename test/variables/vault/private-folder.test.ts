import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { makePrivateFolder } from "../../../src/variables/vault/private-folder.ts";

const laid: string[] = [];
afterEach(() => {
  for (const one of laid.splice(0)) rmSync(one, { recursive: true, force: true });
});

/** A name that a killed process could have left, in a place where every user may make files. */
function leftName(): string {
  const { pid } = spawnSync("true");
  const name = `/dev/shm/plumb-vault-${pid}-${path.basename(mkdtempSync(path.join(tmpdir(), "plumb-left-")))}`;
  laid.push(name);
  return name;
}

/** A folder with a file of ours that nobody else may write to. */
function ours(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "plumb-precious-"));
  writeFileSync(path.join(folder, "file"), "precious", { mode: 0o600 });
  return folder;
}

async function isKept(folder: string): Promise<boolean> {
  await (await makePrivateFolder()).wipe();
  const file = path.join(folder, "file");
  return existsSync(file) && readFileSync(file, "utf8") === "precious";
}

test("what a killed process of the user's has left is wiped", async () => {
  const name = leftName();
  mkdirSync(name, { mode: 0o700 });
  writeFileSync(path.join(name, "file"), "precious");
  expect(await isKept(name)).toBe(false);
});

test.each<[string, (name: string) => string]>([
  [
    "a folder of another user's",
    (name) => {
      mkdirSync(name, { mode: 0o700 });
      writeFileSync(path.join(name, "file"), "precious");
      chownSync(name, 65534, 65534);
      return name;
    },
  ],
  [
    "a folder that others may write to",
    (name) => {
      mkdirSync(name);
      chmodSync(name, 0o777);
      writeFileSync(path.join(name, "file"), "precious");
      return name;
    },
  ],
  [
    "a link",
    (name) => {
      const folder = ours();
      symlinkSync(folder, name);
      return folder;
    },
  ],
  [
    "a link of another user's",
    (name) => {
      const folder = ours();
      symlinkSync(folder, name);
      lchownSync(name, 65534, 65534);
      return folder;
    },
  ],
])("nothing is overwritten in, or through, %s with such a name", async (_, lay) => {
  expect(await isKept(lay(leftName()))).toBe(true);
});

import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { isVaulted } from "../vault/envelope.ts";
import { Keyring } from "../vault/keyring.ts";
import { type LibraryFunction, number, text } from "./library-function.ts";

const LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** Functions that look something up on the controller. */
export const lookupFunctions: readonly LibraryFunction[] = [
  {
    name: "env",
    parameters: ["name"],
    summary: "A variable of Plumb's own environment; null when it is not set.",
    example: { expression: 'env("PLUMB_NO_SUCH_VARIABLE")', value: null },
    call: ([name]) => process.env[text("env", name)] ?? null,
  },
  {
    name: "read_file",
    parameters: ["path"],
    summary:
      "The text of a file on the controller, without its final newline. One in Ansible's vault is opened.",
    example: { expression: 'read_file("/dev/null")', value: "" },
    call: ([file], keyring) => fileText(text("read_file", file), keyring).replace(/\n$/, ""),
  },
  {
    name: "password_file",
    parameters: ["path", "length?"],
    summary:
      "A password kept in a file on the controller (0600): made at random (letters and digits) the first time, read ever after.",
    example: { expression: 'length(password_file("/dev/null", 20)) >= 0', value: true },
    call: ([file, length]) =>
      keptPassword(text("password_file", file), length === undefined ? 32 : number("password_file", length)),
  },
];

function fileText(file: string, keyring: Keyring | undefined): string {
  const bytes = readFileSync(file);
  if (!isVaulted(bytes)) return bytes.toString();
  const opening = keyring ?? new Keyring();
  const content = opening.decrypt(bytes.toString(), file, { file, line: 1, column: 1 }).toString();
  opening.hide(content);
  return content;
}

function keptPassword(file: string, length: number): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const password = Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  // "wx" fails where the file has come into being meanwhile: two passwords for one thing must not exist.
  const handle = openSync(file, "wx", 0o600);
  writeSync(handle, `${password}\n`);
  closeSync(handle);
  return password;
}
